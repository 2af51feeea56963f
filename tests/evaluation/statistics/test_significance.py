"""Intervals cover what they promise, and the randomisation test equals its exact enumeration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.evaluation.statistics.significance import bootstrap, compare, randomisation_p_value


def test_constant_scores_have_an_interval_of_no_width():
    estimate = bootstrap([0.25] * 40)
    assert (estimate.mean, estimate.low, estimate.high, estimate.n) == (0.25, 0.25, 0.25, 40)


def test_interval_has_the_width_of_the_central_limit():
    values = np.random.default_rng(7).normal(0.5, 0.2, size=2000)
    estimate = bootstrap(values)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert estimate.low == pytest.approx(values.mean() - half, abs=half / 10)
    assert estimate.high == pytest.approx(values.mean() + half, abs=half / 10)


def test_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    trials = [bootstrap(rng.binomial(1, 0.3, size=60), samples=400) for _ in range(200)]
    covered = np.mean([trial.low <= 0.3 <= trial.high for trial in trials])
    assert 0.88 <= covered <= 0.99


def test_small_samples_are_enumerated():
    differences = [0.5, 0.2, -0.1, 0.4]
    observed = abs(sum(differences))
    signs = product([1, -1], repeat=4)
    sums = [abs(sum(s * d for s, d in zip(sign, differences, strict=True))) for sign in signs]
    assert randomisation_p_value(differences) == np.mean([s >= observed - 1e-12 for s in sums])


def test_sampled_p_value_agrees_with_the_enumerated_one():
    differences = np.random.default_rng(1).normal(0.1, 0.3, size=12)
    exact = randomisation_p_value(differences, samples=2**12)
    sampled = randomisation_p_value(differences, samples=2**12 - 1)
    assert sampled == pytest.approx(exact, abs=0.03)


def test_equal_systems_do_not_differ_and_clear_ones_do():
    scores = np.random.default_rng(5).uniform(size=300)
    same = compare(scores, scores)
    assert (same.difference, same.p_value) == (0.0, 1.0)
    better = compare(scores + 0.1, scores)
    assert better.difference == pytest.approx(0.1)
    assert better.low > 0.0
    assert better.p_value < 0.001


@given(st.lists(st.floats(-1, 1, allow_nan=False), min_size=1, max_size=9))
def test_p_value_ignores_which_system_came_first(differences):
    forward = randomisation_p_value(differences)
    backward = randomisation_p_value([-d for d in differences])
    assert forward == backward
    assert 0.0 < forward <= 1.0


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        bootstrap([])
    with pytest.raises(ValueError, match="confidence is 95"):
        bootstrap([0.5], confidence=95)
    with pytest.raises(ValueError, match="2 scores against 1"):
        compare([0.1, 0.2], [0.1])
