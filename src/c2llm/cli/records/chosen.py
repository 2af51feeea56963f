"""The records that a verb is about, in the order that is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from c2llm.cli.output import note, progress_bar

if TYPE_CHECKING:
    from c2llm.index.store.imported.record import Column, Record


def chosen(path: str, where: str | None, sort: str | None) -> tuple[list[Record], list[Column]]:
    """The records of a directory that meet a condition, and the columns of all its records.

    Raises:
        UsageError: It is no condition, or there is no such column.
    """
    from c2llm.index.store.imported.resolving import resolved
    from c2llm.search.answers.with_records import sort_key
    from c2llm.search.code_index import CodeIndex
    from c2llm.search.query.recorded import FALLING, condition_of
    from c2llm.search.request import SearchRequest

    with CodeIndex.open(path, embed="none", progress_bar=progress_bar, note=note) as index:
        store = index.target(SearchRequest("records", mode="lexical")).reader.store
        columns = store.record_columns()
        found = store.recorded(condition_of(where, sort, None))
    if not columns:
        note("No records are imported here; see: c2llm records import --help")
    if sort is not None:
        name = resolved(sort.removeprefix(FALLING), columns)
        found.sort(key=lambda record: sort_key(record.value(name)), reverse=sort[0] == FALLING)
    return found, list(columns.values())


def code_of(record: Record) -> str:
    """Where the code of a record is today, or what it was called."""
    if not record.path:
        return str(record.key)
    lines = f":{record.start_line}-{record.end_line}" if record.start_line else ""
    return f"{record.path}{lines}"


def table(header: list[str], rows: Iterable[list[str]], *, right: Iterable[int] = ()) -> list[str]:
    """Rows as lines, each column as wide as what is in it.

    Args:
        header: What stands above the columns.
        rows: As many texts each.
        right: Columns whose texts end below one another, as numbers do.
    """
    lines = [header, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(header))]
    ends = set(right)
    return [
        "  ".join(
            text.rjust(width) if place in ends else text.ljust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
