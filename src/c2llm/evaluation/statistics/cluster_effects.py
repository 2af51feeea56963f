"""How much a property moves a score with other properties held, where queries come in clusters.

Queries about one repository are alike, so they are no independent sample: errors are summed by
cluster, and how far chance reaches is told by the wild cluster bootstrap-t (Cameron, Gelbach and
Miller 2008) with the six-point weights of Webb 2014, which serves a few clusters as well as many.
Seeded: the same numbers give the same effect on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_WEBB = np.array([-np.sqrt(1.5), -1.0, -np.sqrt(0.5), np.sqrt(0.5), 1.0, np.sqrt(1.5)])
_NOTHING = 1e-9
"""Of a sum of squares: what is less comes from rounding."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one more of a property adds to the mean score, its 95 % interval, and chance."""

    value: float
    low: float
    high: float
    p_value: float
    n: int
    clusters: int

    @property
    def is_told(self) -> bool:
        """The interval leaves zero out."""
        return self.low > 0.0 or self.high < 0.0


class Adjustment:
    """A property, what is held beside it, and clusters: made once for many rows of scores."""

    def __init__(
        self,
        of: ArrayLike,
        held: ArrayLike | None,
        clusters: Sequence[str],
        *,
        confidence: float = 0.95,
        samples: int = 999,
        seed: int = 0,
    ) -> None:
        """Take what all scores share.

        Args:
            of: (n,), the property; 1 and 0 for membership of a group.
            held: (n, m), the properties that are held, a constant among them where one is meant;
                None for none, so that with a property of ones the effect is the mean.
            clusters: of each query, what it is alike to.
            confidence: of the interval.
            samples: of the bootstrap.
            seed: of the bootstrap.

        Raises:
            ValueError: for columns of different lengths.
        """
        d = np.asarray(of, np.float64)
        self.n = len(d)
        if len(clusters) != self.n:
            raise ValueError(f"{self.n} of the property, {len(clusters)} clusters")
        # Queries of one cluster stand together, so that their sums are those of a run of rows.
        self._order = np.argsort(np.asarray(clusters), kind="stable")
        d = d[self._order]
        basis = np.zeros((self.n, 0))
        if held is not None:
            basis = _basis(np.asarray(held, np.float64)[self._order])
        self._basis = basis
        self._own = own = d - basis @ (basis.T @ d)
        self._total = float(own @ own)
        names, self._starts = np.unique(np.asarray(clusters)[self._order], return_index=True)
        self.clusters = len(names)
        self._told_apart = self._total > _NOTHING * max(1.0, float(d @ d)) and len(names) > 1
        self._confidence = confidence
        rng = np.random.default_rng(seed)
        self._weights = _WEBB[rng.integers(0, len(_WEBB), size=(len(names), samples))]
        self._shared = self._sums(own[:, None] * basis)
        self._squares = self._sums(own * own)

    def effect(self, scores: ArrayLike) -> Effect | None:
        """The coefficient of the property in a linear regression of (n,) scores.

        None where what is held leaves nothing of the property, or one cluster is all.

        Raises:
            ValueError: for scores of another length.
        """
        y = np.asarray(scores, np.float64)
        if y.shape != (self.n,):
            raise ValueError(f"scores of shape {y.shape} for {self.n} queries")
        if not self._told_apart:
            return None
        own, total = self._own, self._total
        y = y[self._order]
        y = y - self._basis @ (self._basis.T @ y)
        value = float(own @ y) / total
        rest = y - value * own
        error = float(self._error(self._sums(own * rest)[:, None])[0])
        if error <= _NOTHING:
            chance = 1.0 if abs(value) <= _NOTHING else 0.0
            return Effect(value, value, value, chance, self.n, self.clusters)
        # Under the null hypothesis the residuals are those of a fit without the property.
        beyond = int(np.count_nonzero(self._ratios(y) >= abs(value) / error - _NOTHING))
        reach = float(np.quantile(self._ratios(rest), self._confidence)) * error
        chance = (beyond + 1) / (self._weights.shape[1] + 1)
        return Effect(value, value - reach, value + reach, chance, self.n, self.clusters)

    def _ratios(self, residuals: Floats) -> Floats:
        """(samples,), |t| when each cluster's residuals get another sign and size.

        All that a weight multiplies is summed by cluster first: what is left of the drawn residuals
        beside what is held, times the property, needs no row of its own.
        """
        weights = self._weights
        sums = self._sums(self._own * residuals)
        by_held = self._sums(self._basis * residuals[:, None])
        moved = sums @ weights / self._total
        drawn = sums[:, None] * weights - self._shared @ (by_held.T @ weights)
        errors = self._error(drawn - self._squares[:, None] * moved)
        ratios: Floats = np.abs(moved) / np.maximum(errors, _NOTHING)
        return ratios

    def _sums(self, values: Floats) -> Floats:
        """By cluster, of (n,) or (n, m)."""
        sums: Floats = np.add.reduceat(values, self._starts, axis=0)
        return sums

    def _error(self, sums: Floats) -> Floats:
        """(samples,), cluster-robust: Liang and Zeger 1986, scaled by G / (G - 1)."""
        count = self.clusters
        errors: Floats = np.sqrt(count / (count - 1) * (sums**2).sum(axis=0)) / self._total
        return errors


def adjusted_effect(
    scores: ArrayLike,
    of: ArrayLike,
    held: ArrayLike | None,
    clusters: Sequence[str],
    **options: int,
) -> Effect | None:
    """The effect of one property on one row of scores; as `Adjustment`."""
    return Adjustment(of, held, clusters, **options).effect(scores)


def mean_effect(scores: ArrayLike, clusters: Sequence[str], **options: int) -> Effect | None:
    """The mean of scores that come in clusters; as `adjusted_effect`."""
    y = np.asarray(scores, np.float64)
    return adjusted_effect(y, np.ones(len(y)), None, clusters, **options)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for how many there are, in the same order.

    Source: Holm 1979: the smallest is multiplied by their number, the next by one less, and none
    becomes smaller than one before it.
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[position]))
        corrected[position] = largest
    return corrected


def _basis(held: Floats) -> Floats:
    """(n, rank), orthonormal columns that span those that are held."""
    left, sizes, _ = np.linalg.svd(held, full_matrices=False)
    return left[:, sizes > 1e-10 * max(1.0, float(sizes.max(initial=0.0)))]
