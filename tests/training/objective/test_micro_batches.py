"""Micro-batches: within the budget, in order, and cut where that costs least."""

from itertools import combinations

import numpy as np
import pytest

from c2llm.training.objective.text_embedding import MicroBatches, _runs


def _cost(runs, lengths, budget):
    """Padded tokens of a cut, with a twentieth of the budget for each run."""
    if any(len(run) > 1 and len(run) * lengths[run[-1]] > budget for run in runs):
        return float("inf")
    return sum(len(run) * lengths[run[-1]] + 0.05 * budget for run in runs)


def _cheapest(lengths, budget):
    """The least cost of all cuts, each tried."""
    n = len(lengths)
    return min(
        _cost(
            [list(range(a, b)) for a, b in zip((0, *cuts), (*cuts, n), strict=True)],
            lengths,
            budget,
        )
        for count in range(n)
        for cuts in combinations(range(1, n), count)
    )


@pytest.mark.parametrize("seed", range(20))
def test_no_cut_is_cheaper(seed):
    random = np.random.default_rng(seed)
    lengths = sorted(int(n) for n in random.integers(1, 60, 9))
    budget = int(random.integers(20, 400))
    runs = _runs(list(range(9)), [[1] * n for n in lengths], budget)
    assert [index for run in runs for index in run] == list(range(9))
    assert _cost(runs, lengths, budget) == pytest.approx(_cheapest(lengths, budget))


def test_a_text_above_the_budget_stands_alone():
    lengths = [3, 50, 60]
    assert _runs([0, 1, 2], [[1] * n for n in lengths], 20) == [[0], [1], [2]]


def test_short_texts_are_not_padded_to_long_ones():
    ids = [[n] * 4 for n in range(1, 65)] + [[n] * 200 for n in range(100, 104)]
    micro = MicroBatches(ids, budget=4000)
    padded = sum(len(chunk) * max(map(len, chunk)) for chunk in micro.chunks)
    assert padded == micro.tokens == 64 * 4 + 4 * 200
    assert len(micro) == 2
