"""The SQLite file: its tables, how it is opened, and what its failures mean to the user."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unicodedata import unidata_version

from c2llm.errors import C2LLMError, IndexCorruptError, IndexWriteError

SCHEMA_VERSION = 6
"""Raised whenever tables or lexical tokens change; an index of an older version is redone."""
_APPLICATION_ID = 0x6332_6C6D  # "c2lm": tells our files from any other SQLite database
_BUSY_SECONDS = 30.0

# `lexicon` keeps no text of its own: rows are deleted by giving FTS5 the old tokens again, which
# are a function of the chunk. `embeddings` is keyed by what was embedded, so that a chunk that
# moves or comes back with another branch is not embedded twice.
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    path NOT NULL UNIQUE,
    hash BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    language TEXT NOT NULL
);
CREATE TABLE imports (file_id INTEGER PRIMARY KEY, modules TEXT NOT NULL);
CREATE TABLE skipped (
    path PRIMARY KEY,
    reason TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id INTEGER NOT NULL REFERENCES files (id),
    start_line INTEGER NOT NULL,
    end_line INTEGER NOT NULL,
    kind TEXT NOT NULL,
    symbol TEXT NOT NULL,
    scope TEXT NOT NULL,
    signature TEXT NOT NULL,
    definitions TEXT NOT NULL,
    parts TEXT NOT NULL,
    embedded_hash BLOB NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX chunks_of_file ON chunks (file_id);
CREATE INDEX chunks_of_embedding ON chunks (embedded_hash);
CREATE TABLE definitions (
    name TEXT NOT NULL, chunk_id INTEGER NOT NULL, PRIMARY KEY (name, chunk_id)
) WITHOUT ROWID;
CREATE INDEX definitions_of_chunk ON definitions (chunk_id);
CREATE VIRTUAL TABLE lexicon USING fts5 (
    path, symbol, body, content = '', tokenize = "ascii tokenchars '_'"
);
CREATE VIRTUAL TABLE lexicon_terms USING fts5vocab (lexicon, row);
CREATE VIRTUAL TABLE lexicon_places USING fts5vocab (lexicon, instance);
CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    -- Every chunk up to this id has a vector, and ids are never used twice.
    covered INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE embeddings (
    model_id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (model_id, hash)
) WITHOUT ROWID;
"""


def connect(path: Path, *, create: bool = True) -> sqlite3.Connection:
    """Open an index file, creating an empty index where there is no file.

    Returns a connection in autocommit mode; transactions are begun explicitly. Where the disk is
    full or read-only, an index that is there is opened as it is; writing raises `IndexWriteError`.

    Raises:
        IndexCorruptError: The file is not an index of ours, or a damaged one.
        IndexWriteError: The disk does not let it be made.
        C2LLMError: It cannot be read.
    """
    with explained(path):
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path if create else f"{path.absolute().as_uri()}?mode=rw",
            uri=not create,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            _prepare(connection, path)
        except sqlite3.OperationalError as error:
            connection.close()
            if not _cannot_write(str(error)) or not _is_settled(path):
                raise
            connection = _as_it_is(path)
        except BaseException:
            connection.close()
            raise
    return connection


def _is_settled(path: Path) -> bool:
    """Whether an index is all in its file, and nothing of it in the log of a writer."""
    log = path.with_name(path.name + "-wal")
    return path.exists() and path.stat().st_size > 0 and not (log.exists() and log.stat().st_size)


def _as_it_is(path: Path) -> sqlite3.Connection:
    """Open a file for reading alone: even that makes files beside it in WAL mode otherwise."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&immutable=1",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
            raise IndexCorruptError(_not_an_index(path))
        _refuse_newer(connection, path)
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != _APPLICATION_ID:
        # Waiting for the disk is a tenth of a second for tables that hold nothing yet.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")  # two processes may both find a new file
        try:
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            if application != _APPLICATION_ID:
                if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise IndexCorruptError(_not_an_index(path))
                _create_tables(connection)
        except BaseException:
            if connection.in_transaction:  # a full disk has ended it already
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    _refuse_newer(connection, path)
    # Readers go on while one process writes; a killed process loses at most its open transaction.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA mmap_size = 268435456")
    connection.execute("PRAGMA temp_store = MEMORY")


def _refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    if schema_version(connection) > SCHEMA_VERSION:
        raise C2LLMError(
            f"{path} was written by a newer c2llm (schema {schema_version(connection)}, this one "
            f"knows {SCHEMA_VERSION}); upgrade, or rebuild it with: c2llm index --rebuild PATH."
        )


def _create_tables(connection: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";"):
        if statement.strip():
            connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES ('generation', '0')")
    connection.execute("INSERT INTO meta VALUES ('unicode', ?)", (unidata_version,))
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def is_outdated(connection: sqlite3.Connection) -> bool:
    """Whether an older version made the file, or one whose tokens may differ from ours.

    What is a letter changes with the Unicode tables of Python, and a lexicon without text of its
    own must never be given other tokens to delete than it was given to insert.
    """
    if schema_version(connection) < SCHEMA_VERSION:
        return True
    known = connection.execute("SELECT value FROM meta WHERE key = 'unicode'").fetchone()
    return known is None or known[0] != unidata_version


def schema_version(connection: sqlite3.Connection) -> int:
    """The version that the file was made with."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def recreate(connection: sqlite3.Connection) -> None:
    """Drop every table and make the present ones, in one transaction; for an older schema."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        listed = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%'"
        ).fetchall()
        for (name,) in listed:  # takes its shadow tables along
            connection.execute(f'DROP TABLE "{name}"')
        listed = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        for (name,) in listed:
            connection.execute(f'DROP TABLE "{name}"')
        _create_tables(connection)
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's and the disk's failures into one sentence with the cure."""
    try:
        yield
    except sqlite3.OperationalError as error:
        message = str(error)
        kind = IndexWriteError if _cannot_write(message) else C2LLMError
        raise kind(_operational(path, message)) from error
    except sqlite3.ProgrammingError as error:  # the handle, not the file
        raise C2LLMError(f"The index {path} is closed; open it again.") from error
    except sqlite3.DatabaseError as error:
        raise IndexCorruptError(_not_an_index(path)) from error
    except OSError as error:  # no right, no room, a file where a folder should be
        raise IndexWriteError(
            f"The index cannot be kept in {path.parent} ({error.strerror}); "
            "set C2LLM_HOME to a folder that can be written."
        ) from error


def _not_an_index(path: Path) -> str:
    return (
        f"{path} is damaged or not an index of c2llm; rebuild it with: c2llm index --rebuild PATH."
    )


def _cannot_write(message: str) -> bool:
    refusals = ("is full", "readonly", "unable to open", "disk I/O")
    return any(refusal in message for refusal in refusals)


def _operational(path: Path, message: str) -> str:
    if "locked" in message or "busy" in message:
        return f"Another process has been writing {path} for {_BUSY_SECONDS:.0f} s; try again."
    if "is full" in message:
        return f"The disk that holds {path} is full; make room or set C2LLM_HOME to another disk."
    if _cannot_write(message):
        return (
            f"The index {path} cannot be written or read ({message}); "
            "make room, or set C2LLM_HOME to a folder that can be written."
        )
    if "no such" in message or "malformed" in message:
        raise IndexCorruptError(_not_an_index(path))
    return f"The index {path} failed ({message}); rebuild it with: c2llm index --rebuild PATH."
