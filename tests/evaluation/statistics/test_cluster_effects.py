"""An effect is that of least squares, and chance is told as often as it is promised."""

from __future__ import annotations

import numpy as np
import pytest

from c2llm.evaluation.statistics.cluster_effects import adjusted_effect, holm, mean_effect

CLUSTERS = [f"r{at // 10}" for at in range(120)]


def drawn(rng, effect=0.0, spread=0.2):
    """Scores of twelve clusters, each as hard as it likes, and membership of a third."""
    inside = (rng.random(120) < 0.3).astype(float)
    hard = np.repeat(rng.normal(0.0, 0.2, 12), 10)
    return 0.7 + hard + effect * inside + rng.normal(0.0, spread, 120), inside


def test_the_value_is_the_coefficient_of_least_squares():
    rng = np.random.default_rng(1)
    held = np.column_stack([np.ones(120), rng.normal(size=(120, 3))])
    scores, inside = drawn(rng, 0.2)
    found = adjusted_effect(scores, inside, held, CLUSTERS)
    solved, *_ = np.linalg.lstsq(np.column_stack([inside, held]), scores, rcond=None)
    assert found.value == pytest.approx(solved[0])
    assert (found.n, found.clusters) == (120, 12)


def test_held_columns_that_repeat_each_other_change_nothing():
    rng = np.random.default_rng(2)
    scores, inside = drawn(rng, 0.1)
    ones = np.ones((120, 1))
    once = adjusted_effect(scores, inside, ones, CLUSTERS)
    assert adjusted_effect(scores, inside, np.hstack([ones, 2 * ones]), CLUSTERS).value == (
        pytest.approx(once.value)
    )


def test_the_order_of_the_queries_does_not_count():
    rng = np.random.default_rng(3)
    scores, inside = drawn(rng, 0.1)
    order = rng.permutation(120)
    one = adjusted_effect(scores, inside, np.ones((120, 1)), CLUSTERS)
    other = adjusted_effect(
        scores[order], inside[order], np.ones((120, 1)), [CLUSTERS[at] for at in order]
    )
    assert (one.value, one.low) == pytest.approx((other.value, other.low))
    assert one.p_value == other.p_value


def test_chance_is_told_as_often_as_promised():
    rng = np.random.default_rng(4)
    ones = np.ones((120, 1))
    found = [
        adjusted_effect(scores, inside, ones, CLUSTERS, samples=199)
        for scores, inside in (drawn(rng) for _ in range(300))
    ]
    assert 0.02 <= np.mean([effect.p_value < 0.05 for effect in found]) <= 0.09
    assert 0.90 <= np.mean([effect.low <= 0.0 <= effect.high for effect in found]) <= 0.98


def test_queries_that_are_alike_are_no_sample_of_their_own():
    """Half of the repositories have the property and are hard by chance: no effect is told."""
    rng = np.random.default_rng(5)
    inside = np.repeat(np.arange(12) % 2, 10).astype(float)
    told = []
    for _ in range(200):
        scores = np.repeat(rng.normal(0.5, 0.2, 12), 10) + rng.normal(0.0, 0.01, 120)
        told.append(adjusted_effect(scores, inside, np.ones((120, 1)), CLUSTERS, samples=199))
    assert np.mean([effect.p_value < 0.05 for effect in told]) <= 0.1


def test_a_planted_effect_is_found():
    scores, inside = drawn(np.random.default_rng(6), -0.25)
    found = adjusted_effect(scores, inside, np.ones((120, 1)), CLUSTERS)
    assert found.is_told and found.low < -0.25 < found.high and found.p_value < 0.01


def test_what_cannot_be_told_apart_is_none():
    scores, _ = drawn(np.random.default_rng(7))
    held = np.repeat(np.eye(12), 10, axis=0)
    of_three = np.repeat(np.arange(12) < 3, 10).astype(float)
    assert adjusted_effect(scores, of_three, held, CLUSTERS) is None
    assert mean_effect(scores, ["one"] * 120) is None


def test_means_and_nothing():
    found = mean_effect([0.0] * 20, [str(at) for at in range(20)])
    assert (found.value, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)
    assert mean_effect([0.5, 0.7] * 10, [str(at) for at in range(20)]).value == pytest.approx(0.6)
    with pytest.raises(ValueError, match="19 of the property"):
        adjusted_effect([0.0] * 20, [1.0] * 19, None, ["a"] * 20)


def test_holm_multiplies_the_smallest_by_all():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
