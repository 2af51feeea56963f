"""Batches of one dataset and one language, a pure function of (seed, step).

In-batch negatives teach only where they are hard to tell from the positive: a bash one-liner is no
negative for a question about Java. And because step k does not depend on steps before it, a resumed
run draws exactly the batches that an uninterrupted one would have drawn: the whole state of the
sampler is the number of the step. Every rank makes the same batch and takes its slice of it, so all
ranks stand in one dataset and one language with equally many rows.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from c2llm.errors import DataError, UsageError
from c2llm.training.data.training_pair import Pair


class BatchPlan:
    """Which pairs make which batch.

    Args:
        pairs: all training pairs.
        batch_size: pairs of a batch; a group with fewer distinct pairs gives smaller ones.
        weights: dataset name -> weight of its rows (1 where absent).
        mixing: a group is drawn in proportion to (rows x weight) ** mixing.
        fixed: a dataset is drawn in proportion to its weight alone, whatever its size; its
            languages share that by their rows.
        seed: decides everything.
        min_group: groups with fewer pairs are joined into one group of their dataset.
        multiple: the size of every batch is a multiple of this, the number of ranks.

    Raises:
        DataError: if there are fewer than two pairs, or fewer than two for each rank.
        UsageError: if `multiple` does not divide `batch_size`.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        batch_size: int,
        *,
        weights: Mapping[str, float] | None = None,
        mixing: float = 1.0,
        fixed: bool = False,
        seed: int = 0,
        min_group: int = 64,
        multiple: int = 1,
    ) -> None:
        if len(pairs) < 2:
            raise DataError(f"In-batch negatives need at least 2 training pairs, got {len(pairs)}.")
        if batch_size % multiple:
            raise UsageError(
                f"{multiple} processes do not divide optim.batch_size={batch_size}: take "
                f"{(batch_size // multiple + 1) * multiple}."
            )
        self._pairs, self._batch_size, self._seed = pairs, batch_size, seed
        self._multiple = multiple
        self._groups = {
            key: rows
            for key, rows in _group(pairs, min(min_group, batch_size)).items()
            if len(rows) >= multiple
        }
        if not self._groups:
            raise DataError(f"No dataset has a row for each of {multiple} processes.")
        weights = weights or {}
        rows_of: dict[str, int] = {}
        for (dataset, _), rows in self._groups.items():
            rows_of[dataset] = rows_of.get(dataset, 0) + len(rows)
        self._odds = [
            weights.get(dataset, 1.0) * len(rows) / rows_of[dataset]
            if fixed
            else (len(rows) * weights.get(dataset, 1.0)) ** mixing
            for (dataset, _), rows in self._groups.items()
        ]
        self._keys = list(self._groups)
        # The order of each group's rows is a permutation per pass over it.
        self._permutations: dict[tuple[int, int], NDArray[np.int64]] = {}
        self._schedule: list[tuple[int, int]] = []
        self._drawn = [0] * len(self._keys)
        self._rng = random.Random(f"{seed}-groups")

    @property
    def groups(self) -> dict[tuple[str, str], int]:
        """Number of pairs of each (dataset, language)."""
        return {key: len(rows) for key, rows in self._groups.items()}

    def batch(self, step: int) -> list[Pair]:
        """The pairs of a step, counted from 0; no row answers the query of another.

        Only where a group has too few distinct rows to give each rank one are rows taken that do;
        the loss leaves them out of each other's denominators.
        """
        while len(self._schedule) <= step:
            (group,) = self._rng.choices(range(len(self._keys)), self._odds)
            self._schedule.append((group, self._drawn[group]))
            self._drawn[group] += 1
        group, nth = self._schedule[step]
        rows = self._groups[self._keys[group]]
        size = min(self._batch_size, len(rows))
        batch: list[Pair] = []
        passed: list[Pair] = []
        texts: set[str] = set()
        # A few more candidates than needed make up for repeated texts.
        for offset in range(min(2 * size, len(rows))):
            position = nth * size + offset
            turn, place = divmod(position, len(rows))
            pair = self._pairs[int(rows[self._permutation(group, turn)[place]])]
            if pair.query in texts or not texts.isdisjoint(pair.positives):
                passed.append(pair)
                continue
            texts.add(pair.query)
            texts.update(pair.positives)
            batch.append(pair)
            if len(batch) == size:
                break
        if len(batch) < self._multiple:
            batch.extend(passed[: self._multiple - len(batch)])
        return batch[: len(batch) - len(batch) % self._multiple]

    def _permutation(self, group: int, turn: int) -> NDArray[np.int64]:
        key = (group, turn)
        if key not in self._permutations:
            order = list(range(len(self._groups[self._keys[group]])))
            random.Random(f"{self._seed}-{group}-{turn}").shuffle(order)
            self._permutations[key] = np.array(order, dtype=np.int64)
            self._permutations.pop((group, turn - 2), None)  # a batch spans two turns at most
        return self._permutations[key]


def _group(pairs: Sequence[Pair], min_group: int) -> dict[tuple[str, str], NDArray[np.int64]]:
    groups: dict[tuple[str, str], list[int]] = {}
    for index, pair in enumerate(pairs):
        groups.setdefault((pair.dataset, pair.language), []).append(index)
    joined: dict[tuple[str, str], list[int]] = {}
    for (dataset, language), rows in sorted(groups.items()):
        key = (dataset, language) if len(rows) >= min_group else (dataset, "")
        joined.setdefault(key, []).extend(rows)
    return {key: np.array(rows, dtype=np.int64) for key, rows in joined.items()}
