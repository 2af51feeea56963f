"""What the nearest neighbours' results say of code, and whether that is worth anything.

The guess is the weighted median of the nearest results, each weighted by how near its code is. What
it is worth is found by leaving out one after the other of what was measured and guessing it from
the rest: its error is held against that of the plainest guess, the median of all the others. Where
it is not smaller, beyond what chance makes of so few, or where no code like this one was measured,
there is no guess.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEIGHBOURS = 8
"""Results that a guess rests on at most."""
_LEAST = 8
"""With fewer results than this nothing can be said of an error."""
_NEAREST = 0.02
"""Added to a distance: of two that are the same none counts for all."""
_COVERED = 0.8
"""Share of what was left out whose guess was nearer than the interval is wide."""
_CHANCE = 0.05
_FLIPS = 4_000
_FAR = 0.05
"""Share of what was measured that has its nearest neighbour no nearer than this code has."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What is expected of one column."""

    column: str
    value: float | None
    """None where it cannot be told; `reason` says why."""
    low: float | None
    """The true value lies between these two in four cases of five, as leaving one out tells."""
    high: float | None
    least: float
    """The least and the most of the neighbours."""
    most: float
    neighbours: int
    measured: int
    """How many results there are in all."""
    error: float | None
    """How far off the guess is on average when one is left out; None where there are too few."""
    plain_error: float | None
    """The same of the median of all others."""
    reason: str = ""
    """Why it cannot be told, as the end of a sentence."""


def guess(
    column: str,
    values: NDArray[np.float64],
    cosines: NDArray[np.float64],
    among: NDArray[np.float64],
) -> Guess:
    """Guess what some code would have in a column.

    Args:
        column: Its name.
        values: What was measured, (n,), at least one.
        cosines: How near the code is to what was measured, (n,).
        among: How near what was measured is to one another, (n, n).
    """
    import numpy as np

    nearest = _nearest(cosines)
    found = Guess(
        column,
        value=None,
        low=None,
        high=None,
        least=float(values[nearest].min()),
        most=float(values[nearest].max()),
        neighbours=len(nearest),
        measured=len(values),
        error=None,
        plain_error=None,
    )
    if len(values) < _LEAST:
        reason = f"there are only {len(values)} results, and {_LEAST} are needed"
        return replace(found, reason=reason)
    errors, plain = _left_out(values, among)
    found = replace(found, error=float(errors.mean()), plain_error=float(plain.mean()))
    if not _is_better(plain - errors):
        reason = (
            f"leaving one out, code like it is off by {found.error:.3g} and the median of all by "
            f"{found.plain_error:.3g}"
        )
        return replace(found, reason=reason)
    itself = np.eye(len(values), dtype=bool)
    if cosines.max() < np.quantile(np.where(itself, -np.inf, among).max(axis=1), _FAR):
        return replace(found, reason="no code that is like it was measured")
    value = _weighted_median(values[nearest], cosines[nearest])
    width = float(np.quantile(errors, _COVERED, method="higher"))
    return replace(found, value=value, low=value - width, high=value + width)


def _left_out(
    values: NDArray[np.float64], among: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far off each is guessed from the others, by those like it and by the median of all."""
    import numpy as np

    errors, plain = np.empty(len(values)), np.empty(len(values))
    for left in range(len(values)):
        rest = np.arange(len(values)) != left
        others, cosines = values[rest], among[left][rest]
        nearest = _nearest(cosines)
        errors[left] = abs(_weighted_median(others[nearest], cosines[nearest]) - values[left])
        plain[left] = abs(np.median(others) - values[left])
    return errors, plain


def _is_better(gains: NDArray[np.float64]) -> bool:
    """Whether errors shrink by more than chance: how often would signs that are tossed do as well?

    The test of Fisher and Pitman, from as many tosses as are named above, always the same ones.
    """
    import numpy as np

    gained = gains.mean()
    if gained <= 0:
        return False
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(_FLIPS, len(gains)))
    return bool(((signs * gains).mean(axis=1) >= gained - 1e-12).mean() <= _CHANCE)


def _nearest(cosines: NDArray[np.float64]) -> NDArray[np.intp]:
    import numpy as np

    return np.argsort(-cosines, kind="stable")[:NEIGHBOURS]


def _weighted_median(values: NDArray[np.float64], cosines: NDArray[np.float64]) -> float:
    import numpy as np

    weights = 1.0 / (np.maximum(0.0, 1.0 - cosines) + _NEAREST)
    order = np.argsort(values, kind="stable")
    shares = np.cumsum(weights[order]) / weights.sum()
    middle = int(np.searchsorted(shares, 0.5))
    if abs(shares[middle] - 0.5) < 1e-9 and middle + 1 < len(values):
        return float(values[order[middle]] + values[order[middle + 1]]) / 2
    return float(values[order[middle]])
