"""One open SQLite file: transactions, facts about it as a whole, rows, and how paths are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from c2llm.errors import C2LLMError, IndexCorruptError
from c2llm.index.store.schema import (
    OF_A_TREE,
    connect,
    connect_in_memory,
    damage_told,
    explained,
    is_damaged,
    is_outdated,
    place_of,
)


class SqliteFile:
    """One open index file. Not for use by two threads at once."""

    further_tables = OF_A_TREE
    """Statements that make what this kind of store has beside the tables of every store."""

    def __init__(self, path: Path, *, create: bool = True, in_memory: bool = False) -> None:
        self.path = path
        self.in_memory = in_memory
        """It is on no disk: `path` is where it would be kept."""
        self._connection, self._place = (
            (connect_in_memory(path, self.further_tables), None)
            if in_memory
            else connect(path, create=create, further=self.further_tables)
        )

    def close(self) -> None:
        """Close the file; the store is of no use afterwards."""
        self._connection.close()

    def was_replaced(self) -> bool:
        """Whether the file has been removed, or another one put in its place, since it was opened.

        What is written then is seen by nobody.
        """
        return not self.in_memory and place_of(self.path) != self._place

    @property
    def read_only(self) -> bool:
        """Whether the disk let the index be opened for reading alone."""
        row = self._one("PRAGMA query_only")
        return bool(row and row[0])

    def is_outdated(self) -> bool:
        """Whether the file was made by an older version and has to be made anew."""
        with explained(self.path):
            return is_outdated(self._connection)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all of the block's writes or, when it raises, none."""
        with explained(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute(
                    "UPDATE meta SET value = value + 1 WHERE key = 'generation'"
                )
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has ended it already
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def believed(self) -> Iterator[None]:
        """Around what takes the index at its word: what fails there is looked for in the file.

        Raises:
            IndexCorruptError: Something failed and the file is damaged; else what failed is raised.
        """
        try:
            yield
        except (C2LLMError, OSError):
            raise
        except Exception as error:
            if is_damaged(self._connection):
                raise IndexCorruptError(damage_told(self.path)) from error
            raise

    def table_sizes(self) -> list[tuple[str, int]]:
        """Bytes of each table and index in the file, the largest first; of free pages last."""
        free = self._one(
            "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size"
        )
        sizes = self._all("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC")
        return [
            *((str(name), int(size)) for name, size in sizes),
            ("(free)", int(free[0]) if free else 0),
        ]

    def generation(self) -> int:
        """A number that every write raises: what was read under another one may be stale."""
        return int(self.meta("generation") or 0)

    def meta(self, key: str) -> str | None:
        """A fact about the index as a whole."""
        row = self._one("SELECT value FROM meta WHERE key = ?", (stored_path(key),))
        return None if row is None else restored_path(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Record a fact about the index as a whole; inside `writing`."""
        self._connection.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)", (stored_path(key), stored_path(value))
        )

    def _one(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, if there is one."""
        with explained(self.path):
            row: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        return row

    def _all(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with explained(self.path):
            return self._connection.execute(query, values).fetchall()


def stored_path(path: str) -> str | bytes:
    """SQLite's text is UTF-8; the rare path, or text with one, that is not is kept as bytes."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def restored_path(value: str | bytes) -> str:
    """The path, whichever way it is kept."""
    return os.fsdecode(value) if isinstance(value, bytes) else value
