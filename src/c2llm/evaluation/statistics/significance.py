"""How sure a mean is: bootstrap intervals, and whether two systems differ on the same queries.

Both treat the queries (or the repositories) as a sample and ask how much the mean would move with
another sample. Both are seeded: the same scores give the same interval on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Cells of one block of resampled indices or signs: bounds the memory to some 20 MB whatever n is.
_BLOCK = 2_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its bootstrap interval."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Mean of `system - baseline` over the same queries, its interval, and how likely chance is."""

    difference: float
    low: float
    high: float
    p_value: float
    n: int


def bootstrap(
    values: Sequence[float] | NDArray[np.float64],
    *,
    confidence: float = 0.95,
    samples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Mean of `values` with the percentile bootstrap interval.

    Source: Efron and Tibshirani 1993, chapter 13: resample n values with replacement, take the
    (1 - confidence) / 2 quantiles of the means of the resamples.

    Raises:
        ValueError: if `values` is empty or `confidence` is not between 0 and 1.
    """
    scores = _checked(values)
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence is {confidence}, must lie between 0 and 1")
    rng = np.random.default_rng(seed)
    n = len(scores)
    means = np.concatenate(
        [scores[rng.integers(0, n, size=(rows, n))].mean(axis=1) for rows in _blocks(samples, n)]
    )
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return Estimate(float(scores.mean()), float(low), float(high), n)


def randomisation_p_value(
    differences: Sequence[float] | NDArray[np.float64], *, samples: int = 10_000, seed: int = 0
) -> float:
    """Two-sided p-value of Fisher's paired randomisation test on per-query differences.

    If the systems were the same, each difference might as well have the other sign. The p-value is
    the share of sign assignments whose mean is at least as far from 0 as the observed one: over all
    2^n of them where that is no more than `samples`, else over `samples` random ones, the observed
    assignment counted in (so that p is never 0).

    Source: Smucker, Allan and Carterette, CIKM 2007.

    Raises:
        ValueError: if `differences` is empty.
    """
    scores = _checked(differences)
    n = len(scores)
    observed = abs(scores.sum())
    # Sums that are equal in exact arithmetic differ in the last bits by the order of addition.
    threshold = observed - 1e-12 * np.abs(scores).sum()
    if 2**n <= samples:
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        sums = (1.0 - 2.0 * bits) @ scores
        return float(np.mean(np.abs(sums) >= threshold))
    rng = np.random.default_rng(seed)
    extreme = 0
    for rows in _blocks(samples, n):
        flips = rng.integers(0, 2, size=(rows, n), dtype=np.int8)
        sums = (1.0 - 2.0 * flips) @ scores
        extreme += int(np.count_nonzero(np.abs(sums) >= threshold))
    return (extreme + 1) / (samples + 1)


def compare(
    system: Sequence[float] | NDArray[np.float64],
    baseline: Sequence[float] | NDArray[np.float64],
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Paired comparison: the scores at one position belong to the same query.

    Raises:
        ValueError: if the lengths differ or are 0.
    """
    if len(system) != len(baseline):
        raise ValueError(f"{len(system)} scores against {len(baseline)}: not the same queries")
    differences = np.asarray(system, np.float64) - np.asarray(baseline, np.float64)
    estimate = bootstrap(differences, confidence=confidence, seed=seed)
    p_value = randomisation_p_value(differences, seed=seed)
    return Comparison(estimate.mean, estimate.low, estimate.high, p_value, estimate.n)


def _checked(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or len(scores) == 0:
        raise ValueError(f"scores of shape {scores.shape}: need a row of at least one")
    return scores


def _blocks(samples: int, n: int) -> Iterator[int]:
    step = max(1, _BLOCK // n)
    for start in range(0, samples, step):
        yield min(step, samples - start)
