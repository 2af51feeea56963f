"""What the refreshes of a catalog found out, whatever store it has: one SQLite file beside it.

It is knowledge that the next refresh could find out again, so that a damaged file is begun anew.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c2llm.errors import C2LLMError, IndexWriteError
from c2llm.index.store.caches.cache_file import FAILURES, connected, transaction
from c2llm.index.store.private import check_folder, make_folder
from c2llm.index.store.sqlite_file import restored_path, stored_path

FILE_NAME = "refreshes.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS repositories (
    name PRIMARY KEY,
    revision TEXT NOT NULL,
    rules TEXT NOT NULL,
    refreshed REAL NOT NULL,
    tried REAL NOT NULL,
    error TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS left_out (
    key BLOB PRIMARY KEY, rules TEXT NOT NULL, reason TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failed (
    name NOT NULL, path NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (name, path)
) WITHOUT ROWID;
"""
_ROWS_OF_A_QUERY = 500
_Work = Callable[[sqlite3.Connection], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What is known of the refreshes of a repository."""

    revision: str
    """What the last one that ended well has read; "" where none did."""
    rules: str
    """By which rules its files were chosen and cut."""
    refreshed: float
    """When the last one that ended well began, in seconds since 1970; 0 where none did."""
    tried: float
    """When the last one began."""
    error: str
    """Why the last one failed, "" where it did not."""


class RefreshLog:
    """The log of one catalog, opened by the first use.

    Args:
        folder: Of the catalog.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._connection: sqlite3.Connection | None = None

    def repositories(self) -> dict[str, Refreshed]:
        """What is known of each repository that was ever tried, by name."""
        rows = self._all("SELECT name, revision, rules, refreshed, tried, error FROM repositories")
        return {restored_path(row[0]): Refreshed(*row[1:]) for row in rows}

    def succeeded(self, name: str, revision: str, rules: str, begun: float) -> None:
        """Record that a repository is as fresh as its remote was."""
        self._write(
            "INSERT OR REPLACE INTO repositories VALUES (?, ?, ?, ?, ?, '')",
            [(stored_path(name), revision, rules, begun, begun)],
        )

    def failed(self, name: str, error: str, begun: float | None = None) -> None:
        """Record why a repository could not be refreshed; its last state stays."""
        self._write(
            "INSERT INTO repositories VALUES (?1, '', '', 0, ?3, ?2)"
            " ON CONFLICT (name) DO UPDATE SET tried = ?3, error = ?2",
            [(stored_path(name), error, time.time() if begun is None else begun)],
        )

    def forget(self, names: Iterable[str]) -> None:
        """Drop what is known of repositories."""
        rows = [(stored_path(name),) for name in names]
        self._write("DELETE FROM repositories WHERE name = ?", rows)
        self._write("DELETE FROM failed WHERE name = ?", rows)

    def left_out(self, keys: Iterable[bytes], rules: str) -> set[bytes]:
        """Those of the contents that were read by these rules and are no source."""
        asked = list(keys)
        found: set[bytes] = set()
        for start in range(0, len(asked), _ROWS_OF_A_QUERY):
            part = asked[start : start + _ROWS_OF_A_QUERY]
            marks = ",".join("?" * len(part))
            query = f"SELECT key FROM left_out WHERE rules = ? AND key IN ({marks})"
            found.update(row[0] for row in self._all(query, (rules, *part)))
        return found

    def leave_out(self, reasons: Mapping[bytes, str], rules: str) -> None:
        """Remember that contents are no source, so that they need not be read again."""
        self._write(
            "INSERT OR REPLACE INTO left_out VALUES (?, ?, ?)",
            [(key, rules, reason) for key, reason in reasons.items()],
        )

    def files_failed(self, name: str) -> dict[str, str]:
        """Path and reason of what could not be read or cut of a repository."""
        rows = self._all("SELECT path, reason FROM failed WHERE name = ?", (stored_path(name),))
        return {restored_path(path): reason for path, reason in rows}

    def all_files_failed(self) -> dict[str, dict[str, str]]:
        """`files_failed` of every repository that has any."""
        found: dict[str, dict[str, str]] = {}
        for name, path, reason in self._all("SELECT name, path, reason FROM failed"):
            found.setdefault(restored_path(name), {})[restored_path(path)] = reason
        return found

    def set_files_failed(self, name: str, reasons: Mapping[str, str]) -> None:
        """Record what could not be read or cut of a repository, in place of what was known."""
        key = stored_path(name)
        if reasons or self.files_failed(name):
            self._write("DELETE FROM failed WHERE name = ?", [(key,)])
            rows = [(key, stored_path(path), reason) for path, reason in reasons.items()]
            self._write("INSERT OR REPLACE INTO failed VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> RefreshLog:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _all(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if self._connection is None and not self.path.exists():
            return []
        return self._done(lambda connection: connection.execute(query, values).fetchall())

    def _write(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        def write(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
            with transaction(connection):
                connection.executemany(statement, rows)
            return []

        if rows:
            self._done(write)

    def _done(self, work: _Work) -> list[tuple[Any, ...]]:
        """Work with the file, which is begun anew if it is damaged."""
        try:
            return work(self._connected())
        except C2LLMError:
            raise
        except FAILURES as error:
            self.close()
            if not isinstance(error, sqlite3.DatabaseError) or isinstance(
                error, sqlite3.OperationalError
            ):
                raise IndexWriteError(
                    f"{self.path} cannot be read or written ({error}); make room, or set "
                    "C2LLM_HOME to a folder that can be written."
                ) from error
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                self.path.with_name(self.path.name + suffix).unlink()
        return work(self._connected())

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            make_folder(self.path.parent)
            check_folder(self.path.parent)
            self._connection = connected(self.path, _TABLES)
        return self._connection
