"""A hit without its least telling lines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from c2llm.search.answer import Hit

LEFT_OUT = "…"
"""A line of a text in the place of those that are left out."""
_KEPT = 0.8
"""Of what all lines contribute, as much as the kept ones have; docs/explanations.md has others."""
_GAP = 2
"""So few lines between others are kept: a mark for them would save little and read worse."""


def telling_count(hit: Hit, kept: float = _KEPT) -> int:
    """How many of a hit's lines tell, of those that contribute most; 0 where nobody knows."""
    return len(hit.why.telling_rows(kept))


def condensed(hit: Hit, count: int) -> Hit:
    """A hit by so many of its lines, the most telling ones, and the one that names it.

    Line numbers stay true: `shown` says which lines there are. A hit whose lines are not explained
    stays whole, and so does a cell of a notebook, whose lines may be one of the file.
    """
    lines = hit.text.split("\n")
    rows = set(hit.why.rows_by_share()[:count])
    if not rows or hit.shown or hit.end_line - hit.start_line + 1 != len(lines):
        return hit
    if hit.symbol:
        name = re.compile(rf"(?<!\w){re.escape(hit.symbol)}(?!\w)")
        rows.update([row for row, line in enumerate(lines) if name.search(line)][:1])
    runs = _runs(rows)
    if len(runs) == 1 and runs[0] == (0, len(lines) - 1):
        return hit
    text = f"\n{LEFT_OUT}\n".join("\n".join(lines[a : b + 1]) for a, b in runs)
    shown = tuple((hit.start_line + a, hit.start_line + b) for a, b in runs)
    return replace(hit, text=text, shown=shown)


def _runs(rows: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each run of rows; gaps of a few rows are closed."""
    runs: list[tuple[int, int]] = []
    for row in sorted(rows):
        if runs and row - runs[-1][1] <= _GAP + 1:
            runs[-1] = runs[-1][0], row
        else:
            runs.append((row, row))
    return runs
