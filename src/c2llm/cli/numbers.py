"""Numbers on the command line: every one has bounds, and is finite."""

from __future__ import annotations

import math
from typing import Any

import click

MOST = 1_000_000_000
"""More than any count that an option stands for; beyond it libraries fail in ways of their own."""


def count(least: int = 1) -> click.IntRange:
    """A whole number from `least` up."""
    return click.IntRange(least, MOST)


class Finite(click.FloatRange):
    """A number within bounds, which `nan` is not though no bound is beyond it."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number, or wrong use."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a number with a size.", param, ctx)
        return number
