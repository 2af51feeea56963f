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


def adjusted_effect(
    scores: ArrayLike,
    of: ArrayLike,
    held: ArrayLike | None,
    clusters: Sequence[str],
    *,
    confidence: float = 0.95,
    samples: int = 999,
    seed: int = 0,
) -> Effect | None:
    """The coefficient of one property in a linear regression of the scores.

    Args:
        scores: (n,), one a query.
        of: (n,), the property; 1 and 0 for membership of a group.
        held: (n, m), the properties that are held, a constant among them where one is meant; None
            for none, so that with a property of ones the effect is the mean.
        clusters: of each query, what it is alike to.
        confidence: of the interval.
        samples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        The effect; None where what is held leaves nothing of the property, or one cluster is all.

    Raises:
        ValueError: for columns of different lengths.
    """
    y, d = np.asarray(scores, np.float64), np.asarray(of, np.float64)
    n = len(y)
    if d.shape != (n,) or len(clusters) != n:
        raise ValueError(f"{n} scores, {d.shape} of the property, {len(clusters)} clusters")
    basis = np.zeros((n, 0)) if held is None else _basis(np.asarray(held, np.float64))
    y, own = _without(basis, y), _without(basis, d)
    total = float(own @ own)
    # Queries of one cluster stand together, so that their sums are those of a run of rows.
    order = np.argsort(np.asarray(clusters), kind="stable")
    y, own, basis = y[order], own[order], basis[order]
    names, starts, cluster = np.unique(
        np.asarray(clusters)[order], return_index=True, return_inverse=True
    )
    # Where one cluster alone tells the property, its errors cannot be told from its effect.
    if total <= _NOTHING * max(1.0, float(d @ d)) or len(names) < 2:
        return None
    value = float(own @ y) / total
    error = _standard_error(own, (y - value * own)[:, None], starts, total)[0]
    rng = np.random.default_rng(seed)
    weights = _WEBB[rng.integers(0, len(_WEBB), size=(len(names), samples))][cluster]
    if error <= _NOTHING:
        return Effect(value, value, value, 1.0 if abs(value) <= _NOTHING else 0.0, n, len(names))

    def ratios(residuals: Floats) -> Floats:
        """|t| of what is left when each cluster's residuals get another sign and size."""
        drawn = _without(basis, weights * residuals[:, None])
        moved = own @ drawn / total
        errors = _standard_error(own, drawn - own[:, None] * moved, starts, total)
        return np.abs(moved) / np.maximum(errors, _NOTHING)

    # Under the null hypothesis the residuals are those of a fit without the property.
    beyond = int(np.count_nonzero(ratios(y) >= abs(value) / error - _NOTHING))
    reach = float(np.quantile(ratios(y - value * own), confidence)) * float(error)
    return Effect(
        value, value - reach, value + reach, (beyond + 1) / (samples + 1), n, len(names)
    )  # fmt: skip


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


def _without(basis: Floats, values: Floats) -> Floats:
    """What the columns of the basis do not tell of values, (n,) or (n, samples)."""
    return values - basis @ (basis.T @ values)


def _standard_error(
    own: Floats, residuals: Floats, starts: NDArray[np.int64], total: float
) -> Floats:
    """(samples,), cluster-robust: Liang and Zeger 1986, scaled by G / (G - 1)."""
    sums = np.add.reduceat(own[:, None] * residuals, starts, axis=0)
    count = len(starts)
    errors: Floats = np.sqrt(count / (count - 1) * (sums**2).sum(axis=0)) / total
    return errors
