"""A cache in one SQLite file: what is lost of it is made again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from c2llm.errors import C2LLMError
from c2llm.index.store.lock import opening
from c2llm.index.store.private import check_database, make_file

FAILURES = (sqlite3.Error, OSError, TypeError, ValueError, C2LLMError)
"""What a damaged file, or one that may not be used, raises; values of odd types among them."""
_BUSY_SECONDS = 2.0


def connected(
    path: Path, tables: str, *, create: bool = True, check_same_thread: bool = True
) -> sqlite3.Connection:
    """A connection to a cache, its tables made, in a folder that is there.

    Args:
        path: The file.
        tables: What makes them where they are not.
        create: Make the file, readable by its owner alone.
        check_same_thread: As `sqlite3.connect` has it.

    Raises:
        sqlite3.Error, OSError, C2LLMError: It is damaged, another user's, or cannot be had.
    """
    with opening(path) as has_locks:
        if create:
            make_file(path)
        check_database(path)
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=check_same_thread,
        )
        if has_locks:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(tables)
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A block that is written whole or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
