"""A guess is worth what leaving one out says, and is none where that is nothing."""

from __future__ import annotations

import numpy as np
import pytest

from c2llm.analysis.records.guess import guess


def directions(count: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, 12))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def guessed(values: np.ndarray, vectors: np.ndarray, own: np.ndarray):
    return guess("x", values, vectors @ own, vectors @ vectors.T)


def test_twins_tell_what_their_twin_has():
    vectors = np.repeat(directions(10), 2, axis=0)
    values = np.repeat(np.arange(10.0) ** 2, 2)
    found = guessed(values, vectors, vectors[7])
    assert (found.value, found.reason, found.error) == (9.0, "", 0.0)
    assert found.plain_error is not None and found.plain_error > 10
    assert found.low == found.high == 9.0 and found.measured == 20


def test_noise_tells_nothing():
    for seed in range(8):
        values = np.random.default_rng(seed + 100).standard_normal(20)
        vectors = directions(20, seed)
        found = guessed(values, vectors, vectors[0])
        if found.value is not None:
            break
    else:
        return
    pytest.fail(f"noise of seed {seed} was taken for something")


def test_few_results_tell_nothing():
    found = guessed(np.arange(5.0), directions(5), directions(1, 9)[0])
    assert found.value is None and "only 5 results" in found.reason
    assert (found.least, found.most) == (0.0, 4.0)


def test_code_like_none_is_not_guessed():
    vectors = np.repeat(directions(10), 2, axis=0)
    found = guessed(np.repeat(np.arange(10.0), 2), vectors, -vectors.mean(axis=0))
    assert found.value is None and "no code that is like it" in found.reason


def test_the_interval_covers_what_it_says():
    """Smooth in the vectors and some noise: four of five new ones lie within."""
    random = np.random.default_rng(3)
    vectors = directions(60, 3)
    values = 3 * vectors[:, 0] + 0.1 * random.standard_normal(60)
    inside = []
    for own in directions(16, 4):
        found = guessed(values, vectors, own)
        if found.low is not None and found.high is not None:
            inside.append(found.low <= 3 * own[0] <= found.high)
    assert len(inside) > 10 and 0.65 <= np.mean(inside) <= 0.97


def test_one_value_for_all_is_no_finding():
    found = guessed(np.full(12, 2.0), directions(12), directions(1, 5)[0])
    assert found.value is None and found.error == found.plain_error == 0
