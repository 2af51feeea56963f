"""A condition of `--where`: read, and asked of records in SQLite, as a plain reading has it."""

from __future__ import annotations

import sqlite3
from functools import cache

from c2llm.index.store.imported.condition import (
    Arithmetic,
    ColumnName,
    Comparison,
    Condition,
    Constant,
    IsMissing,
    Junction,
    Like,
    Not,
    Scalar,
    Truth,
    columns_of,
    parse_condition,
)
from c2llm.index.store.imported.resolving import quoted
from c2llm.index.store.imported.sqlite_condition import Compiler
from tests.fuzzing.reading import text_of, tokens
from tests.fuzzing.target import Target
from tests.index.store.imported.conditions import COLUMNS


@cache
def _connection() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.executescript(
        "CREATE TABLE records (id INTEGER PRIMARY KEY, path TEXT, symbol TEXT, revision TEXT,"
        " run TEXT); CREATE TABLE cells (record_id, column_id, value, type);"
        "INSERT INTO records VALUES (1, 'a.py', 'f', '', ''), (2, 'b.py', '', 'r', 'x');"
    )
    for number, column in enumerate(COLUMNS):
        for kind in column.types:
            value = {"number": 1.5, "boolean": 1, "date": "2024-01-05", "text": "fx"}[kind]
            connection.execute("INSERT INTO cells VALUES (1, ?, ?, ?)", (number, value, kind))
    return connection


def check(data: bytes) -> None:
    """What is read is written and read again the same, and SQLite takes what is made of it."""
    condition = parse_condition(text_of(data))
    assert parse_condition(_written(condition)) == condition, _written(condition)
    assert all(columns_of(condition)) or not columns_of(condition)
    numbers = {column.name: number for number, column in enumerate(COLUMNS)}
    sql = Compiler({column.name: column for column in COLUMNS}, numbers, set()).compiled(condition)
    _connection().execute(f"SELECT r.id FROM records r WHERE {sql.text}", sql.values).fetchall()


def _written(condition: Condition) -> str:
    match condition:
        case Comparison(sign, left, right):
            return f"{_value(left)} {sign} {_value(right)}"
        case Like(value, pattern):
            return f"{_value(value)} like {_value(Constant(pattern))}"
        case IsMissing(value):
            return f"{_value(value)} is null"
        case Truth(value):
            return _value(value)
        case Not(inner):
            return f"not ({_written(inner)})"
        case Junction(sign, parts):
            return f" {sign} ".join(f"({_written(part)})" for part in parts)


def _value(value: Scalar) -> str:
    match value:
        case ColumnName(name):
            return ".".join(quoted(part) if part else '""' for part in [name])
        case Arithmetic("-", Constant(0), right):
            return f"(0 - {_value(right)})"
        case Arithmetic(sign, left, right):
            return f"({_value(left)} {sign} {_value(right)})"
        case Constant(bool() as given):
            return str(given).lower()
        case Constant(str() as given):
            return "'" + given.replace("'", "''") + "'"
        case Constant(given):
            return repr(given)


_SEEDS = [
    *(b"a > 1 and market = 'fx'", b"not live or day between '2024-01-01' and '2024-02-01'"),
    *(b"b.c in (1, 2.5, -3) and market like 'f%'", b"a is null or [group] is not null"),
    *(b"(a + 2 * b.c) / 3 <= -a", b'"max ""dd""" <> 1e3', b"live is true and path = 'a.py'"),
]
_TOKENS = tokens(
    r"""
    \x20and\x20 \x20or\x20 not\x20 ( ) '' like\x20 \x20in\x20( is\x20null -- /* ;
    case\x20when\x20a\x20then\x20b\x20end select\x201 x'00' a::int $1 ? @a 1e400 0x1F b.c.d
    escape\x20'\\' collate\x20nocase ||\x20'a' exists stale run "" 1_000
    """
)

TARGET = Target(check, _SEEDS, _TOKENS)
