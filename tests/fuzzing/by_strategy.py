"""Inputs drawn by hypothesis, for a time instead of a number."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from time import monotonic

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzzing.steps import inputs
from tests.fuzzing.target import Target

_ROUND = 2_000
"""Inputs until hypothesis begins anew, and forgets those it has tried."""
_LONGEST_KEPT = 20_000


class TimeIsUpError(KeyboardInterrupt):
    """Hypothesis lets this end a round, and nothing else."""


def search(
    target: Target, kept: Sequence[bytes], try_input: Callable[[bytes], None], seconds: float
) -> None:
    """Try inputs until the time is up.

    Args:
        target: What reads them.
        kept: Inputs of earlier runs that led somewhere new, to begin from too.
        try_input: Tries one; it raises nothing.
        seconds: How long.
    """
    until = monotonic() + seconds
    seeds = [*target.seeds, *(data for data in kept if len(data) <= _LONGEST_KEPT)]
    for data in seeds:
        try_input(data)

    def one(data: bytes) -> None:
        if monotonic() > until:
            raise TimeIsUpError
        try_input(data)

    quiet = settings(
        max_examples=_ROUND,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    while monotonic() < until:
        try:
            seed(random.randrange(2**32))(quiet(given(inputs(seeds, target.tokens))(one)))()
        except TimeIsUpError:
            return
