"""What commits have been like so far, and how surprising the next one is against it.

Every feature is a surprise in nats, minus the logarithm of how often something like it has been
there before: in the file, and, where the file's past is short, in the repository. A file with n
commits is believed for n parts and the repository for `PRIOR` parts.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.history.commits import Commit, FileEdit
from c2llm.analysis.history.edit_facts import EditFacts
from c2llm.analysis.history.kinds import KINDS
from c2llm.analysis.history.reading import LEAST_PAST, Facts

PRIOR = 5.0
MOST_SURPRISE = 6.0
_MOST_VALUES = 2_000
"""That are remembered of the repository for each measure."""
_MOST_VECTORS = 64
_HOURS = 4
"""Hours of one part of the day."""
MEASURES = (
    "large",
    "small",
    "gap",
    "foreign_to_file",
    "foreign_to_repository",
    "foreign_share",
    "far",
    "many_files",
    "few_files",
    "many_places",
)
FEATURES = (*MEASURES, "place", "author", "hour", *KINDS)
"""In this order they are weighed."""


class Sample:
    """Values of a measure so far, of which the share beyond another is asked for."""

    __slots__ = ("_order", "_sorted")

    def __init__(self) -> None:
        self._sorted: list[float] = []
        self._order: deque[float] = deque()

    def __len__(self) -> int:
        return len(self._sorted)

    def add(self, value: float) -> None:
        """Take one more; beyond `_MOST_VALUES` the oldest goes."""
        insort(self._sorted, value)
        self._order.append(value)
        if len(self._order) > _MOST_VALUES:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]

    def at_least(self, value: float) -> int:
        """How many are as large."""
        return len(self._sorted) - bisect_left(self._sorted, value)

    def at_most(self, value: float) -> int:
        """How many are as small."""
        return bisect_right(self._sorted, value)

    def median(self) -> float:
        """The middle one."""
        return self._sorted[len(self._sorted) // 2] if self._sorted else 0.0


class Meanings:
    """The last vectors that were taken, of which the nearest to another is asked for."""

    __slots__ = ("_next", "_rows", "_used")

    def __init__(self) -> None:
        self._rows: NDArray[np.float32] | None = None
        self._used = self._next = 0

    def add(self, vector: NDArray[np.float32]) -> None:
        """Take one more of unit length; beyond `_MOST_VECTORS` the oldest goes."""
        if self._rows is None:
            self._rows = np.empty((2, len(vector)), np.float32)
        elif self._next == len(self._rows) < _MOST_VECTORS:
            more = np.empty_like(self._rows)
            self._rows = np.concatenate([self._rows, more])[:_MOST_VECTORS]
        if self._next == len(self._rows):
            self._next = 0
        self._rows[self._next] = vector
        self._next += 1
        self._used = max(self._used, self._next)

    def nearest(self, vector: NDArray[np.float32]) -> float | None:
        """The largest cosine, None where there is no vector yet."""
        return None if self._rows is None else float((self._rows[: self._used] @ vector).max())


@dataclass(slots=True)
class FilePast:
    """What a file's commits have been like."""

    count: int = 0
    """Commits that changed its code."""
    samples: dict[str, Sample] = field(default_factory=lambda: defaultdict(Sample))
    kinds: Counter[str] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)
    authors: Counter[str] = field(default_factory=Counter)
    names: set[int] = field(default_factory=set)
    meanings: Meanings = field(default_factory=Meanings)
    """Of what was added of late."""
    start: NDArray[np.float32] | None = None
    """The vector of what it began with, of unit length."""
    last_time: int = 0


@dataclass(frozen=True, slots=True)
class Surprise:
    """What one edit of a file is against the past."""

    path: str
    values: NDArray[np.float64]
    """One of each of `FEATURES`."""
    measured: Mapping[str, float | None]
    """One of each of `MEASURES`, None where it cannot be told."""
    regions: tuple[str, ...]
    """Those it touches, the one that was touched least first."""
    foreign: Mapping[str, tuple[str, ...]]
    """Some names that it adds and that the `file`, and the `repository`, never had."""
    counts: Mapping[str, int]
    """Numbers of the file's past as they were at this commit, for sentences."""
    facts: EditFacts


