"""How much of two pieces of code is the same text, whatever their layout, licence and imports.

A text is the set of its shingles, runs of three words, and the likeness of two texts is the Jaccard
similarity of those sets (Broder 1997), computed and not estimated: some fifty texts of one answer
are compared, and only pairs that share lines at all. What every file of a project begins with says
nothing of what it is a copy of, so the lines up to the last one of a licence and lines that import
are left out.
"""

from __future__ import annotations

import re
from functools import cached_property

COPY = 0.7
"""Texts at least so alike are near copies of each other; docs/ranking.md weighs the number."""
_SHINGLE = 3
_LEAST_SHINGLES = 20
"""Of a text with fewer, only the very same text is a copy: three lines are alike by chance."""
_LEAST_OF_LINE = 12
"""Characters of a line that is worth comparing."""
_LEAST_SHARED = 0.25
"""Of the lines of the shorter text; pairs that share fewer are not looked at further."""
_ENOUGH_LINES = 8
"""Lines in common that tell by themselves, where the share of them does; this spares shingles."""
_LONGEST = 6_000
"""Characters of a text that are looked at."""
_PREFACE = 60
"""Lines of a file in which its licence ends."""

_WORD = re.compile(r"\w+")
_LICENCE = ("copyright", "license", "licence", "spdx")
_OF_LICENCE = (
    *_LICENCE,
    "warrant",
    "rights reserved",
    "permission",
    "redistribut",
    "merchantab",
    "liable",
    "liability",
    "dealings in",
)
_IMPORTS = (
    "import ",
    "from ",
    "use ",
    "using ",
    "#include",
    "# include",
    "require",
    "package ",
    "alias ",
    "open ",
    "pub use ",
    "export * ",
    "@import",
)


class Body:
    """A piece of code as it is compared; what costs time is made when it is first needed."""

    def __init__(self, text: str, start_line: int) -> None:
        """Take a text.

        Args:
            text: The code.
            start_line: Where it begins in its file, from 1; what begins there has the licence.
        """
        self.text = text.strip()
        self._compared = self.text[:_LONGEST]
        self._start_line = start_line

    @cached_property
    def _kept(self) -> list[str]:
        lines = self._compared.split("\n")
        if self._start_line == 1:
            lines = lines[_end_of_licence(lines) :]
        return [line for line in map(str.strip, lines) if not line.startswith(_IMPORTS)]

    @cached_property
    def lines(self) -> frozenset[str]:
        """Its different lines, without their indentation."""
        return frozenset([line for line in self._kept if len(line) >= _LEAST_OF_LINE])

    @cached_property
    def shingles(self) -> frozenset[tuple[str, ...]]:
        """Its different runs of three words."""
        words = _WORD.findall("\n".join(self._kept))
        return frozenset(zip(*(words[start:] for start in range(_SHINGLE)), strict=False))

    @cached_property
    def names(self) -> frozenset[str]:
        """Its different words as they are spelled."""
        return frozenset(_WORD.findall(self._compared))


def are_copies(one: Body, other: Body, shared_lines: int, threshold: float = COPY) -> bool:
    """Whether two texts are the same, or long enough to tell and alike.

    Args:
        one: A text.
        other: Another.
        shared_lines: How many of their `lines` they have in common.
        threshold: The likeness from which they are copies.
    """
    if one.text == other.text:
        return bool(one.text)
    fewer, more = sorted((len(one.lines), len(other.lines)))
    if not shared_lines or shared_lines < _LEAST_SHARED * fewer:
        return False
    if shared_lines >= max(_ENOUGH_LINES, threshold * (fewer + more - shared_lines)):
        return True
    a, b = one.shingles, other.shingles
    fewer, more = sorted((len(a), len(b)))
    if fewer < _LEAST_SHINGLES or fewer < threshold * more:
        return False
    shared = len(a & b)
    return shared >= threshold * (fewer + more - shared)


def _end_of_licence(lines: list[str]) -> int:
    """Behind the last of the first lines that speaks of a licence, 0 where none does."""
    preface = [line.lower() for line in lines[:_PREFACE]]
    whole = "\n".join(preface)
    if not any(word in whole for word in _LICENCE):
        return 0
    spoken = [at for at, line in enumerate(preface) if any(word in line for word in _OF_LICENCE)]
    return spoken[-1] + 1
