"""How far chance carries a difference, where several candidates are looked at at once.

If training had changed nothing, each question's difference might as well have the other sign
(Fisher's paired randomisation test; Smucker, Allan and Carterette, CIKM 2007). The signs are drawn
for all candidates together, and of each draw the largest standardised sum counts (max-T, Westfall
and Young 1993): what the best of all reaches in 95 of 100 draws is added on both sides of every
mean. So an interval is above zero only for a gain that the best of so many looks rarely has by
chance, and with few questions that changed, up to five, none is: unlike a bootstrap's interval,
which a single question makes a point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CONFIDENCE = 0.95
_DRAWS = 10_000
_DECIMALS = 9
"""Sums that are equal in exact arithmetic differ in the last bits by the order of addition."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean difference and how far it may be off, to four decimals: what is told decides."""

    mean: float
    low: float
    high: float

    @property
    def is_above(self) -> bool:
        """All of it lies above zero."""
        return self.low > 0

    @property
    def is_below(self) -> bool:
        """All of it lies below zero."""
        return self.high < 0


def paired_intervals(differences: Floats) -> list[Interval]:
    """Simultaneous 95 % intervals of mean differences.

    Args:
        differences: (candidates, n), each question's score less the one before.

    Returns:
        One a candidate; zeros where there is no question. The same numbers give the same intervals
        on every machine.
    """
    candidates, n = differences.shape
    if n == 0:
        return [Interval(0.0, 0.0, 0.0)] * candidates
    changed = differences[:, (differences != 0).any(axis=0)]
    norms = np.sqrt((changed**2).sum(axis=1))
    halves = _largest_by_chance(changed, norms) * norms / n
    means = differences.mean(axis=1)
    return [
        Interval(*(round(float(value), 4) + 0.0 for value in (mean, mean - half, mean + half)))
        for mean, half in zip(means, halves, strict=True)
    ]


def _largest_by_chance(changed: Floats, norms: Floats) -> float:
    """What the largest |sum of differences| / norm stays at or below in 95 of 100 sign draws."""
    told = norms > 0
    if not told.any():
        return 0.0
    sums = _signs(changed.shape[1]) @ changed[told].T
    largest = np.sort(np.round(np.abs(sums) / norms[told], _DECIMALS).max(axis=1))
    return float(largest[int(np.ceil(_CONFIDENCE * len(largest))) - 1])


def _signs(n: int) -> Floats:
    """All 2^n rows of signs where they are few, else random ones and the one that was observed."""
    if 2**n <= _DRAWS:
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    else:
        bits = np.random.default_rng(17).integers(0, 2, (_DRAWS, n))
        bits[0] = 0
    return np.where(bits == 0, 1.0, -1.0)
