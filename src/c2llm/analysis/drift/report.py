"""What a comparison of two trees tells."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from c2llm.analysis.changes.change import Change, Effect
from c2llm.analysis.trees.code_tree import Function
from c2llm.printable import printable

Relation = Literal["same", "moved", "renamed", "split", "merged", "added", "removed"]
ValueKind = Literal["constant", "default", "keyword", "setting"]


@dataclass(frozen=True, slots=True)
class FunctionDrift:
    """A function, or what is outside of the functions of a file, that is not the same in both."""

    before: Function | None
    """None for one that is in the newer tree only."""
    after: Function | None
    """None for one that is in the older tree only."""
    relation: Relation
    """How it was found again: in its place, elsewhere, under another name, in several parts."""
    parts: tuple[Function, ...]
    """Other functions that a part of it went to, or came from."""
    effect: Effect
    weight: float
    """How much it matters, 0 to 1."""
    reasons: tuple[str, ...]
    """Why it has this weight, in words."""
    changes: tuple[Change, ...]
    """The gravest first."""

    @property
    def name(self) -> str:
        """The function with the names around it, in the newer tree if it is there."""
        one = self.after or self.before
        assert one is not None
        return ".".join(filter(None, (one.scope, one.name)))

    @property
    def path(self) -> str:
        """Its file, in the newer tree if it is there."""
        one = self.after or self.before
        assert one is not None
        return one.path


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A constant, a default, a named argument or a setting that has another value."""

    kind: ValueKind
    name: str
    before: str
    """"" where it is new."""
    after: str
    """"" where it is gone."""
    function: str
    """Where it is, "" outside of functions."""
    path: str
    """In the newer tree if it is there."""
    line: int
    """In the file at `path`."""
    weight: float


@dataclass(frozen=True, slots=True)
class DriftReport:
    """How two trees differ."""

    before: str
    """The label of the older tree."""
    after: str
    functions: tuple[FunctionDrift, ...]
    """Those that matter most first."""
    values: tuple[ValueChange, ...]
    """Those that matter most first."""
    moved_files: tuple[tuple[str, str], ...]
    """Old and new path of files that are elsewhere, otherwise unchanged."""
    files: int
    """Files of both trees that were looked at, a file of both counted once."""
    same_files: int
    """Of these, the same in both."""
    not_compared: tuple[str, ...] = ()
    """Paths of files that differ and are too large to be read, in the order of paths."""

    def too_large_said(self) -> str:
        """What of `not_compared` is to be said, "" if nothing."""
        if not self.not_compared:
            return ""
        shown = ", ".join(map(printable, self.not_compared[:3]))
        more = len(self.not_compared) - 3
        rest = f" and {more:,} more" if more > 0 else ""
        some = "1 file differs" if len(self.not_compared) == 1 else "Some files differ"
        return f"{some} and cannot be compared, too large ({shown}{rest})"

    def counts(self) -> dict[str, int]:
        """Functions by their effect; of those in one tree only the number by itself."""
        found = Counter(
            one.relation if one.relation in ("added", "removed") else one.effect.name.lower()
            for one in self.functions
        )
        names = ("behaviour", "structural", "cosmetic", "added", "removed")
        return {name: found[name] for name in names}

    def effect(self) -> Effect | None:
        """The gravest effect; None where nothing differs."""
        effects = [one.effect for one in self.functions]
        if self.moved_files:
            effects.append(Effect.STRUCTURAL)
        return max(effects, default=None)
