"""The SQLite file: its tables, how it is opened, and what its failures mean to the user."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unicodedata import unidata_version

from c2llm.errors import C2LLMError, IndexCorruptError, IndexWriteError
from c2llm.index.store.lock import opening
from c2llm.index.store.private import check_database, check_folder, make_file, make_folder
from c2llm.index.store.text_blocks import BlockError, TextBlock, unpack_text

SCHEMA_VERSION = 7
"""Raised whenever tables or lexical tokens change; an index of an older version is redone."""
_APPLICATION_ID = 0x6332_6C6D  # "c2lm": tells our files from any other SQLite database
_BUSY_SECONDS = 30.0

# `blocks` has the texts (`text_blocks`), each block under the id of its first chunk; the ids of the
# others follow. `lexicon` keeps no text of its own: rows are deleted by giving FTS5 the old tokens
# again, which are a function of the chunk. A term in its first column costs two bytes a chunk less
# than in the others, so the body comes first. `embeddings` is keyed by what was embedded, so that
# a chunk that moves or comes back with another branch is not embedded twice; `embedded` numbers
# that in the order of the files, so that vectors are written one behind the other and pages are
# full. For the same reason one integer is a vector's key: `model_id << 40 | embedded_id`.
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    path NOT NULL,
    hash BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    language TEXT NOT NULL
);
CREATE TABLE imports (file_id INTEGER PRIMARY KEY, modules BLOB NOT NULL);
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
    definitions TEXT NOT NULL,
    characters INTEGER NOT NULL,
    block_id INTEGER NOT NULL REFERENCES blocks (id),
    embedded_id INTEGER NOT NULL REFERENCES embedded (id)
);
CREATE INDEX chunks_of_file ON chunks (file_id);
CREATE INDEX chunks_of_embedded ON chunks (embedded_id);
CREATE TABLE blocks (
    id INTEGER PRIMARY KEY,
    dictionary_id INTEGER NOT NULL REFERENCES dictionaries (id),
    packed BLOB NOT NULL
);
CREATE TABLE dictionaries (
    id INTEGER PRIMARY KEY, language TEXT NOT NULL UNIQUE, packed BLOB NOT NULL
);
CREATE TABLE embedded (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE);
CREATE TABLE definitions (
    name TEXT NOT NULL, chunk_id INTEGER NOT NULL, PRIMARY KEY (name, chunk_id)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE lexicon USING fts5 (
    body, path, symbol, content = '', tokenize = "ascii tokenchars '_'"
);
CREATE VIRTUAL TABLE lexicon_terms USING fts5vocab (lexicon, row);
CREATE VIRTUAL TABLE lexicon_places USING fts5vocab (lexicon, instance);
CREATE TABLE models (
    -- Never used twice: who still embeds with a model that was replaced finds its number gone.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    -- Every chunk up to this id has a vector, and ids are never used twice.
    covered INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE embeddings (
    id INTEGER PRIMARY KEY, vector BLOB NOT NULL
);
"""
OF_A_TREE = "CREATE UNIQUE INDEX files_by_path ON files (path)"
"""What the index of one tree has beside the tables that every store has."""


Place = tuple[int, int] | None
"""Which file on which device; None where there is none."""