class Past:
    """All files of a repository, commit by commit from the oldest on.

    Args:
        facts: What was read of the contents.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._files: dict[str, FilePast] = {}
        self._samples = {name: Sample() for name in MEASURES}
        self._kinds: Counter[str] = Counter()
        self._authors: Counter[str] = Counter()
        self._hours: Counter[tuple[bool, int]] = Counter()
        self._author_hours: Counter[tuple[str, bool, int]] = Counter()
        self._names: set[int] = set()
        self._edits = 0
        self._commits = 0
        self._known: dict[tuple[str, str], dict[str, float | None]] = {}
        """Measures of the commit that is judged, by it and path, until it is learnt."""

    def surprises(self, commit: Commit) -> list[Surprise]:
        """Of each edit of code in a commit what it is against the past, where there is enough."""
        found = []
        hour = self._hour(commit)
        for edit in commit.edits:
            facts = self._facts.of(edit)
            past = self._files.get(edit.old_path)
            if facts is None or facts.is_cosmetic or past is None or past.count < LEAST_PAST:
                continue
            measured = self._measured(commit, facts, past)
            self._known[commit.id, edit.path] = measured
            found.append(self._surprise(commit, edit, facts, past, measured, hour))
        return found

    def learn(self, commit: Commit) -> None:
        """Count a commit as past."""
        for edit in commit.edits:
            if edit.path != edit.old_path and edit.old_path in self._files:
                self._files[edit.path] = self._files.pop(edit.old_path)
            if not edit.after:
                self._files.pop(edit.path, None)
                continue
            past = self._files.get(edit.path)
            if past is None:
                past = self._files[edit.path] = self._begun(edit)
            facts = self._facts.of(edit)
            if facts is not None and not facts.is_cosmetic:
                self._learn_edit(commit, edit, facts, past)
        self._known.clear()
        self._commits += 1
        self._authors[commit.author] += 1
        if commit.hour >= 0:
            part = _part_of_week(commit)
            self._hours[part] += 1
            self._author_hours[commit.author, *part] += 1

    def _begun(self, edit: FileEdit) -> FilePast:
        past = FilePast()
        content = self._facts.contents.get(edit.before or edit.after)
        if content is not None:
            names = content.names.tolist()
            past.names.update(names)
            self._names.update(names)
            past.start = _unit(content.vector)
        return past

    def _learn_edit(self, commit: Commit, edit: FileEdit, facts: EditFacts, past: FilePast) -> None:
        measured = self._known.get((commit.id, edit.path))
        if measured is None:
            measured = self._measured(commit, facts, past)
        for name, value in measured.items():
            if value is not None:
                past.samples[name].add(value)
                if past.count >= LEAST_PAST:
                    self._samples[name].add(value)
        past.kinds.update(facts.kinds.keys())
        self._kinds.update(facts.kinds.keys())
        past.regions.update(facts.regions)
        past.authors[commit.author] += 1
        names = facts.names.tolist()
        past.names.update(names)
        self._names.update(names)
        vector = _unit(facts.vector)
        if vector is not None:
            past.meanings.add(vector)
        past.count += 1
        past.last_time = max(past.last_time, commit.time)
        self._edits += 1

    def _measured(
        self, commit: Commit, facts: EditFacts, past: FilePast
    ) -> dict[str, float | None]:
        size = math.log1p(facts.tokens)
        files = float(len(commit.edits)) if commit.is_whole else None
        gap = None
        if commit.time and past.last_time:
            gap = math.log1p(max(0, commit.time - past.last_time))
        foreign: tuple[float | None, float | None] = None, None
        if len(facts.names) and (past.names or past.count):
            names = facts.names.tolist()
            foreign = (
                float(sum(name not in past.names for name in names)),
                float(sum(name not in self._names for name in names)),
            )
        return {
            "large": size,
            "small": size,
            "gap": gap,
            "foreign_to_file": foreign[0],
            "foreign_to_repository": foreign[1],
            "foreign_share": None if foreign[1] is None else foreign[1] / len(facts.names),
            "far": _distance(facts, past),
            "many_files": files,
            "few_files": files,
            "many_places": float(facts.hunks),
        }

    def _surprise(
        self,
        commit: Commit,
        edit: FileEdit,
        facts: EditFacts,
        past: FilePast,
        measured: Mapping[str, float | None],
        hour: float,
    ) -> Surprise:
        values = [self._tail(name, measured[name], past) for name in MEASURES]
        regions = sorted(facts.regions, key=lambda region: past.regions[region])
        place = 0.0
        if regions:
            place = -math.log((past.regions[regions[0]] + 0.5) / (past.count + 1))
        share = (self._authors[commit.author] + 0.5) / (self._commits + 1)
        author = -math.log(_shrunk(past.authors[commit.author], past.count, share))
        values += [place, author, hour]
        for kind in KINDS:
            rate = (self._kinds[kind] + 0.5) / (self._edits + 1)
            surprise = -math.log(_shrunk(past.kinds[kind], past.count, rate))
            values.append(surprise if kind in facts.kinds else 0.0)
        counts = {
            "commits": past.count,
            "by_author": past.authors[commit.author],
            "at_place": past.regions[regions[0]] if regions else 0,
            **{kind: past.kinds[kind] for kind in facts.kinds},
            **{name: self._beyond(name, value, past) for name, value in measured.items()},
        }
        capped = np.clip(np.array(values), 0.0, MOST_SURPRISE)
        first = list(zip(facts.spelled, facts.names.tolist(), strict=False))
        foreign = {
            where: tuple(name for name, hashed in first if hashed not in known)
            for where, known in (("file", past.names), ("repository", self._names))
        }
        return Surprise(edit.path, capped, measured, tuple(regions), foreign, counts, facts)

    def _beyond(self, name: str, value: float | None, past: FilePast) -> int:
        """Earlier commits of the file that were as extreme."""
        if value is None:
            return past.count
        sample = past.samples[name]
        return sample.at_most(value) if name in ("small", "few_files") else sample.at_least(value)

    def _tail(self, name: str, value: float | None, past: FilePast) -> float:
        if value is None:
            return 0.0
        low = name in ("small", "few_files")
        here, all_files = past.samples[name], self._samples[name]
        beyond = all_files.at_most(value) if low else all_files.at_least(value)
        rate = (beyond + 1) / (len(all_files) + 1)
        own = here.at_most(value) if low else here.at_least(value)
        return -math.log(_shrunk(own, len(here), rate))

    def _hour(self, commit: Commit) -> float:
        """How rare this part of the week is with the author, against the repository's commonest."""
        if commit.hour < 0 or not self._hours:
            return 0.0
        part = _part_of_week(commit)
        total = self._hours.total()
        own = sum(self._author_hours[commit.author, weekend, hour] for weekend, hour in _PARTS)
        rates = {one: (self._hours[one] + 0.5) / (total + 0.5 * len(_PARTS)) for one in _PARTS}
        mine = {
            one: _shrunk(self._author_hours[commit.author, *one], own, rate)
            for one, rate in rates.items()
        }
        return math.log(max(mine.values()) / mine[part])


_PARTS = [(weekend, hour) for weekend in (False, True) for hour in range(0, 24, _HOURS)]


def _part_of_week(commit: Commit) -> tuple[bool, int]:
    return commit.weekday in (0, 6), commit.hour // _HOURS * _HOURS


def _shrunk(count: int, of: int, rate: float) -> float:
    """A share in the file, drawn towards the repository's."""
    return (count + PRIOR * rate) / (of + PRIOR)


def _unit(vector: NDArray[np.int8] | None) -> NDArray[np.float32] | None:
    if vector is None:
        return None
    wide = vector.astype(np.float32)
    unit: NDArray[np.float32] = wide / max(float(np.linalg.norm(wide)), 1e-9)
    return unit


def _distance(facts: EditFacts, past: FilePast) -> float | None:
    """From the added code to the nearest of what the file began with and what was added to it."""
    vector = _unit(facts.vector)
    if vector is None:
        return None
    near = [] if past.start is None else [float(past.start @ vector)]
    if (nearest := past.meanings.nearest(vector)) is not None:
        near.append(nearest)
    return 1 - max(near) if near else None
