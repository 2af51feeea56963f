"""Repeated runs of statements: types 1 and 2 of any length, wherever they begin.

A window begins at each statement and goes on until it has enough tokens; windows with one rolling
hash are a group. A group whose members all go on into one other group is extended, to the right and
to the left, until its members part: a maximal repeat of N members, as in the compaction of de
Bruijn graphs (Chikhi et al. 2016), with no pair ever compared. Time and memory grow with the number
of statements, whatever the number of copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.forms.statements import prefix_sums, runs_of_sums

Places = NDArray[np.int64]
_MOST_MEMBERS = 1_000
"""A window that is in more places is boilerplate: it begins no fragment."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A run of statements that is in several places."""

    starts: tuple[int, ...]
    """Numbers of its first statements, rising, without overlaps."""
    length: int
    """Statements."""


def repeats(
    values: NDArray[np.uint64], sizes: NDArray[np.integer], file_starts: Places, tokens: int
) -> list[Repeat]:
    """The maximal repeats of at least so many tokens, the first one's place first.

    Args:
        values: What each statement says.
        sizes: Tokens of each.
        file_starts: Where in them each file begins, and the end.
        tokens: How many a repeat has at least.
    """
    groups = _groups(values, sizes, file_starts, tokens)
    if not groups.places.size:
        return []
    found: dict[tuple[tuple[int, ...], int], None] = {}
    for starts, length in _extended(groups, values, file_starts):
        apart = _without_overlaps(starts, length)
        if len(apart) > 1:
            found[apart, length] = None
    return [Repeat(starts, length) for starts, length in sorted(found)]


@dataclass(frozen=True, slots=True)
class _Groups:
    """Windows that are in several places."""

    of: Places
    """For each statement the number of the group of the window that begins there, -1 for none;
    one more entry at each end, so that neighbours can be asked for."""
    ends: Places
    """For each statement where its window ends, exclusive."""
    places: Places
    """The statements that have a group, by group and then rising."""
    bounds: Places
    """Where in `places` each group begins, and the end."""


def _groups(
    values: NDArray[np.uint64], sizes: NDArray[np.integer], file_starts: Places, tokens: int
) -> _Groups:
    count = len(values)
    total = np.zeros(count + 1, np.int64)
    np.cumsum(sizes, out=total[1:])
    ends = np.searchsorted(total, total[:-1] + tokens)
    file_ends = np.repeat(file_starts[1:], np.diff(file_starts))
    whole = np.flatnonzero(ends <= file_ends)
    hashes = runs_of_sums(prefix_sums(values), whole, ends[whole])
    order = np.argsort(hashes, kind="stable")
    ranked = hashes[order]
    firsts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]])) if count else order
    counts = np.diff(np.concatenate([firsts, [len(ranked)]]))
    several = (counts > 1) & (counts <= _MOST_MEMBERS)
    members = np.repeat(several, counts)
    places = whole[order][members]
    sized = counts[several]
    of = np.full(count + 2, -1, np.int64)
    of[places + 1] = np.repeat(np.arange(len(sized)), sized)
    return _Groups(of, ends, places, np.concatenate([[0], np.cumsum(sized)]).astype(np.int64))


def _extended(
    groups: _Groups, values: NDArray[np.uint64], file_starts: Places
) -> Iterator[tuple[Places, int]]:
    """Of each group that begins a repeat the places of its members, and how long it is."""
    bounds, places = groups.bounds, groups.places
    sizes = np.diff(bounds)
    number = np.repeat(np.arange(len(sizes)), sizes)
    # Where all members of a group have before them the members of one group of the same size, the
    # repeat has begun before.
    before = np.where(np.isin(places, file_starts), -1, groups.of[places])
    same = before == np.repeat(before[bounds[:-1]], sizes)
    agreed = np.logical_and.reduceat(same, bounds[:-1])
    first_before = before[bounds[:-1]]
    begun = agreed & (first_before >= 0)
    begun &= sizes[np.maximum(first_before, 0)] == sizes
    begun &= first_before != np.arange(len(sizes))  # the same statement again and again
    seeds = np.flatnonzero(~begun)
    if not seeds.size:
        return
    chosen = np.isin(number, seeds)
    members = places[chosen]
    starts = np.concatenate([[0], np.cumsum(sizes[seeds])])
    # The windows of the next file follow upon those of one, but no repeat goes on into it.
    file = np.searchsorted(file_starts, members, side="right")
    before_end = np.minimum.reduceat(file_starts[file] - 1 - members, starts[:-1])
    behind_start = np.minimum.reduceat(members - file_starts[file - 1], starts[:-1])
    right = np.minimum(_reach(groups.of, members, starts, 1), before_end)
    left = np.minimum(_reach(groups.of, members, starts, -1), behind_start)
    # Behind the last window that they share may be statements that are too few for one.
    leading = members[starts[:-1]]
    lengths = groups.ends[leading + right] - leading
    last = members + np.repeat(lengths, np.diff(starts)) - 1
    said = np.full(len(values) + 2, -1, np.int64)
    said[1:-1] = (values & np.uint64(0x7FFFFFFFFFFFFFFF)).astype(np.int64)
    rest = file_starts[np.searchsorted(file_starts, last, side="right")] - 1 - last
    tail = np.minimum(_reach(said, last, starts, 1), np.minimum.reduceat(rest, starts[:-1]))
    for seed in range(len(seeds)):
        own = members[starts[seed] : starts[seed + 1]]
        yield own - left[seed], int(lengths[seed] + tail[seed] + left[seed])


def _reach(of: Places, members: Places, starts: Places, step: int) -> Places:
    """How many statements on the members of each set are still in one group, all of them."""
    reach = np.zeros(len(starts) - 1, np.int64)
    active = np.arange(len(reach))
    sizes = np.diff(starts)
    flat = members
    distance = 0
    while active.size:
        distance += 1
        group = of[np.clip(flat + 1 + step * distance, 0, len(of) - 1)]
        firsts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        leading = group[firsts]
        goes_on = np.logical_and.reduceat(group == np.repeat(leading, sizes), firsts)
        goes_on &= leading >= 0
        reach[active[goes_on]] = distance
        flat = flat[np.repeat(goes_on, sizes)]
        active, sizes = active[goes_on], sizes[goes_on]
    return reach


def _without_overlaps(starts: Places, length: int) -> tuple[int, ...]:
    """Those that begin behind the end of the one before, from the first on."""
    if len(starts) == 2:
        first, second = int(starts[0]), int(starts[1])
        return (first, second) if second >= first + length else (first,)
    kept: list[int] = []
    for start in starts.tolist():
        if not kept or start >= kept[-1] + length:
            kept.append(start)
    return tuple(kept)
