"""A place where a pattern is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from c2llm.analysis.patterns.pattern import Pattern

Basis = Literal["filter", "meaning"]
Role = Literal["code", "test", "generated"]


@dataclass(frozen=True, slots=True)
class Hit:
    """One place in one file."""

    pattern: Pattern
    repository: str
    """Label of the index, "" where there is one only."""
    path: str
    language: str
    start_line: int
    """From 1."""
    end_line: int
    """Inclusive."""
    start_column: int
    """From 1, in characters."""
    end_column: int
    """Behind the last character."""
    symbol: str
    """The function around it, or ""."""
    lines: Sequence[str]
    """The lines of the place; of a long one the first."""
    score: float
    """How near its code is in meaning to the nearest positive example, up to 1."""
    margin: float
    """How much nearer than to the nearest negative one."""
    role: Role
    allowed: str | None
    """The reason that a comment in the code gives for it; None where it is not allowed."""
    fingerprint: str
    """Of pattern and code, whatever its place: the same after lines above it were added."""

    @property
    def basis(self) -> Basis:
        """What decided: a filter and meaning, or meaning alone."""
        return "meaning" if self.pattern.find is None else "filter"

    @property
    def place(self) -> str:
        """Where it is, for a sentence."""
        where = f"{self.repository}/{self.path}" if self.repository else self.path
        return f"{where}:{self.start_line}"


@dataclass(frozen=True, slots=True)
class PatternReport:
    """What a search has found."""

    patterns: Sequence[Pattern]
    """All that were looked for."""
    hits: Sequence[Hit]
    """The gravest first, then by place."""
    apart: Sequence[Hit]
    """In tests and generated code, and what comments allow, where they are not asked for."""
    files: int
    searched: int
    """Files that were looked at anew; of the others the hits were kept."""
    notes: Sequence[str]
    """What was not looked at, and why."""
    missed: frozenset[str] = frozenset()
    """Names of the patterns that a file took too long to be searched for."""