def place_of(path: Path) -> Place:
    """Which file it is that has this name now."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def connect(
    path: Path, *, create: bool = True, further: str = OF_A_TREE
) -> tuple[sqlite3.Connection, Place]:
    """Open an index file, creating an empty index where there is no file.

    Returns a connection in autocommit mode, where transactions are begun explicitly, and which
    file it has open. Where the disk is
    full or read-only, an index that is there is opened as it is; writing raises `IndexWriteError`.

    Args:
        path: The file.
        create: Make it if it is not there.
        further: Statements that make the tables of this kind of store beside the common ones.

    Raises:
        IndexCorruptError: The file is not an index of ours, or a damaged one.
        IndexWriteError: The disk does not let it be made.
        C2LLMError: It cannot be read, or is a link or another user's.
    """
    with explained(path):
        if create:
            make_folder(path.parent)
        check_folder(path.parent)
        with opening(path) as has_locks:
            if create and not path.exists():
                make_file(path)
            check_database(path)
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                _prepare(connection, path, further)
                if has_locks:
                    # Readers go on while one process writes.
                    connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                connection.close()
                if not _cannot_write(str(error)) or not _is_settled(path):
                    raise
                connection = _as_it_is(path)
            except BaseException:
                connection.close()
                raise
            return connection, place_of(path)


def connect_in_memory(path: Path, further: str = OF_A_TREE) -> sqlite3.Connection:
    """An empty index that is on no disk, in the place of one that cannot be kept at `path`."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _prepare(connection, path, further)
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
            raise IndexCorruptError(damage_told(path))
        _refuse_newer(connection, path)
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, further: str) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != _APPLICATION_ID:
        # Waiting for the disk is a tenth of a second for tables that hold nothing yet.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")  # two processes may both find a new file
        try:
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            if application != _APPLICATION_ID:
                if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise IndexCorruptError(damage_told(path))
                _create_tables(connection, further)
        except BaseException:
            if connection.in_transaction:  # a full disk has ended it already
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    _refuse_newer(connection, path)
    # A killed process loses at most its open transaction.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA mmap_size = 268435456")
    connection.execute("PRAGMA temp_store = MEMORY")


def _refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    if schema_version(connection) > SCHEMA_VERSION:
        raise C2LLMError(
            f"{path} was written by a newer c2llm (schema {schema_version(connection)}, this one "
            f"knows {SCHEMA_VERSION}); upgrade, or rebuild it with: {_rebuild(path)}."
        )


def _create_tables(connection: sqlite3.Connection, further: str) -> None:
    for statement in (*_TABLES.split(";"), *further.split(";")):
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


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's and the disk's failures into one sentence with the cure."""
    try:
        yield
    except sqlite3.OperationalError as error:
        message = str(error)
        if is_damage(error) or _forbids_writing(path):
            raise IndexCorruptError(damage_told(path)) from error
        kind = IndexWriteError if _cannot_write(message) else C2LLMError
        raise kind(_operational(path, message)) from error
    except sqlite3.ProgrammingError as error:  # the handle, not the file
        raise C2LLMError(f"The index {path} is closed; open it again.") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError, BlockError) as error:
        # The second one in SQLite's message.
        raise IndexCorruptError(damage_told(path)) from error
    except OSError as error:  # no right, no room, a file where a folder should be
        raise IndexWriteError(
            f"The index cannot be kept in {path.parent} ({error.strerror}); "
            "set C2LLM_HOME to a folder that can be written."
        ) from error


def damage_told(path: Path) -> str:
    """The sentence about a damaged file."""
    return f"{path} is damaged or not an index of c2llm; rebuild it with: {_rebuild(path)}."


def _rebuild(path: Path) -> str:
    """The command that makes a file anew."""
    if path.parent.parent.name != "catalogs":
        return "c2llm index --rebuild PATH"
    name = path.parent.name
    return f"c2llm catalog clear {name} && c2llm catalog refresh {name}"


def is_damage(error: Exception) -> bool:
    """Whether an error comes of what a file holds, and not of the disk or of other processes."""
    message = str(error)
    if isinstance(error, sqlite3.OperationalError):
        return not (_is_busy(message) or _cannot_write(message))
    return isinstance(error, sqlite3.DatabaseError)


def _forbids_writing(path: Path) -> bool:
    """Whether the file's head names a format that SQLite may only read, as we never write it."""
    try:
        with path.open("rb") as stream:
            head = stream.read(20)
    except OSError:
        return False
    return len(head) == 20 and not {*head[18:20]} <= {1, 2}


def _is_busy(message: str) -> bool:
    return "locked" in message or "busy" in message


def _cannot_write(message: str) -> bool:
    refusals = ("is full", "readonly", "unable to open", "disk I/O")
    return any(refusal in message for refusal in refusals)


