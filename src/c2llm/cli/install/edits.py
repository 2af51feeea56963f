"""Changes of a text as spans, so that all the rest of it stays as it was, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """One span of a text and what takes its place."""

    start: int
    """In characters of the text before."""
    end: int
    """Exclusive; `start` where something is put in."""
    text: str


class FormatError(ValueError):
    """A text is not what its format allows, or cannot be changed in place."""

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset
        """Where, if that is known."""


def apply(before: str, edits: Sequence[Edit]) -> str:
    """The text after edits, which are in order and do not overlap."""
    parts: list[str] = []
    done = 0
    for edit in edits:
        parts += [before[done : edit.start], edit.text]
        done = edit.end
    return "".join([*parts, before[done:]])


def between(before: str, after: str) -> list[Edit]:
    """The one edit that makes `after` of `before`, as short as can be; none where they are equal.

    Where lines are put in or taken out, it begins where a line does.
    """
    if before == after:
        return []
    most = min(len(before), len(after))
    start = next((i for i in range(most) if before[i] != after[i]), most)
    end = 0
    while end < most - start and before[-1 - end] == after[-1 - end]:
        end += 1
    stop = len(before) - end
    longer = before if len(before) > len(after) else after
    moved = longer[start : len(longer) - end]
    if min(stop, len(after) - end) == start:  # nothing but put in, or taken out
        line = before.rfind("\n", 0, start) + 1
        if moved.endswith(before[line:start]):
            back = start - line
            return [Edit(line, stop - back, after[line : len(after) - end - back])]
    return [Edit(start, stop, after[start : len(after) - end])]


def newline_of(text: str) -> str:
    """How most lines of a text end; `\\n` where it has none."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"


def line_of(text: str, offset: int) -> int:
    """The number of the line of an offset, from 1."""
    return text.count("\n", 0, offset) + 1
