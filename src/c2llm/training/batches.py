"""Batches of one dataset and one language, a pure function of (seed, step).

In-batch negatives teach only where they are hard to tell from the positive: a bash one-liner is no
negative for a question about Java. And because step k does not depend on steps before it, a resumed
run draws exactly the batches that an uninterrupted one would have drawn, with no state to save.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from c2llm.errors import DataError
from c2llm.training.data import Pair


class BatchPlan:
    """Which pairs make which batch.

    Args:
        pairs: all training pairs.
        batch_size: pairs of a batch; a group with fewer distinct pairs gives smaller ones.
        weights: dataset name -> weight of its rows (1 where absent).
        mixing: a group is drawn in proportion to (rows x weight) ** mixing.
        seed: decides everything.
        min_group: groups with fewer pairs are joined into one group of their dataset.

    Raises:
        DataError: if there are fewer than two pairs.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        batch_size: int,
        *,
        weights: dict[str, float] | None = None,
        mixing: float = 1.0,
        seed: int = 0,
        min_group: int = 64,
    ) -> None:
        if len(pairs) < 2:
            raise DataError(f"In-batch negatives need at least 2 training pairs, got {len(pairs)}.")
        self._pairs, self._batch_size, self._seed = pairs, batch_size, seed
        self._groups = _group(pairs, min(min_group, batch_size))
        weights = weights or {}
        self._odds = [
            (len(rows) * weights.get(dataset, 1.0)) ** mixing
            for (dataset, _), rows in self._groups.items()
        ]
        self._keys = list(self._groups)
        # The order of each group's rows is a permutation per pass over it.
        self._permutations: dict[tuple[int, int], list[int]] = {}
        self._schedule: list[tuple[int, int]] = []
        self._drawn = [0] * len(self._keys)
        self._rng = random.Random(f"{seed}-groups")

    @property
    def groups(self) -> dict[tuple[str, str], int]:
        """Number of pairs of each (dataset, language)."""
        return {key: len(rows) for key, rows in self._groups.items()}

    def batch(self, step: int) -> list[Pair]:
        """The pairs of a step, counted from 0; no query and no document occurs twice."""
        while len(self._schedule) <= step:
            (group,) = self._rng.choices(range(len(self._keys)), self._odds)
            self._schedule.append((group, self._drawn[group]))
            self._drawn[group] += 1
        group, nth = self._schedule[step]
        rows = self._groups[self._keys[group]]
        size = min(self._batch_size, len(rows))
        batch: list[Pair] = []
        texts: set[str] = set()
        # A few more candidates than needed make up for repeated texts.
        for offset in range(min(2 * size, len(rows))):
            position = nth * size + offset
            turn, place = divmod(position, len(rows))
            pair = self._pairs[rows[self._permutation(group, turn)[place]]]
            if pair.query in texts or pair.document in texts:
                continue
            texts.update((pair.query, pair.document))
            batch.append(pair)
            if len(batch) == size:
                break
        return batch

    def _permutation(self, group: int, turn: int) -> list[int]:
        key = (group, turn)
        if key not in self._permutations:
            order = list(range(len(self._groups[self._keys[group]])))
            random.Random(f"{self._seed}-{group}-{turn}").shuffle(order)
            self._permutations[key] = order
        return self._permutations[key]


def _group(pairs: Sequence[Pair], min_group: int) -> dict[tuple[str, str], list[int]]:
    groups: dict[tuple[str, str], list[int]] = {}
    for index, pair in enumerate(pairs):
        groups.setdefault((pair.dataset, pair.language), []).append(index)
    joined: dict[tuple[str, str], list[int]] = {}
    for (dataset, language), rows in sorted(groups.items()):
        key = (dataset, language) if len(rows) >= min_group else (dataset, "")
        joined.setdefault(key, []).extend(rows)
    return joined
