"""What a request asks of imported records: only code that has some, such as meet its condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from c2llm.index.store.imported.condition import (
    ColumnName,
    Condition,
    IsMissing,
    Junction,
    Not,
    parse_condition,
)

if TYPE_CHECKING:
    from c2llm.index.store.chunk_store import ChunkStore
    from c2llm.index.store.imported.record import Record
    from c2llm.search.request import SearchRequest

FALLING = "-"
"""Before the column of `sort`: the largest first."""


def condition_of(where: str | None, sort: str | None, group_by: str | None) -> Condition | None:
    """What all three ask for; None where any record will do.

    Code that has nothing in the column that is sorted or grouped by is no answer.

    Raises:
        UsageError: `where` is no condition.
    """
    conditions = [] if where is None else [parse_condition(where)]
    for column in (sort, group_by):
        if column is not None:
            conditions.append(Not(IsMissing(ColumnName(column.removeprefix(FALLING)))))
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return Junction("and", tuple(conditions))


def records_for(store: ChunkStore, request: SearchRequest) -> dict[str, list[Record]]:
    """The records whose code may answer, by the path of that code.

    Raises:
        UsageError: The condition has a column that is not there, or compares what cannot be.
    """
    condition = condition_of(request.where, request.sort, request.group_by)
    found: dict[str, list[Record]] = {}
    for record in store.recorded(condition):
        if record.path:
            found.setdefault(record.path, []).append(record)
    return found
