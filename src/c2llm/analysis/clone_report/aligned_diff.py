"""What differs between two pieces of code that are alike: lines side by side, tokens marked.

Lines are aligned by what they have in common (Needleman and Wunsch 1970), so that a line in which a
name was changed stands beside the one it was. A name that stands for the same other name everywhere
is told once, as a renaming, and marked nowhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from c2llm.analysis.clone_report.line_tokens import LONGEST_LINE, is_name, shape, tokens

RowKind = Literal["same", "renamed", "changed", "removed", "added"]
"""`renamed`: the same but for names of `Alignment.renames`. `removed`: on the left alone."""

_MOST_PAIRS = 60_000
"""Lines of one side times lines of the other that are aligned as a whole."""
_LEAST_LIKE = 0.35
"""Lines that are less alike do not stand beside each other."""
_COMMENT = re.compile(r"\s*(//|#|--|/?\*|%|;|<!--)")
_SAME_SHAPE = 0.5
"""Likeness of two lines that differ in all names and literals."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A line of each side, or of one."""

    kind: RowKind
    left_line: int
    """Number in its file, 0 where there is none on this side."""
    right_line: int
    left: tuple[Piece, ...]
    right: tuple[Piece, ...]

    @property
    def differs(self) -> bool:
        """Whether there is more to see than names that are told and blank lines."""
        if self.kind in ("same", "renamed"):
            return False
        return any(piece.text.strip() for piece in (*self.left, *self.right))


@dataclass(frozen=True, slots=True)
class Rename:
    """A name that has everywhere been replaced by the same other one."""

    left: str
    right: str
    count: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """Two pieces of code side by side."""

    rows: tuple[Row, ...]
    renames: tuple[Rename, ...]
    """In the order in which they are met."""

    @property
    def is_same(self) -> bool:
        """Whether nothing differs but names that are told."""
        return not any(row.differs for row in self.rows)


def align(
    left: Sequence[str], right: Sequence[str], left_start: int = 1, right_start: int = 1
) -> Alignment:
    """Lay two pieces of code side by side; how far they are indented as wholes does not count.

    Args:
        left: The lines of one.
        right: The lines of the other.
        left_start: Number of its first line in its file.
        right_start: The same of the other.
    """
    one, other = _dedented(left), _dedented(right)
    pairs = list(_pairs(one, other))
    renames = _renames([(one[a], other[b]) for a, b in pairs if a is not None and b is not None])
    known = {rename.left: rename.right for rename in renames}
    rows: list[Row] = []
    for a, b in pairs:
        left_line = 0 if a is None else left_start + a
        right_line = 0 if b is None else right_start + b
        if a is not None and b is not None:
            kind, old, new = _compared(one[a], other[b], known)
        elif a is not None:
            kind, old, new = "removed", _whole(one[a]), ()
        elif b is not None:
            kind, old, new = "added", (), _whole(other[b])
        rows.append(Row(kind, left_line, right_line, old, new))
    return Alignment(tuple(rows), tuple(renames))


def around_changes(rows: Sequence[Row], context: int) -> Iterator[tuple[Row, ...]]:
    """The runs of rows that differ, each with some lines before and after it."""
    near: set[int] = set()
    for at, row in enumerate(rows):
        if row.differs:
            near.update(range(max(0, at - context), min(len(rows), at + context + 1)))
    run: list[Row] = []
    for at, row in enumerate(rows):
        if at in near:
            run.append(row)
        elif run:
            yield tuple(run)
            run = []
    if run:
        yield tuple(run)


def _dedented(lines: Sequence[str]) -> list[str]:
    cut = [line[:LONGEST_LINE].expandtabs(4).rstrip() for line in lines]
    margins = [len(line) - len(line.lstrip()) for line in cut if line]
    margin = min(margins, default=0)
    return [line[margin:] for line in cut]


def _whole(line: str) -> tuple[Piece, ...]:
    return (Piece(line, True),)


# -- lines -----------------------------------------------------------------------------------------

Pair = tuple[int | None, int | None]


def _pairs(left: Sequence[str], right: Sequence[str]) -> Iterator[Pair]:
    """Places of the lines that stand beside each other, in their order."""
    first = 0
    while first < min(len(left), len(right)) and left[first] == right[first]:
        yield first, first
        first += 1
    last = 0
    most = min(len(left), len(right)) - first
    while last < most and left[-1 - last] == right[-1 - last]:
        last += 1
    yield from _inner(left, right, (first, len(left) - last), (first, len(right) - last))
    for back in range(last, 0, -1):
        yield len(left) - back, len(right) - back


def _inner(
    left: Sequence[str], right: Sequence[str], a: tuple[int, int], b: tuple[int, int]
) -> Iterator[Pair]:
    if (a[1] - a[0]) * (b[1] - b[0]) <= _MOST_PAIRS:
        yield from _best(left, right, a, b)
        return
    shapes = [shape(line) for line in left[slice(*a)]], [shape(line) for line in right[slice(*b)]]
    for kind, start, end, start_b, end_b in SequenceMatcher(None, *shapes).get_opcodes():
        part, part_b = (a[0] + start, a[0] + end), (b[0] + start_b, b[0] + end_b)
        if kind == "equal" or (end - start) * (end_b - start_b) > _MOST_PAIRS:
            yield from _beside(range(*part), range(*part_b))
        else:
            yield from _best(left, right, part, part_b)


