"""The records of one index, in a SQLite file of their own.

Unlike the index they cannot be made again from the code, so that they outlive it: a rebuild, a new
schema or the lack of room removes an index and leaves them. What was imported lies in `imported` as
it came, and what is asked in `records` and `cells`, which are made from it after each change: a
record has the columns of all the sources that speak of its key, the last one's where two do.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from c2llm.errors import C2LLMError
from c2llm.index.store.imported.condition import Condition, columns_of
from c2llm.index.store.imported.placing import Measured
from c2llm.index.store.imported.record import Column, Key, Row, Source, Value, ValueType
from c2llm.index.store.imported.sqlite_condition import Compiler
from c2llm.index.store.lock import opening
from c2llm.index.store.private import check_database, check_folder, make_file, make_folder

SUFFIX = ".records"
_BUSY_SECONDS = 30.0
_VERSION = 1
_TABLES = """
CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    file TEXT NOT NULL,
    imported REAL NOT NULL,
    columns TEXT NOT NULL
);
CREATE TABLE imported (
    source_id INTEGER NOT NULL,
    path TEXT NOT NULL,
    symbol TEXT NOT NULL,
    revision TEXT NOT NULL,
    run TEXT NOT NULL,
    fields TEXT NOT NULL,
    code_hash BLOB NOT NULL,
    file_hash BLOB NOT NULL,
    PRIMARY KEY (source_id, path, symbol, revision, run)
) WITHOUT ROWID;
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    symbol TEXT NOT NULL,
    revision TEXT NOT NULL,
    run TEXT NOT NULL,
    code_hash BLOB NOT NULL,
    file_hash BLOB NOT NULL
);
CREATE TABLE columns (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE cells (
    record_id INTEGER NOT NULL,
    column_id INTEGER NOT NULL,
    value NOT NULL,
    type TEXT NOT NULL,
    PRIMARY KEY (record_id, column_id)
) WITHOUT ROWID;
CREATE TABLE outlines (file_hash BLOB PRIMARY KEY, outline TEXT NOT NULL) WITHOUT ROWID;
"""


class RecordFile:
    """The records that were imported for one index.

    Args:
        index: The file of the index.
    """

    def __init__(self, index: Path) -> None:
        self.path = index.with_suffix(SUFFIX)
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def is_there(self) -> bool:
        """Whether anything was ever imported."""
        return self._connection is not None or self.path.exists()

    # -- questions -------------------------------------------------------------------------------

    def sources(self) -> list[Source]:
        """The imports, in their order."""
        counts = dict(self._all("SELECT source_id, count(*) FROM imported GROUP BY source_id"))
        rows = self._all("SELECT id, name, file, imported, columns FROM sources ORDER BY 4, 1")
        return [
            Source(name, file, imported, _columns(columns), int(counts.get(number, 0)))
            for number, name, file, imported, columns in rows
        ]

    def columns(self) -> dict[str, Column]:
        """The columns of all imports by name, in the order of their first import."""
        found: dict[str, Column] = {}
        for source in self.sources():
            for column in source.columns:
                known = found.get(column.name)
                if known is not None:
                    unit = column.unit if column.unit == known.unit else ""
                    column = Column(column.name, known.types | column.types, unit)
                found[column.name] = column
        return found

    def measured(self) -> dict[int, Measured]:
        """Key and code of each record, by number."""
        rows = self._all(
            "SELECT id, path, symbol, revision, run, code_hash, file_hash FROM records ORDER BY id"
        )
        return {
            number: Measured(Key(path, symbol, revision, run), bytes(code), bytes(file))
            for number, path, symbol, revision, run, code, file in rows
        }

    def matching(
        self, condition: Condition | None, stale: Collection[int] = ()
    ) -> dict[int, dict[str, Value]]:
        """The values of the records that meet a condition, by number; None is met by all.

        Args:
            condition: What is asked.
            stale: Numbers of the records whose code is another today.

        Raises:
            UsageError: A column is not there, or values of two types are compared.
        """
        numbers = {name: int(number) for number, name in self._all("SELECT id, name FROM columns")}
        where = "1"
        values: tuple[object, ...] = ()
        if condition is not None:
            compiled = Compiler(self.columns(), numbers, stale).compiled(condition)
            where, values = compiled.text, compiled.values
        found: dict[int, dict[str, Value]] = {
            number: {}
            for (number,) in self._all(f"SELECT r.id FROM records r WHERE {where}", values)
        }
        among, ids = ("", ()) if condition is None else _among(found)
        rows = self._all(
            "SELECT record_id, name, value, type FROM cells JOIN columns c ON c.id = column_id"
            f" {among} ORDER BY record_id, column_id",
            ids,
        )
        for number, name, value, kind in rows:
            if number in found:  # another process may import meanwhile
                found[number][name] = bool(value) if kind == "boolean" else value
        return found

    def asks_for_stale(self, condition: Condition | None) -> bool:
        """Whether a condition has to know which code has changed."""
        return condition is not None and any(
            name.casefold() == "stale" for name in columns_of(condition)
        )

    # -- outlines, which can be made again -------------------------------------------------------

    def outlines(self, hashes: Collection[bytes]) -> dict[bytes, str]:
        """Those outlines of contents that are kept."""
        rows = self._all("SELECT file_hash, outline FROM outlines")
        return {bytes(key): text for key, text in rows if bytes(key) in hashes}

    def keep_outlines(self, outlines: Mapping[bytes, str]) -> None:
        """Keep outlines, where the disk lets them be; no longer asked ones go in time."""
        if not outlines:
            return
        try:
            with self._transaction() as connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO outlines VALUES (?, ?)", list(outlines.items())
                )
        except C2LLMError:
            return

    # -- changes ---------------------------------------------------------------------------------

    def put(
        self,
        name: str,
        file: str,
        columns: Sequence[Column],
        rows: Sequence[Row],
        *,
        replace_all: bool = False,
    ) -> int:
        """Import rows under a name, and return how many are new or changed.

        A row that is there with the same values stays as it is: its code is that of the time when
        it was measured first.

        Args:
            name: What the import is called.
            file: Where it was read.
            columns: Its columns.
            rows: One for each key.
            replace_all: Forget first what was imported under the name.
        """
        with self._transaction(create=True) as connection:
            if replace_all:
                _forget(connection, name)
            known = next((one for one in self.sources() if one.name == name), None)
            if known is not None:
                columns = _joined(known.columns, columns)
            connection.execute(
                "INSERT INTO sources (name, file, imported, columns) VALUES (?1, ?2, ?3, ?4)"
                " ON CONFLICT (name) DO UPDATE SET file = ?2, imported = ?3, columns = ?4",
                (name, file, time.time(), _packed(columns)),
            )
            (number,) = connection.execute(
                "SELECT id FROM sources WHERE name = ?", (name,)
            ).fetchone()
            there = {
                Key(*key): fields
                for *key, fields in connection.execute(
                    "SELECT path, symbol, revision, run, fields FROM imported WHERE source_id = ?",
                    (number,),
                )
            }
            changed = []
            for row in rows:
                fields = json.dumps(dict(row.values), ensure_ascii=True)
                if there.get(row.key) != fields:
                    changed.append((number, *row.key, fields, row.code_hash, row.file_hash))
            connection.executemany(
                "INSERT OR REPLACE INTO imported VALUES (?, ?, ?, ?, ?, ?, ?, ?)", changed
            )
            self._join(connection)
        return len(changed)

    def remove(self, name: str) -> bool:
        """Forget one import; whether there was one."""
        if not self.is_there():
            return False
        with self._transaction() as connection:
            found = _forget(connection, name)
            self._join(connection)
        return found

    def remove_all(self) -> bool:
        """Remove the file; whether there was one."""
        self.close()
        found = self.path.exists()
        try:
            for suffix in ("", "-wal", "-shm", "-journal"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        except OSError as error:
            raise C2LLMError(f"{self.path} cannot be removed ({error.strerror}).") from error
        return found

    def _join(self, connection: sqlite3.Connection) -> None:
        """Make `records` and `cells` anew from what was imported."""
        types = {name: column.types for name, column in self.columns().items()}
        for table in ("records", "cells", "columns"):
            connection.execute(f"DELETE FROM {table}")
        numbers = {name: number for number, name in enumerate(types, 1)}
        connection.executemany(
            "INSERT INTO columns VALUES (?, ?)", [(n, name) for name, n in numbers.items()]
        )
        merged: dict[Key, tuple[dict[str, tuple[Value, ValueType]], bytes, bytes]] = {}
        rows = connection.execute(
            "SELECT path, symbol, revision, run, fields, code_hash, file_hash, s.columns"
            " FROM imported JOIN sources s ON s.id = source_id ORDER BY s.imported, s.id"
        )
        of_source: dict[str, dict[str, Column]] = {}
        for path, symbol, revision, run, fields, code, file, packed in rows:
            if packed not in of_source:
                of_source[packed] = {column.name: column for column in _columns(packed)}
            typed = {
                name: (value, _type(value, of_source[packed][name].types))
                for name, value in json.loads(fields).items()
            }
            key = Key(path, symbol, revision, run)
            merged[key] = merged.get(key, ({}, b"", b""))[0] | typed, code, file
        # What is said of the code as such is true of each of its runs.
        labels = {key: merged[key][0] for key in merged if not key.run and not key.revision}
        of_runs = {replace_run(key) for key in merged if key.run or key.revision}
        records, cells = [], []
        for number, (key, (values, code, file)) in enumerate(merged.items(), 1):
            if key in of_runs and key in labels:
                continue
            values = labels.get(replace_run(key), {}) | values
            records.append((number, *key, code, file))
            cells += [
                (number, numbers[name], value, kind) for name, (value, kind) in values.items()
            ]
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", records)
        connection.executemany("INSERT INTO cells VALUES (?, ?, ?, ?)", cells)

    # -- the file --------------------------------------------------------------------------------

    def _all(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        if not self.is_there():
            return []
        with self._explained():
            return self._open().execute(query, values).fetchall()

    @contextmanager
    def _transaction(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        with self._explained():
            connection = self._open(create=create)
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk has ended it already
                    connection.execute("ROLLBACK")
                raise

    def _open(self, *, create: bool = False) -> sqlite3.Connection:
        if self._connection is None:
            if create:
                make_folder(self.path.parent)
            check_folder(self.path.parent)
            with opening(self.path) as has_locks:
                if create:
                    make_file(self.path)
                check_database(self.path)
                connection = sqlite3.connect(
                    f"{self.path.absolute().as_uri()}?mode=rw",
                    uri=True,
                    timeout=_BUSY_SECONDS,
                    isolation_level=None,
                    check_same_thread=False,
                )
                try:
                    _prepare(connection, self.path, has_locks=has_locks)
                except BaseException:
                    connection.close()
                    raise
            self._connection = connection
        return self._connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError, TypeError, KeyError, RecursionError) as error:
            raise C2LLMError(
                f"The records in {self.path} cannot be read or written ({error}); if the file is "
                "damaged, drop it with c2llm records remove --all and import the results again."
            ) from error
        except OSError as error:
            raise C2LLMError(
                f"The records cannot be kept in {self.path.parent} ({error.strerror}); set "
                "C2LLM_HOME to a folder that can be written."
            ) from error


def replace_run(key: Key) -> Key:
    """The key of the code as such, whatever was run of it and when."""
    return key._replace(run="", revision="")


def _prepare(connection: sqlite3.Connection, path: Path, *, has_locks: bool) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise C2LLMError(
            f"{path} was written by a newer c2llm; upgrade, or drop it with: "
            "c2llm records remove --all."
        )
    if version < _VERSION:
        connection.execute("BEGIN IMMEDIATE")  # two processes may both find a new file
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] < _VERSION:
                for statement in filter(str.strip, _TABLES.split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {_VERSION}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    if has_locks and version < _VERSION:
        connection.execute("PRAGMA journal_mode = WAL")  # searches go on while one imports


def _forget(connection: sqlite3.Connection, name: str) -> bool:
    row = connection.execute("SELECT id FROM sources WHERE name = ?", (name,)).fetchone()
    if row is None:
        return False
    connection.execute("DELETE FROM imported WHERE source_id = ?", row)
    connection.execute("DELETE FROM sources WHERE id = ?", row)
    return True


def _among(found: Collection[int]) -> tuple[str, tuple[str]]:
    ids = json.dumps(sorted(found))
    return "WHERE record_id IN (SELECT value FROM json_each(?))", (ids,)


def _type(value: Value, types: Collection[ValueType]) -> ValueType:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "date" if "date" in types and "text" not in types else "text"
    return "number"


def _packed(columns: Sequence[Column]) -> str:
    rows = [[column.name, sorted(column.types), column.unit] for column in columns]
    return json.dumps(rows, ensure_ascii=True)


def _columns(packed: str) -> tuple[Column, ...]:
    return tuple(
        Column(str(name), frozenset(cast("list[ValueType]", types)), str(unit))
        for name, types, unit in json.loads(packed)
    )


def _joined(known: Sequence[Column], new: Sequence[Column]) -> list[Column]:
    """The columns of an import that is made again: rows of the first time may still be there."""
    joined = {column.name: column for column in known}
    for column in new:
        old = joined.get(column.name)
        types = column.types if old is None else column.types | old.types
        joined[column.name] = replace(column, types=types)
    return list(joined.values())
