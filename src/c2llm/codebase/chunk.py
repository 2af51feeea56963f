"""The unit of search: a contiguous piece of one file, and the text that is embedded for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple


class Part(NamedTuple):
    """A definition, or a section of prose, that has lines in a chunk beside others."""

    name: str
    kind: str
    """As the chunk's."""
    scope: str
    start_line: int
    """Its first line, that of its comment if it has one; it may lie before the chunk."""
    end_line: int
    """Inclusive; it may lie behind the chunk."""


NOTEBOOK = ".ipynb"
"""What the names of notebooks end in."""
_CELL = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Chunk:
    """One contiguous piece of a file; the chunks of a file cover it without overlap."""

    path: str
    """Path relative to the searched root, with `/`."""
    start_line: int
    """First line, counted from 1."""
    end_line: int
    """Last line, inclusive."""
    language: str
    """Language name as in `codebase.languages`, `text` when unknown."""
    kind: str
    """`function`, `class`, `module` (other code), `section` (prose), `config` or `text`."""
    symbol: str
    """Name of the definition that the chunk carries, or ""; of several, the first and outermost."""
    scope: str
    """Names of the enclosing definitions joined by `.`, or ""; of a notebook the cell first."""
    signature: str
    """First line(s) of the definition on one line, at most 200 characters, or ""."""
    definitions: tuple[str, ...]
    """Names of all definitions that start inside the chunk."""
    text: str
    """The source as it stands, without a trailing newline."""
    parts: tuple[Part, ...] = ()
    """What may be named for it, in the order of lines; empty where that is `symbol` alone."""


def cell_scope(number: int) -> str:
    """What the scope of a chunk of a notebook begins with: the number of its cell, from 1."""
    return f"[{number}]"


def cell_of(scope: str) -> int:
    """The number of the cell that a chunk of a notebook is from, 0 where its scope has none."""
    match = _CELL.match(scope)
    return int(match[1]) if match else 0
