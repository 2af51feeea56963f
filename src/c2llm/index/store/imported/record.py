"""A record: what was measured of a file or a definition, and the code that it is about today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Value = float | int | str | bool
"""A value of a record; dates are texts as `dates.normalized` writes them. A missing one is not
there."""
ValueType = Literal["number", "text", "boolean", "date"]
State = Literal["current", "moved", "stale", "unknown", "lost"]
"""`current`: the code is what it was at the import, or at the revision that was named. `moved`: the
same code has another path or name now. `stale`: it was changed since. `unknown`: the revision that
was named is not to be had. `lost`: there is no such code any more."""

OWN_COLUMNS: Mapping[str, ValueType] = {
    "path": "text",
    "symbol": "text",
    "revision": "text",
    "run": "text",
    "stale": "boolean",
}
"""What a condition may ask of every record, where no imported column has the name."""


class Key(NamedTuple):
    """What a record is about."""

    path: str
    """Relative to the root, with `/`."""
    symbol: str = ""
    """Names of the definitions around it and its own, joined by `.`; "" for the whole file."""
    revision: str = ""
    """Of git, as it was given; "" for the code at the time of the import."""
    run: str = ""
    """What tells several measurements of the same code apart."""

    def __str__(self) -> str:
        symbol = f":{self.symbol}" if self.symbol else ""
        return f"{self.path}{symbol}" + (f"@{self.revision}" if self.revision else "")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the records of an index."""

    name: str
    types: frozenset[ValueType]
    """More than one where imports differ in it."""
    unit: str = ""
    """`%` where every value was written as a percentage."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of a results file says."""

    key: Key
    values: Mapping[str, Value]
    code_hash: bytes = b""
    """`placing.code_hash` of the code that was measured; empty where it is not to be had."""
    file_hash: bytes = b""
    """Hash of the content of its file then."""


@dataclass(frozen=True, slots=True)
class Source:
    """One import."""

    name: str
    file: str
    """Where the results were read."""
    imported: float
    """Seconds since 1970."""
    columns: tuple[Column, ...]
    records: int


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known of one key, whatever files it was imported from."""

    key: Key
    values: Mapping[str, Value]
    state: State
    path: str = ""
    """Where the code is today; "" where it is lost."""
    symbol: str = ""
    """What it is called today, like that of a key."""
    start_line: int = 0
    """From 1; 0 for a whole file."""
    end_line: int = 0
    """Inclusive."""
    chunks: tuple[int, ...] = field(default=(), repr=False)
    """Ids of the chunks that have lines of it."""

    @property
    def name(self) -> str:
        """The last part of its symbol, "" for a file."""
        return self.symbol.rpartition(".")[2]

    def value(self, column: str) -> Value | None:
        """What it has in a column, its own ones among them, or None."""
        if column in self.values:
            return self.values[column]
        if column == "stale":
            return self.state != "current" and self.state != "moved"
        return getattr(self.key, column) or None if column in OWN_COLUMNS else None

    def has_lines(self, start_line: int, end_line: int) -> bool:
        """Whether it is about some of these lines of its file."""
        if not self.start_line:
            return True
        return self.start_line <= end_line and start_line <= self.end_line