def _operational(path: Path, message: str) -> str:
    if _is_busy(message):
        return f"Another process has been writing {path} for {_BUSY_SECONDS:.0f} s; try again."
    if "is full" in message:
        return f"The disk that holds {path} is full; make room or set C2LLM_HOME to another disk."
    return (
        f"The index {path} cannot be written or read ({message}); "
        "make room, or set C2LLM_HOME to a folder that can be written."
    )


# -- damage ----------------------------------------------------------------------------------------

_TYPES = {
    "meta": {"key": "text blob", "value": "text blob"},
    "files": {
        "path": "text blob",
        "hash": "blob",
        "size": "integer",
        "mtime_ns": "integer",
        "inode": "integer",
        "language": "text",
    },
    "imports": {"modules": "blob"},
    "skipped": {
        "path": "text blob",
        "reason": "text",
        "size": "integer",
        "mtime_ns": "integer",
        "inode": "integer",
    },
    "chunks": {
        "file_id": "integer",
        "start_line": "integer",
        "end_line": "integer",
        "kind": "text",
        "symbol": "text",
        "scope": "text",
        "definitions": "text",
        "characters": "integer",
        "block_id": "integer",
        "embedded_id": "integer",
    },
    "blocks": {"dictionary_id": "integer", "packed": "blob"},
    "dictionaries": {"language": "text", "packed": "blob"},
    "embedded": {"hash": "blob"},
    "definitions": {"name": "text", "chunk_id": "integer"},
    "models": {"name": "text blob", "fingerprint": "text", "covered": "integer"},
    "embeddings": {"vector": "blob"},
}
_NEVER = (
    "SELECT 1 FROM chunks WHERE start_line < 1 OR end_line < start_line OR end_line > 1e8"
    " OR characters < 0 OR file_id NOT IN (SELECT id FROM files)"
    " OR block_id > id OR block_id NOT IN (SELECT id FROM blocks)"
    " OR embedded_id NOT IN (SELECT id FROM embedded)",
    "SELECT 1 FROM blocks WHERE dictionary_id NOT IN (SELECT id FROM dictionaries)",
    "SELECT 1 FROM embedded WHERE length(hash) <> 16",
    "SELECT 1 FROM embeddings GROUP BY id >> 40 HAVING min(length(vector)) <> max(length(vector))",
    "SELECT 1 FROM embeddings WHERE length(vector) < 5",
    "SELECT 1 FROM meta WHERE key IN ('generation', 'chunker') AND value GLOB '*[^0-9]*'",
    "SELECT 1 WHERE (SELECT count(*) FROM meta WHERE key IN ('generation', 'unicode')) <> 2",
)
"""What a healthy index never has."""


def is_damaged(connection: sqlite3.Connection) -> bool:
    """Whether a file holds what was never written: it is read whole, so only when something failed.

    A flipped byte that leaves a value that might as well be there is not seen by this.
    """
    try:
        if connection.execute("PRAGMA integrity_check(1)").fetchall() != [("ok",)]:
            return True
        for table, types in _TYPES.items():
            for column, allowed in types.items():
                names = ", ".join(f"'{name}'" for name in allowed.split())
                odd = f"SELECT 1 FROM {table} WHERE typeof({column}) NOT IN ({names}) LIMIT 1"
                if connection.execute(odd).fetchone():
                    return True
            connection.execute(f"SELECT * FROM {table}").fetchall()  # is its text UTF-8?
        if any(connection.execute(f"{query} LIMIT 1").fetchone() for query in _NEVER):
            return True
        dictionaries = {
            number: unpack_text(packed).encode()
            for number, packed in connection.execute("SELECT id, packed FROM dictionaries")
        }
        sizes = {
            block_id: len(TextBlock(packed, dictionaries[dictionary_id]))
            for block_id, dictionary_id, packed in connection.execute("SELECT * FROM blocks")
        }
        chunks = connection.execute("SELECT id, block_id FROM chunks").fetchall()
        return any(chunk_id - block_id >= sizes[block_id] for chunk_id, block_id in chunks)
    except (UnicodeDecodeError, BlockError):
        return True
    except sqlite3.Error as error:
        return is_damage(error)
