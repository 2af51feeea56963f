"""A place in a file that a filter lets pass."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """Lines and columns count from 1, columns in characters; the last column is behind the end."""

    start_line: int
    end_line: int
    start_column: int
    end_column: int
    unit_start: int
    """First line of the code around it that its meaning is read from."""
    unit_end: int
    symbol: str
    """The function around it with its scope, or ""."""
