"""What records say, in a line for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from c2llm.index.store.imported.record import Record, State, Value

_MOST_VALUES, _MOST_CHARACTERS = 8, 40
_TOLD: dict[State, str] = {
    "current": "",
    "moved": "",
    "stale": "stale: the code was changed since",
    "unknown": "its revision is not there to compare",
    "lost": "lost: there is no such code any more",
}


def record_lines(records: Sequence[Record]) -> Iterator[str]:
    """The first of the records of a hit, and how many there are more."""
    first = records[0]
    told = [f"{name} {written(value)}" for name, value in first.values.items()]
    shown = ", ".join(told[:_MOST_VALUES])
    more = f", {len(told) - _MOST_VALUES} more" if len(told) > _MOST_VALUES else ""
    whose = " ".join(part for part in (first.key.run, first.key.revision[:12]) if part)
    yield f"record{f' {whose}' if whose else ''}: {shown}{more}"
    if state := state_told(first):
        yield state
    if len(records) > 1:
        yield f"and {len(records) - 1} more record{'s' if len(records) > 2 else ''}"


def state_told(record: Record) -> str:
    """What there is to say of how the record stands to the code of today, "" for nothing."""
    if record.state == "moved":
        return f"measured as {record.key}"
    return _TOLD[record.state]


def written(value: Value | None) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
