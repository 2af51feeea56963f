"""Constants, defaults, named arguments and settings that have another value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from c2llm.analysis.changes.change import Change, Effect
from c2llm.analysis.drift.report import FunctionDrift, ValueChange, ValueKind

_KINDS: dict[str, ValueKind] = {
    "constant": "constant",
    "default": "default",
    "keyword": "keyword",
    "setting": "setting",
}
_ASSIGNED = re.compile(
    r"(?:[\w\s]*?\b)?(?P<name>[\w.]+)\s*(?::[^=\n]{1,60})?:?=\s*"
    r"(?P<value>[-+]?[\d.][\w.]*|\"[^\"\n]*\"|'[^'\n]*'|true|false|True|False|None|null|nil)\s*;?"
)
_LONGEST = 200


def value_changes(functions: Iterable[FunctionDrift]) -> tuple[ValueChange, ...]:
    """The values that differ, those that matter most first."""
    found = [value for drift in functions for value in _of(drift)]
    return tuple(sorted(found, key=lambda one: (-one.weight, one.path, one.line, one.name)))


def _of(drift: FunctionDrift) -> Iterator[ValueChange]:
    if drift.before is None or drift.after is None:
        return
    factor = drift.weight / (max((change.weight for change in drift.changes), default=0.0) or 1.0)
    for change in drift.changes:
        if change.effect != Effect.BEHAVIOUR:
            continue
        told = _value(change)
        if told is None:
            continue
        kind, name, before, after = told
        gone = not change.after
        yield ValueChange(
            kind,
            name,
            before[:_LONGEST],
            after[:_LONGEST],
            ".".join(filter(None, (drift.after.scope, drift.after.name))),
            drift.before.path if gone else drift.after.path,
            change.line_before if gone else change.line_after,
            round(change.weight * min(1.0, factor), 3),
        )


def _value(change: Change) -> tuple[ValueKind, str, str, str] | None:
    """What a change is of a value, if it is one: kind, name, old and new value."""
    kind = _KINDS.get(change.what)
    if kind is not None:
        name = change.name
        if kind == "keyword":
            sides = [_argument(side, name) for side in (change.before, change.after)]
            return kind, name, sides[0], sides[1]
        return kind, name, change.before, change.after
    if change.what in ("statement", "declaration"):
        # A constant that came or went: the only statement is that it has a value.
        match = _ASSIGNED.fullmatch((change.before or change.after).strip())
        if match is not None:
            old = match["value"] if change.before else ""
            return "constant", match["name"], old, match["value"] if change.after else ""
    return None


def _argument(code: str, name: str) -> str:
    """The value of a named argument in a piece of a call."""
    return re.sub(rf"^[\s,]*{re.escape(name)}\s*[=:]\s*", "", code).strip().rstrip(",")
