"""Answers with what was measured of them: sorted by it, and put into groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from c2llm.index.store.imported.record import Record, Value
from c2llm.index.store.imported.resolving import resolved
from c2llm.search.answer import Hit
from c2llm.search.query.recorded import FALLING
from c2llm.search.request import MOST_HITS, SearchRequest

if TYPE_CHECKING:
    from c2llm.search.target import SearchTarget

_STATES = ("current", "moved", "unknown", "stale", "lost")


@dataclass(frozen=True, slots=True)
class Group:
    """Hits that stand one behind the other because of what they have in a column."""

    column: str
    value: Value
    hits: int


def all_to_sort(targets: Sequence[SearchTarget], request: SearchRequest) -> SearchRequest:
    """The request for all hits that a column puts in order, of which the page is taken then."""
    if request.sort is None:
        return request
    chunks = sum(
        len(record.chunks)
        for one in targets
        for of_file in (one.filters.records or {}).values()
        for record in of_file
    )
    return replace(request, k=request.among or min(max(chunks, 1), MOST_HITS), offset=0)


def with_records(
    targets: Sequence[SearchTarget], request: SearchRequest, hits: Sequence[Hit]
) -> tuple[list[Hit], tuple[Group, ...]]:
    """The hits with their records, sorted and grouped as is asked; of sorted ones the page.

    A hit of which several definitions have lines is called by one that has a record. Of several
    records the first is the one that the hit is sorted by: of the code as it is before what is
    stale, of a definition before those of its file.
    """
    columns = {name for one in targets for name in one.reader.store.record_columns()}
    sort = request.sort and resolved(request.sort.removeprefix(FALLING), columns)
    falling = request.sort is not None and request.sort.startswith(FALLING)
    of_label = {one.reader.label: one.filters.records or {} for one in targets}
    found = [
        _recorded(hit, of_label[hit.repository].get(hit.path, ()), sort or "", falling)
        for hit in hits
    ]
    if sort:
        found.sort(key=lambda hit: sort_key(_value(hit, sort)), reverse=falling)
        found = found[request.offset : request.offset + request.limit]
    if request.group_by is None:
        return found, ()
    return _grouped(found, resolved(request.group_by, columns))


def sort_key(value: Value | None) -> tuple[int, float, str]:
    """An order of all values: none, numbers with true and false, texts with dates."""
    if value is None:
        return 0, 0.0, ""
    return (2, 0.0, value) if isinstance(value, str) else (1, float(value), "")


def _recorded(hit: Hit, of_file: Sequence[Record], sort: str, falling: bool) -> Hit:
    records = [one for one in of_file if one.has_lines(hit.start_line, hit.end_line)]
    if not records:
        return hit
    if hit.definition is not None:
        named = [record for record in records if record.has_lines(*hit.definition)]
        if named:
            records = named
        else:
            first = records[0]
            records = [one for one in records if one.symbol == first.symbol]
            hit = replace(hit, symbol=first.name, definition=(first.start_line, first.end_line))
    if sort:
        records.sort(key=lambda one: sort_key(one.value(sort)), reverse=falling)
    records.sort(key=lambda one: (_STATES.index(one.state), not one.symbol))
    return replace(hit, records=tuple(records))


def _value(hit: Hit, column: str) -> Value | None:
    return hit.records[0].value(column) if hit.records else None


def _grouped(hits: Sequence[Hit], column: str) -> tuple[list[Hit], tuple[Group, ...]]:
    """The hits group by group, a group where its best hit would stand."""
    of_value: dict[Value, list[Hit]] = {}
    for hit in hits:
        value = _value(hit, column)
        if value is not None:
            of_value.setdefault(value, []).append(hit)
    groups = tuple(Group(column, value, len(found)) for value, found in of_value.items())
    return [hit for found in of_value.values() for hit in found], groups
