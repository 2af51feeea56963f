"""What the values of a column are: numbers, true and false, dates, or texts.

A column of a CSV file has one type: that which all of its values have, else they stay texts. JSON
and Parquet say what each value is, so that a column may have two.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from c2llm.analysis.records.results_file import MOST_CHARACTERS, Fields
from c2llm.index.store.imported import dates
from c2llm.index.store.imported.record import Column, Value, ValueType

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_WITH_COMMA = re.compile(r"[+-]?\d+(?:,\d+)?(?:[eE][+-]?\d{1,4})?", re.ASCII)
_GROUPED = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?", re.ASCII)
_GROUPED_BY_POINTS = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?", re.ASCII)
_SURELY_GROUPED = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3}){2,}(?:\.\d+)?|(?:,\d{3})+\.\d+)", re.ASCII)
_SURELY_BY_POINTS = re.compile(
    r"[+-]?\d{1,3}(?:(?:\.\d{3}){2,}(?:,\d+)?|(?:\.\d{3})+,\d+)", re.ASCII
)
"""One such value tells of a column what is a thousand and what a fraction: `1,234` may be both."""
_NAME_OF_DIGITS = re.compile(r"[+-]?0\d")
"""`007` is a name: as a number it would lose its zeros."""
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
_MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "--", "?"}
"""What stands for no number, no date and neither true nor false; in a column of texts only "" is
no text, since NA is Namibia and North America."""
_BOOLEANS = {"true": True, "false": False}
_LARGEST = 2**63


@dataclass(frozen=True, slots=True)
class Typed:
    """A column and what each row has in it."""

    column: Column
    values: Sequence[Value | None]
    infinite: int
    """How many of its numbers are infinite or none, which counts as missing."""


def typed(name: str, rows: Sequence[Fields], *, decimal_comma: bool = False) -> Typed:
    """The column of this name, each value as what it is."""
    raw = [row.get(name) for row in rows]
    known, of_texts, unit = _read_texts(
        [value for value in raw if isinstance(value, str)], decimal_comma=decimal_comma
    )
    values: list[Value | None] = []
    types: set[ValueType] = set()
    infinite = 0
    for given in raw:
        value, kind = (known[given], of_texts) if isinstance(given, str) else _plain(given)
        if isinstance(value, float) and not math.isfinite(value):
            infinite += 1
            value = None
        if value is not None:
            types.add(kind)
        values.append(value)
    if types >= {"text", "date"}:  # then its dates are texts as well
        types.discard("date")
    return Typed(Column(name, frozenset(types or {"text"}), unit), values, infinite)


def _read_texts(
    texts: Iterable[str], *, decimal_comma: bool
) -> tuple[dict[str, Value | None], ValueType, str]:
    """What each of the texts of a column is, of which type, and their unit."""
    different = dict.fromkeys(texts)
    said = {text: text.strip() for text in different}
    there = [text for text in said.values() if text.casefold() not in _MISSING]
    if not there:
        return {text: text.strip() or None for text in different}, "text", ""
    if all(text.casefold() in _BOOLEANS for text in there):
        return {t: _BOOLEANS.get(s.casefold()) for t, s in said.items()}, "boolean", ""
    unit = "%" if all(text.endswith("%") for text in there) else ""
    bare = [text.removesuffix("%").rstrip() if unit else text for text in there]
    form = _number_form(bare, decimal_comma=decimal_comma)
    if form is not None:
        mark = "." if form is _GROUPED_BY_POINTS else "," if form is _GROUPED else ""
        numbers: dict[str, Value | None] = {}
        for text, given in said.items():
            is_missing = given.casefold() in _MISSING
            plain = given.removesuffix("%").rstrip() if unit else given
            plain = plain.replace(mark, "").replace(",", ".")
            numbers[text] = None if is_missing else _number(plain)
        return numbers, "number", unit
    moments = {text: dates.normalized(given) for text, given in said.items()}
    if all(moments[text] or given.casefold() in _MISSING for text, given in said.items()):
        return dict(moments), "date", ""
    return {t: s[:MOST_CHARACTERS] or None for t, s in said.items()}, "text", ""


def _number_form(texts: Sequence[str], *, decimal_comma: bool) -> re.Pattern[str] | None:
    """How all of these are written as numbers, None where they are not."""
    if any(_NAME_OF_DIGITS.match(text) for text in texts):
        return None
    for form in (_NUMBER, _WITH_COMMA) if decimal_comma else (_NUMBER,):
        if all(form.fullmatch(text) or _INFINITE.fullmatch(text) for text in texts):
            return form
    for form, surely in ((_GROUPED, _SURELY_GROUPED), (_GROUPED_BY_POINTS, _SURELY_BY_POINTS)):
        if all(map(form.fullmatch, texts)) and any(map(surely.fullmatch, texts)):
            return form
    return None


def _number(text: str) -> int | float:
    try:
        whole = int(text) if len(text) < 20 else _LARGEST
    except ValueError:
        return float(text)
    return whole if -_LARGEST <= whole < _LARGEST else float(text)


def _plain(value: Any) -> tuple[Value | None, ValueType]:
    """A value of JSON or Parquet that is no text."""
    if value is None or isinstance(value, bool):
        return value, "boolean"
    if isinstance(value, int):
        return (value if -_LARGEST <= value < _LARGEST else _as_float(value)), "number"
    if isinstance(value, float | Decimal):
        return _as_float(value), "number"
    if isinstance(value, timedelta):
        return value.total_seconds(), "number"
    if isinstance(value, date):
        return dates.written(value), "date"
    if isinstance(value, time):
        return value.isoformat(), "text"
    if isinstance(value, bytes):
        return value.decode(errors="replace")[:MOST_CHARACTERS] or None, "text"
    # A list, or objects deeper than anybody asks for.
    return json.dumps(value, ensure_ascii=False, default=str)[:MOST_CHARACTERS], "text"


def _as_float(value: float | Decimal) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf
