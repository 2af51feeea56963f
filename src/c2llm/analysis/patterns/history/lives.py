"""Hits followed through commits: where one came, was edited, moved, left and came back.

Of a file that a commit changes the hits before and after are laid beside each other. What is there
on both sides lives on: the same code first, wherever the commit has moved it, then code of the same
pattern that the commit has edited, in the same function or much alike. What is left over on one
side has come or gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import NamedTuple

from c2llm.analysis.patterns.history.changes import CommitChanges, FileChange

_ALIKE = 0.6
"""From here on two hits of a pattern in one file are one that was edited."""
_MOST_PAIRED = 60
"""Hits of one file that are compared for that."""


class Seen(NamedTuple):
    """A hit in one content of a file."""

    pattern: int
    fingerprint: str
    line: int
    symbol: str
    text: str
    score: float


@dataclass(slots=True, eq=False)
class Life:
    """One hit through all commits."""

    path: str
    """Where it is, or was last."""
    seen: Seen
    """As it is, or was last."""
    came: str | None
    """The commit that it came with, None where it was there before all that were read."""
    left: list[str] = field(default_factory=list)
    """The commits that it has gone with, one of them once if it never came back."""
    returned: list[str] = field(default_factory=list)
    """The commits that it has come back with."""


Hits = Callable[[str, str], Sequence[Seen]]
"""Told an object and a path, the hits in it."""


class Lives:
    """Follows hits through commits, which are told parents first.

    Args:
        hits: Tells of a file's content its hits.
    """

    def __init__(self, hits: Hits) -> None:
        self._hits = hits
        self._known: dict[tuple[str, str], list[Life]] = {}
        self._departed: dict[tuple[int, str, str], Life] = {}
        self._all: list[Life] = []

    def follow(self, commit: CommitChanges) -> None:
        """Take note of a commit."""
        gone: list[Life] = []
        come: list[tuple[str, Seen, list[Life], int]] = []
        for change in commit.files:
            before = self._before(change)
            after = change.after
            if after is None:
                gone += before
                continue
            known = self._known.get((change.path, after))
            if known is not None:  # this content was here before, as after a revert
                gone += [] if commit.is_merge else [life for life in before if life not in known]
                for life in known:
                    if life.left and life not in before and not commit.is_merge:
                        life.returned.append(commit.commit)
                continue
            seen = self._hits(after, change.path)
            lives: list[Life] = []
            self._known[change.path, after] = lives
            kept, lost = paired([life.seen for life in before], seen)
            for number, one in enumerate(seen):
                if number in kept:
                    life = before[kept[number]]
                    life.path, life.seen = change.path, one
                    lives.append(life)
                else:
                    come.append((change.path, one, lives, len(lives)))
                    lives.append(Life(change.path, one, commit.commit))
            if not commit.is_merge:  # a merge takes what either side has taken away
                gone += [before[number] for number in lost]
        self._settle(commit.commit, gone, come)

    def present(self, files: Mapping[str, str]) -> list[Life]:
        """The hits that are in a tree, given as object by path."""
        found: list[Life] = []
        for path, content in files.items():
            for life, seen in zip(
                self._lives_in(path, content), self._hits(content, path), strict=True
            ):
                life.path, life.seen = path, seen
                found.append(life)
        return found

    def gone(self, present: Iterable[Life]) -> list[Life]:
        """The hits that are in no file of a tree any more.

        Two branches may have brought the same one; what a merge drops of it is no other hit.
        """
        there = {id(life): life for life in present}
        known = {_same(life) for life in there.values()}
        known |= {_same(life) for life in self._all if life.left}
        return [
            life
            for life in self._all
            if id(life) not in there and (life.left or _same(life) not in known)
        ]

    def _before(self, change: FileChange) -> list[Life]:
        """The hits that a file had, in a merge on any side."""
        found: dict[int, Life] = {}
        for content in change.before:
            for life in self._lives_in(change.path, content):
                found.setdefault(id(life), life)
        return list(found.values())

    def _lives_in(self, path: str, content: str) -> list[Life]:
        known = self._known.get((path, content))
        if known is None:
            known = [Life(path, seen, None) for seen in self._hits(content, path)]
            self._known[path, content] = known
            self._all += known
        return known

    def _settle(
        self, commit: str, gone: Sequence[Life], come: Sequence[tuple[str, Seen, list[Life], int]]
    ) -> None:
        """Join what has gone at one place and come at another; of the rest take note."""
        moved: dict[tuple[int, str], list[Life]] = {}
        for life in gone:
            moved.setdefault(_code(life.seen), []).append(life)
        taken: set[int] = set()
        for path, seen, lives, at in come:
            same = moved.get(_code(seen))
            back = self._departed.get((*_code(seen), path))
            if same:
                life = next((one for one in same if one.seen.symbol == seen.symbol), same[0])
                same.remove(life)
                taken.add(id(life))
            elif back is not None:
                life = back
                life.returned.append(commit)
                del self._departed[(*_code(seen), path)]
            else:
                self._all.append(lives[at])
                continue
            life.path, life.seen = path, seen
            lives[at] = life
        for life in gone:
            if id(life) not in taken:
                life.left.append(commit)
                self._departed[(*_code(life.seen), life.path)] = life


def _same(life: Life) -> tuple[int, str, str]:
    return (*_code(life.seen), life.path)


def paired(before: Sequence[Seen], after: Sequence[Seen]) -> tuple[dict[int, int], list[int]]:
    """Which of the hits before a commit each one after it was, and which are left over.

    Returns:
        For the numbers of those that live on the number that they had, and the other numbers that
        there were.
    """
    left = dict(enumerate(before))
    found: dict[int, int] = {}

    def take(is_same: Callable[[Seen, Seen], bool]) -> None:
        for number, one in enumerate(after):
            if number not in found:
                other = next((at for at, seen in left.items() if is_same(seen, one)), None)
                if other is not None:
                    found[number] = other
                    del left[other]

    take(lambda old, new: _code(old) == _code(new) and old.symbol == new.symbol)
    take(lambda old, new: _code(old) == _code(new))
    if left and len(left) * (len(after) - len(found)) <= _MOST_PAIRED**2:
        take(lambda old, new: old[0] == new[0] and bool(old.symbol) and old.symbol == new.symbol)
        take(lambda old, new: old[0] == new[0] and _are_alike(old.text, new.text))
    return found, list(left)


def _code(seen: Seen) -> tuple[int, str]:
    return seen.pattern, seen.fingerprint


def _are_alike(old: str, new: str) -> bool:
    return SequenceMatcher(None, old, new, autojunk=False).ratio() >= _ALIKE