def _beside(a: range, b: range) -> Iterator[Pair]:
    yield from zip(a, b, strict=False)
    yield from ((at, None) for at in a[len(b) :])
    yield from ((None, at) for at in b[len(a) :])


def _best(
    left: Sequence[str], right: Sequence[str], a: tuple[int, int], b: tuple[int, int]
) -> Iterator[Pair]:
    """The alignment of two runs of lines that has the most in common."""
    rows, columns = a[1] - a[0], b[1] - b[0]
    sets = [_tokens_of(line) for line in left[slice(*a)]]
    others = [_tokens_of(line) for line in right[slice(*b)]]
    likeness = [
        [_likeness(left[a[0] + i], right[b[0] + j], sets[i], others[j]) for j in range(columns)]
        for i in range(rows)
    ]
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        below, here, like = best[i + 1], best[i], likeness[i]
        for j in range(columns - 1, -1, -1):
            top = below[j] if below[j] >= here[j + 1] else here[j + 1]
            beside = below[j + 1] + like[j]
            here[j] = beside if like[j] >= _LEAST_LIKE and beside >= top else top
    i = j = 0
    while i < rows and j < columns:
        like_here = likeness[i][j]
        if like_here >= _LEAST_LIKE and best[i][j] == best[i + 1][j + 1] + like_here:
            yield a[0] + i, b[0] + j
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            yield a[0] + i, None
            i += 1
        else:
            yield None, b[0] + j
            j += 1
    yield from ((a[0] + at, None) for at in range(i, rows))
    yield from ((None, b[0] + at) for at in range(j, columns))


def _tokens_of(line: str) -> frozenset[str]:
    return frozenset(token for token in tokens(line) if not token.isspace())


def _likeness(line: str, other: str, left: frozenset[str], right: frozenset[str]) -> float:
    """From 0 to 1; lines of brackets alone count little, lest they hold apart what belongs."""
    if not left or not right:
        return 0.4 if not left and not right else 0.0
    named = any(token[0].isalnum() or token[0] in "_\"'`" for token in left)
    if line.strip() == other.strip():
        return 1.0 if named else 0.45
    shared = 2 * len(left & right) / (len(left) + len(right))
    if named and shape(line) == shape(other):
        return _SAME_SHAPE + (1 - _SAME_SHAPE) * shared
    return shared * 0.9


# -- names -----------------------------------------------------------------------------------------


def _renames(pairs: Iterable[tuple[str, str]]) -> list[Rename]:
    """The names that stand for one other name each, wherever they are, and no other stands for."""
    met: Counter[tuple[str, str]] = Counter()
    for left, right in pairs:
        if _COMMENT.match(left) and _COMMENT.match(right):
            continue  # prose names nothing
        for a, b in _counterparts(left, right):
            if is_name(a) and is_name(b):
                met[a, b] += 1
    stands_for = Counter(a for a, _ in met)
    is_meant_by = Counter(b for _, b in met)
    return [
        Rename(a, b, count)
        for (a, b), count in met.items()
        if a != b and stands_for[a] == 1 and is_meant_by[b] == 1
    ]


def _counterparts(left: str, right: str) -> Iterator[tuple[str, str]]:
    """Tokens at the same place of two lines."""
    one, other = ([one for one in tokens(line) if not one.isspace()] for line in (left, right))
    forms = shape(left), shape(right)
    if forms[0] == forms[1]:
        yield from zip(one, other, strict=True)
        return
    for a, b, size in SequenceMatcher(None, *forms, autojunk=False).get_matching_blocks():
        yield from zip(one[a : a + size], other[b : b + size], strict=True)


# -- tokens ----------------------------------------------------------------------------------------


def _compared(
    left: str, right: str, renames: dict[str, str]
) -> tuple[RowKind, tuple[Piece, ...], tuple[Piece, ...]]:
    """Two lines with what differs in them marked."""
    if left.strip() == right.strip():
        return "same", (Piece(left, False),), (Piece(right, False),)
    one, other = tokens(left), tokens(right)
    places = [at for at, token in enumerate(one) if not token.isspace()]
    others = [at for at, token in enumerate(other) if not token.isspace()]
    meant = [renames.get(one[at], one[at]) for at in places]
    known = [other[at] for at in others]
    tokens_of_both = zip((one[at] for at in places), meant, known, strict=False)
    if len(meant) == len(known) and all(new in (old, name) for old, name, new in tokens_of_both):
        return "renamed", (Piece(left, False),), (Piece(right, False),)
    marked: set[int] = set()
    marked_other: set[int] = set()
    for kind, a, b, c, d in SequenceMatcher(None, meant, known, autojunk=False).get_opcodes():
        if kind != "equal":
            marked.update(places[a:b])
            marked_other.update(others[c:d])
    return "changed", _pieces(one, marked), _pieces(other, marked_other)


def _pieces(line: Sequence[str], marked: set[int]) -> tuple[Piece, ...]:
    """Tokens put together: marks go across the white space between two that are marked."""
    found: list[Piece] = []
    for at, token in enumerate(line):
        differs = at in marked or (token.isspace() and at - 1 in marked and at + 1 in marked)
        if found and found[-1].differs == differs:
            found[-1] = Piece(found[-1].text + token, differs)
        else:
            found.append(Piece(token, differs))
    return tuple(found)
