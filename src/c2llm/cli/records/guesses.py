"""What is expected of code from what was measured of code like it, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from c2llm.index.store.imported.record_text import written

if TYPE_CHECKING:
    from c2llm.analysis.records.guess import Guess
    from c2llm.analysis.records.neighbours import Guesses


def guess_lines(found: Guesses) -> Iterator[str]:
    """A line for each column of numbers, and one for what was measured of the code itself."""
    if not found.guesses:
        yield "Nothing that was measured of other code is a number, so that there is no guess."
    else:
        yield "What code like it lets expect, and how far off that is when one is left out:"
    for one in found.guesses:
        yield f"  {_told(one)}"
    for record in found.own:
        told = ", ".join(f"{name} {written(value)}" for name, value in record.values.items())
        yield f"Measured of it itself: {told}"
    if found.left_out:
        yield f"{found.left_out:,} results are more than are compared; choose with --where."


def _told(one: Guess) -> str:
    if one.value is None:
        return f"{one.column}: cannot tell; {one.reason}."
    few = "nearest has" if one.neighbours == 1 else f"{one.neighbours} nearest have"
    span = written(one.least)
    if one.most != one.least:
        span += f" to {written(one.most)}"
    interval = f"between {written(one.low)} and {written(one.high)}"
    if one.low == one.high:
        interval = "just that"
    return (
        f"{one.column}: {written(one.value)}, in four cases of five {interval} "
        f"(of {one.measured} the {few} {span}; off by {one.error:.3g} on average, the median of "
        f"all by {one.plain_error:.3g})"
    )


def guesses_as_json(found: Guesses) -> dict[str, Any]:
    """The guesses by column, and what was measured of the code itself."""
    from c2llm.search.answers.as_json import record_as_json

    return {
        "guesses": {
            one.column: {
                "value": one.value,
                "low": one.low,
                "high": one.high,
                "neighbours": one.neighbours,
                "least": one.least,
                "most": one.most,
                "measured": one.measured,
                "left_out_error": one.error,
                "median_error": one.plain_error,
                "reason": one.reason or None,
            }
            for one in found.guesses
        },
        "own_records": [record_as_json(one) for one in found.own],
    }
