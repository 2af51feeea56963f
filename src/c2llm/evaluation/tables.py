"""Markdown tables, and how numbers stand in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns also line up as plain text; cells of numbers to the right.

    Raises:
        ValueError: if a row has another number of cells than the header.
    """
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"a row has {len(row)} cells, the header {len(header)}: {row}")
    cells = [[_escaped(cell) for cell in row] for row in (header, *rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(header))]
    right = [
        all(_is_number(row[column]) for row in cells[1:]) and len(cells) > 1
        for column in range(len(header))
    ]
    lines = [_line(cells[0], widths, right)]
    rule = [
        "-" * (width - 1) + ":" if r else "-" * width
        for width, r in zip(widths, right, strict=True)
    ]
    lines.append("| " + " | ".join(rule) + " |")
    lines.extend(_line(row, widths, right) for row in cells[1:])
    return "\n".join(lines)


def number(value: float) -> str:
    """Three decimals."""
    return f"{value:.3f}"


def signed(value: float) -> str:
    """Three decimals and a sign."""
    return f"{value:+.3f}"


def interval(low: float, high: float) -> str:
    """Both bounds."""
    return f"[{low:.3f}, {high:.3f}]"


def p_value(value: float) -> str:
    """Three decimals; what is below the smallest of them is said to be."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def against_cells(comparison: Mapping[str, Any] | None) -> list[str]:
    """The fields of a `Comparison` as two cells: difference with both bounds, p; empty for none."""
    if comparison is None:
        return ["", ""]
    bounds = interval(comparison["low"], comparison["high"])
    return [f"{signed(comparison['difference'])} {bounds}", p_value(comparison["p_value"])]


def run_label(run: Mapping[str, Any]) -> str:
    """What a run of repository search is called; words alone are the same beside any model."""
    mode = str(run["mode"])
    return mode if mode.startswith("lexical") else f"{run['system']} {mode}"


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(row, widths, right, strict=True)
    ]
    return "| " + " | ".join(padded) + " |"


def _escaped(cell: str) -> str:
    return " ".join(cell.replace("|", "\\|").split())


def _is_number(cell: str) -> bool:
    return cell == "" or cell.lstrip("+-< ").replace(",", "").replace(".", "", 1).isdigit()
