"""All questions of one kind of data as columns: scores, attributes, what is held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c2llm.evaluation.fairness.attributes import CATEGORIES, NUMBERS, REST_OF_QUESTION

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEAST_QUESTIONS = 10
"""Of a group and of the rest."""
LEAST_CLUSTERS = 3
"""Repositories with questions of a group: fewer are told apart from it by nothing."""
_REPOSITORY = "repository"
_LOGARITHMIC = ("lines", "importers", "files", "words")


@dataclass(frozen=True, slots=True)
class Group:
    """Questions whose answers share something."""

    attribute: str
    name: str
    known: Bools
    """(n,), the questions of which the attribute is known."""
    members: Bools
    """(n,), those of them that are in the group."""


class Table:
    """The questions of some repositories; `measuring.measured` makes what it is read from."""

    def __init__(self, results: Sequence[Mapping[str, Any]], *, functions: bool) -> None:
        """Take results of one system.

        Args:
            results: one a repository or tree.
            functions: each question is alone; else those of a repository are alike.
        """
        rows = [(result, row) for result in results for row in result["questions"]]
        self.rows = [row for _, row in rows]
        self._repositories = np.array([str(result["repository"]) for result, _ in rows])
        self.clusters = [
            f"{name} {at}" if functions else name for at, name in enumerate(self._repositories)
        ]
        self._columns: dict[str, list[Any]] = {
            name: [row["attributes"][name] for row in self.rows]
            for name in (*CATEGORIES, *NUMBERS, *REST_OF_QUESTION)
        }

    def scores(self, variant: str) -> Floats:
        """(n,), under a variant of the ranker."""
        return np.array([row["scores"][variant] for row in self.rows], np.float64)

    def groups(self) -> Iterator[Group]:
        """By each attribute those groups that are neither too small nor nearly all."""
        for attribute in (*CATEGORIES, *NUMBERS):
            values = self._columns[attribute]
            known = np.array([value is not None for value in values], bool)
            names = _named(values) if attribute in NUMBERS else list(map(str, values))
            for name in _in_order(names, values):
                members = np.array([one == name for one in names], bool) & known
                fewer = min(int(members.sum()), int((known & ~members).sum()))
                if fewer >= LEAST_QUESTIONS:
                    yield Group(attribute, name, known, members)

    def clusters_of(self, members: Bools) -> int:
        """How many clusters have such questions."""
        return len({name for name, is_member in zip(self.clusters, members, strict=True)
                    if is_member})  # fmt: skip

    def held(self, group: Group) -> Floats:
        """(known, m), what is held when a group is compared with the rest.

        All other attributes; and the repository, where both kinds of question are asked of some:
        what is alike in a whole repository, such as its language, cannot be held apart from it.
        """
        within = self._varies_within(group)
        columns: list[Floats] = [np.ones((len(self.rows), 1))]
        for name in (*CATEGORIES, *NUMBERS, *REST_OF_QUESTION):
            if name == group.attribute or (name == "language" and not within):
                continue
            values = self._columns[name]
            numeric = name in NUMBERS or name in ("targets", "words")
            columns.append(_numbers(name, values) if numeric else _dummies(values))
        if within:
            columns.append(_dummies(self._repositories.tolist()))
        return np.hstack(columns)[group.known]

    def _varies_within(self, group: Group) -> bool:
        inside = set(self._repositories[group.members])
        outside = set(self._repositories[group.known & ~group.members])
        trees = len(set(self._repositories))
        return len(inside & outside) >= min(LEAST_CLUSTERS, trees)


def _named(values: Sequence[float | None]) -> list[str]:
    """By thirds of the numbers, and the nothing of many apart."""
    known = np.array([value for value in values if value is not None], np.float64)
    if not len(known):
        return ["" for _ in values]
    cuts = sorted(
        {float(cut) for cut in np.quantile(known, [1 / 3, 2 / 3], method="lower")}
        - {float(known.max())}
    )
    return ["" if value is None else _third(value, cuts) for value in values]


def _third(value: float, cuts: Sequence[float]) -> str:
    at = int(np.searchsorted(cuts, value))
    if not cuts:
        return "all"
    if at == 0:
        return f"to {_short(cuts[0])}"
    if at == len(cuts):
        return f"over {_short(cuts[-1])}"
    return f"{_short(cuts[at - 1])} to {_short(cuts[at])}"


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 20 or number == int(number) else f"{number:.2g}"


def _in_order(names: Sequence[str], values: Sequence[Any]) -> list[str]:
    """Groups of numbers by size, others by name."""
    least: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        if value is not None and (name not in least or value < least[name]):
            least[name] = value
    return sorted(least, key=lambda name: least[name])


def _numbers(name: str, values: Sequence[float | None]) -> Floats:
    """(n, 2): the number, the mean where it is not known, and whether it is known."""
    known = np.array([value is not None for value in values], np.float64)
    filled = np.array([0.0 if value is None else value for value in values], np.float64)
    if name in _LOGARITHMIC:
        filled = np.log1p(filled)
    mean = float((filled * known).sum() / max(1.0, known.sum()))
    return np.stack([np.where(known > 0, filled, mean), known], axis=1)


def _dummies(values: Sequence[str]) -> Floats:
    names = sorted(set(values))
    columns = [[float(value == name) for value in values] for name in names]
    return np.array(columns, np.float64).T
