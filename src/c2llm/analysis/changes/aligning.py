"""Two rows of things laid beside each other, in bounded time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

_MOST_COMPARED = 4_000_000
"""One side's length times the other's; beyond it runs that occur once on both sides are enough."""
_MOST_PAIRED = 3_600
"""The same for rows whose likeness is looked at pair by pair."""
_LEAST_ALIKE = 0.4


class Block(NamedTuple):
    """A run on both sides, `[first, last)`."""

    same: bool
    first: int
    last: int
    other_first: int
    other_last: int


def blocks(one: Sequence[Hashable], other: Sequence[Hashable]) -> Iterator[Block]:
    """What is the same and what is not, in the order of both rows."""
    head = 0
    while head < min(len(one), len(other)) and one[head] == other[head]:
        head += 1
    tail = 0
    most = min(len(one), len(other)) - head
    while tail < most and one[-1 - tail] == other[-1 - tail]:
        tail += 1
    if head:
        yield Block(True, 0, head, 0, head)
    left, right = one[head : len(one) - tail], other[head : len(other) - tail]
    if left and right and len(left) * len(right) <= _MOST_COMPARED:
        matcher = SequenceMatcher(None, left, right, autojunk=False)
        for kind, i, j, m, n in matcher.get_opcodes():
            yield Block(kind == "equal", head + i, head + j, head + m, head + n)
    elif left and right:
        yield from _by_landmarks(left, right, head)
    elif left or right:
        yield Block(False, head, head + len(left), head, head + len(right))
    if tail:
        yield Block(True, len(one) - tail, len(one), len(other) - tail, len(other))


def _by_landmarks(
    one: Sequence[Hashable], other: Sequence[Hashable], shift: int
) -> Iterator[Block]:
    """By what occurs once on both sides in the same order, greedily."""
    counts, others = Counter(one), Counter(other)
    places = {item: at for at, item in enumerate(other) if others[item] == 1}
    i = j = 0
    for at, item in enumerate(one):
        place = places.get(item, -1)
        if counts[item] != 1 or place < j:
            continue
        if at > i or place > j:
            yield Block(False, shift + i, shift + at, shift + j, shift + place)
        yield Block(True, shift + at, shift + at + 1, shift + place, shift + place + 1)
        i, j = at + 1, place + 1
    if i < len(one) or j < len(other):
        yield Block(False, shift + i, shift + len(one), shift + j, shift + len(other))


def alike(one: Sequence[str], other: Sequence[str]) -> float:
    """The share of words that two rows have in common, whatever their order."""
    if not one or not other:
        return 0.0
    common = sum((Counter(one) & Counter(other)).values())
    return 2 * common / (len(one) + len(other))


def pairs_by_likeness(
    one: Sequence[Sequence[str]], other: Sequence[Sequence[str]]
) -> list[tuple[int, int]]:
    """Rows that are the same with changes, in the order of both sides, as many as go together."""
    if not one or not other:
        return []
    if len(one) * len(other) > _MOST_PAIRED:
        return [
            (at, at)
            for at in range(min(len(one), len(other)))
            if alike(one[at], other[at]) >= _LEAST_ALIKE
        ]
    scores = [[_score(left, right) for right in other] for left in one]
    best = [[0.0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one) - 1, -1, -1):
        for j in range(len(other) - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + scores[i][j])
    found: list[tuple[int, int]] = []
    i = j = 0
    while i < len(one) and j < len(other):
        if scores[i][j] > 0 and best[i][j] == best[i + 1][j + 1] + scores[i][j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


def _score(one: Sequence[str], other: Sequence[str]) -> float:
    likeness = alike(one, other)
    if likeness >= _LEAST_ALIKE:
        # What begins alike is likelier the same statement.
        return likeness + (0.1 if one[0] == other[0] else 0.0)
    short = len(one) <= 4 and len(other) <= 4 and one[0] == other[0]
    return 0.2 if short and len(one) > 1 else 0.0
