"""Conditions as text, each with a plain evaluator of what it means."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from c2llm.index.store.imported.record import Column

Row = Mapping[str, Any]
Truth = bool | None
Text = tuple[str, Callable[[Row], Truth]]
"""A condition, and whether a row meets it: None where that is unknown."""

NUMBERS = {"a": "a", "b.c": "b.c", 'max "dd"': '"max ""dd"""', "select": '"select"'}
TEXTS = {"market": "market", "group": "[group]"}
COLUMNS = tuple(
    [Column(name, frozenset({"number"})) for name in NUMBERS]
    + [Column(name, frozenset({"text"})) for name in TEXTS]
    + [Column("live", frozenset({"boolean"})), Column("day", frozenset({"date"}))]
)
WORDS = ["fx", "FX", "equity", "it's", "", "100%", "a_b", "ünï", "x'; drop table records; --"]
DAYS = ["2024-01-05", "2024-01-05T10:00:00", "2023-12-31"]
_numbers = st.one_of(
    st.integers(-5, 5), st.floats(-4, 4, allow_nan=False), st.sampled_from([0.1, 1e-9, 2**62])
)
values = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(NUMBERS, _numbers),
        **dict.fromkeys(TEXTS, st.sampled_from(WORDS)),
        "live": st.booleans(),
        "day": st.sampled_from(DAYS),
    },
).map(lambda row: {name: value for name, value in row.items() if value != ""})

_COMPARE = {
    "=": operator.eq,
    "==": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


def _column(names: Mapping[str, str]) -> st.SearchStrategy[tuple[str, Callable[[Row], Any]]]:
    return st.sampled_from([(text, lambda row, n=name: row.get(n)) for name, text in names.items()])


def _constant(value: Any) -> tuple[str, Callable[[Row], Any]]:
    return _literal(value), lambda row: value


def _calculated(left: Any, sign: str, right: Any) -> tuple[str, Callable[[Row], Any]]:
    def value(row: Row) -> Any:
        one, other = left[1](row), right[1](row)
        if one is None or other is None or (sign == "/" and other == 0):
            return None
        if sign == "/":
            return float(one) / other
        found = {"+": operator.add, "-": operator.sub, "*": operator.mul}[sign](one, other)
        # A whole number too large for SQLite becomes a float there, after the same operation.
        return found if isinstance(found, float) or abs(found) < 2**63 else float(found)

    return f"({left[0]} {sign} {right[0]})", value


_number = st.recursive(
    st.one_of(_column(NUMBERS), _numbers.map(_constant)),
    lambda inner: st.builds(_calculated, inner, st.sampled_from("+-/"), inner),
    max_leaves=3,
)
_text = st.one_of(_column(TEXTS), st.sampled_from(WORDS).map(_constant))
_day = st.one_of(_column({"day": "day"}), st.sampled_from(DAYS).map(_constant))


def _compared(left: Any, sign: str, right: Any) -> Text:
    def met(row: Row) -> Truth:
        one, other = left[1](row), right[1](row)
        return None if one is None or other is None else bool(_COMPARE[sign](one, other))

    return f"{left[0]} {sign} {right[0]}", met


def _comparison(side: Any) -> st.SearchStrategy[Text]:
    return st.builds(_compared, side, st.sampled_from(sorted(_COMPARE)), side)


def _between(value: Any, low: Any, high: Any, no: bool) -> Text:
    tests = _compared(value, ">=", low)[1], _compared(value, "<=", high)[1]
    text = f"{value[0]} {'not ' * no}between {low[0]} and {high[0]}"
    return (
        text,
        lambda row: _not(_all([t(row) for t in tests])) if no else _all([t(row) for t in tests]),
    )


def _listed(value: Any, listed: list[Any], no: bool) -> Text:
    tests = [_compared(value, "=", one)[1] for one in listed]
    text = f"{value[0]} {'not ' * no}in ({', '.join(one[0] for one in listed)})"
    return (
        text,
        lambda row: _not(_any([t(row) for t in tests])) if no else _any([t(row) for t in tests]),
    )


def _like(value: Any, pattern: str, no: bool) -> Text:
    form = "".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in pattern)

    def met(row: Row) -> Truth:
        text = value[1](row)
        if text is None:
            return None
        fold = {ord(sign): sign.lower() for sign in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
        found = bool(re.fullmatch(form.translate(fold), text.translate(fold), re.DOTALL))
        return found != no

    return f"{value[0]} {'not ' * no}like {_literal(pattern)}", met


def _missing(value: Any, no: bool) -> Text:
    return f"{value[0]} is {'not ' * no}null", lambda row: (value[1](row) is None) != no


def _live(form: str) -> Text:
    def met(row: Row) -> Truth:
        live = row.get("live")
        if form.startswith("live is"):
            wanted = "true" in form
            return (live is wanted) != ("not" in form)
        return None if live is None else live == ("false" not in form)

    return form, met


def _all(parts: list[Truth]) -> Truth:
    return False if False in parts else None if None in parts else True


def _any(parts: list[Truth]) -> Truth:
    return True if True in parts else None if None in parts else False


def _not(part: Truth) -> Truth:
    return None if part is None else not part


def _joined(word: str, parts: list[Text]) -> Text:
    together = _all if word == "and" else _any
    text = f" {word} ".join(f"({one[0]})" for one in parts)
    return text, lambda row: together([one[1](row) for one in parts])


_simple = st.one_of(
    _comparison(_number),
    _comparison(_text),
    _comparison(_day),
    st.builds(_between, _number, _number, _number, st.booleans()),
    st.builds(_listed, _text, st.lists(_text, min_size=1, max_size=3), st.booleans()),
    st.builds(
        _like, _column(TEXTS), st.sampled_from(["f%", "%'%", "_x", "100%", "%"]), st.booleans()
    ),
    st.builds(
        _missing, st.one_of(_number, _column(TEXTS), _column({"live": "live"})), st.booleans()
    ),
    st.sampled_from(
        ["live", "live = true", "live = false", "live is true", "live is not true", "live is false"]
    ).map(_live),
)
conditions: st.SearchStrategy[Text] = st.recursive(
    _simple,
    lambda inner: st.one_of(
        st.builds(_joined, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
        inner.map(lambda one: (f"not ({one[0]})", lambda row: _not(one[1](row)))),
    ),
    max_leaves=5,
)
