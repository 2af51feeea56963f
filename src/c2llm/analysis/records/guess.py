"""What the nearest neighbours' results say of code, and whether that is worth anything.

The guess is the weighted median of the nearest results, each weighted by how near its code is; how
many those are is what serves what was measured best. What
it is worth is found by leaving out one after the other of what was measured and guessing it from
the rest: its error is held against that of the plainest guess, the median of all the others. Where
it is not smaller, beyond what chance makes of so few, or where no code like this one was measured,
there is no guess.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEIGHBOURS = (1, 2, 4, 8)
"""How many of the nearest results a guess may rest on: as many as leaving one out likes best."""
_LEAST = 8
"""With fewer results than this nothing can be said of an error."""
_NEAREST = 0.02
"""Added to a distance: of two that are the same none counts for all."""
_COVERED = 0.8
"""Share of what was left out whose guess was nearer than the interval is wide."""
_CHANCE = 0.05 / len(NEIGHBOURS)
"""How often chance may do as well; there are so many numbers of neighbours to be lucky with."""
_FLIPS = 4_000
_FAR = 0.05
"""Share of what was measured that has its nearest neighbour no nearer than this code has."""


class _Span(TypedDict):
    least: float
    most: float
    neighbours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What is expected of one column."""

    column: str
    measured: int
    """How many results there are in all."""
    neighbours: int
    """How many of them are the nearest."""
    least: float
    """The least and the most of these."""
    most: float
    value: float | None = None
    """None where it cannot be told; `reason` says why."""
    low: float | None = None
    """The true value lies between these two in four cases of five, as leaving one out tells."""
    high: float | None = None
    error: float | None = None
    """How far off the guess is on average when one is left out; None where there are too few."""
    plain_error: float | None = None
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

    found = Guess(
        column=column, **_span(values[_nearest(cosines, NEIGHBOURS[-1])]), measured=len(values)
    )
    if len(values) < _LEAST:
        reason = f"there are only {len(values)} results, and {_LEAST} are needed"
        return replace(found, reason=reason)
    plain = _left_out_plainly(values)
    tried = [(_left_out(values, among, count), count) for count in NEIGHBOURS]
    errors, count = min(tried, key=lambda one: float(one[0].mean()))
    nearest = _nearest(cosines, count)
    found = replace(
        found,
        **_span(values[nearest]),
        error=float(errors.mean()),
        plain_error=float(plain.mean()),
    )
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


def _span(values: NDArray[np.float64]) -> _Span:
    return {"least": float(values.min()), "most": float(values.max()), "neighbours": len(values)}


def _left_out(
    values: NDArray[np.float64], among: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """How far off each is guessed from so many of the others that are nearest to it."""
    import numpy as np

    errors = np.empty(len(values))
    for left in range(len(values)):
        rest = np.arange(len(values)) != left
        others, cosines = values[rest], among[left][rest]
        nearest = _nearest(cosines, count)
        errors[left] = abs(_weighted_median(others[nearest], cosines[nearest]) - values[left])
    return errors


def _left_out_plainly(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far off each is guessed by the median of all others."""
    import numpy as np

    return np.asarray(
        [abs(np.median(np.delete(values, left)) - values[left]) for left in range(len(values))]
    )


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


def _nearest(cosines: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    import numpy as np

    return np.argsort(-cosines, kind="stable")[:count]


def _weighted_median(values: NDArray[np.float64], cosines: NDArray[np.float64]) -> float:
    import numpy as np

    weights = 1.0 / (np.maximum(0.0, 1.0 - cosines) + _NEAREST)
    order = np.argsort(values, kind="stable")
    shares = np.cumsum(weights[order]) / weights.sum()
    middle = int(np.searchsorted(shares, 0.5))
    if abs(shares[middle] - 0.5) < 1e-9 and middle + 1 < len(values):
        return float(values[order[middle]] + values[order[middle + 1]]) / 2
    return float(values[order[middle]])
