"""Which file of one tree is which of the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LEAST_SHARED = 2
"""Parts at the end of two paths that say that they are one file in another layout."""


@dataclass(frozen=True, slots=True)
class PairedFiles:
    """The files of two trees."""

    same: int
    """The same content under the same path."""
    moved: tuple[tuple[str, str], ...]
    """The same content under another path."""
    changed: tuple[tuple[str, str], ...]
    """Two versions of one file, by its path."""
    gone: tuple[str, ...]
    """Files of the older tree that no path pairs."""
    came: tuple[str, ...]


def paired_files(before: Mapping[str, str], after: Mapping[str, str]) -> PairedFiles:
    """Pair the files of two trees by path and content, and else by how their paths end.

    Args:
        before: Hash of the content by path.
        after: The same of the newer tree.
    """
    same = {path for path, content in before.items() if after.get(path) == content}
    left = [path for path in before if path not in same]
    right = [path for path in after if path not in same]
    moved = _by_content(left, right, before, after)
    left = [path for path in left if path not in moved]
    taken = set(moved.values())
    right = [path for path in right if path not in taken]
    if len(before) == len(after) == 1:  # two files that the user named
        pairs = {left[0]: right[0]} if left and right else {}
    else:
        pairs = {path: path for path in left if path in after and path not in taken}
        rest = [path for path in left if path not in pairs]
        others = [path for path in right if path not in pairs]
        pairs |= _by_ending(rest, others)
    paired = set(pairs.values())
    return PairedFiles(
        len(same),
        tuple(sorted(moved.items())),
        tuple(sorted(pairs.items())),
        tuple(path for path in left if path not in pairs),
        tuple(path for path in right if path not in paired),
    )


def _by_content(
    left: Sequence[str], right: Sequence[str], before: Mapping[str, str], after: Mapping[str, str]
) -> dict[str, str]:
    """Files that are elsewhere; of several of one content those whose paths end alike."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in right:
        if path not in before or before[path] != after[path]:
            places[after[path]].append(path)
    found: dict[str, str] = {}
    for path in left:
        waiting = places.get(before[path])
        if waiting:
            best = max(waiting, key=lambda other: (_shared(path, other), other == path))
            waiting.remove(best)
            found[path] = best
    return found


def _by_ending(left: Sequence[str], right: Sequence[str]) -> dict[str, str]:
    """Files whose paths share their last parts, where each is the other's only best one."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in right:
        by_name[path.rpartition("/")[2]].append(path)
    best: dict[str, str] = {}
    wanted: dict[str, list[tuple[int, str]]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for path in left:
        counts[path.rpartition("/")[2]] += 1
    for path in left:
        name = path.rpartition("/")[2]
        ranked = sorted(((_shared(path, other), other) for other in by_name[name]), reverse=True)
        if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
            continue
        is_only = len(ranked) == 1 and counts[name] == 1
        if is_only or ranked[0][0] >= _LEAST_SHARED:
            best[path] = ranked[0][1]
            wanted[ranked[0][1]].append((ranked[0][0], path))
    return {
        path: other
        for path, other in best.items()
        if max(wanted[other]) == (_shared(path, other), path)
        and sum(score == max(wanted[other])[0] for score, _ in wanted[other]) == 1
    }


def _shared(one: str, other: str) -> int:
    """How many parts at their ends two paths have in common."""
    count = 0
    for part, same in zip(reversed(one.split("/")), reversed(other.split("/")), strict=False):
        if part != same:
            break
        count += 1
    return count
