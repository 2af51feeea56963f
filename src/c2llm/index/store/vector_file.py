"""Whole vectors of one model in a SQLite file of their own, by the hash of what was embedded.

Unlike the index and `vector_cache` it keeps float32, so that an evaluation that goes on gives the
numbers of one that was never interrupted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from c2llm.errors import DataError

_BUSY_SECONDS = 30.0
_ROWS_OF_A_QUERY = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (hash BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS probes (position INTEGER PRIMARY KEY, vector BLOB NOT NULL);
"""


class VectorFile:
    """The file, made where there is none.

    Every method raises a `DataError` where the file is something else, or cannot be read or
    written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained():
            self._connection = sqlite3.connect(path, timeout=_BUSY_SECONDS)
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = NORMAL")
                self._connection.executescript(_SCHEMA)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def get(self, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """The vectors of those of the hashes that are kept, as their bytes."""
        found: dict[bytes, bytes] = {}
        with self._explained():
            for start in range(0, len(hashes), _ROWS_OF_A_QUERY):
                part = hashes[start : start + _ROWS_OF_A_QUERY]
                rows = self._connection.execute(
                    f"SELECT hash, vector FROM vectors WHERE hash IN ({','.join('?' * len(part))})",
                    part,
                )
                found.update((bytes(key), bytes(vector)) for key, vector in rows)
        return found

    def put(self, hashes: Sequence[bytes], vectors: Sequence[bytes]) -> None:
        """Keep vectors; one transaction."""
        with self._explained(), self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?)", zip(hashes, vectors, strict=True)
            )

    def probes(self) -> list[bytes]:
        """The vectors by which the file knows its encoder, none in a new file."""
        with self._explained():
            rows = self._connection.execute("SELECT vector FROM probes ORDER BY position")
            return [bytes(vector) for (vector,) in rows.fetchall()]

    def put_probes(self, vectors: Sequence[bytes]) -> None:
        """Keep the vectors by which a new file knows its encoder."""
        with self._explained(), self._connection:
            self._connection.executemany("INSERT INTO probes VALUES (?, ?)", enumerate(vectors))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's failures into one sentence with the cure."""
        try:
            yield
        except sqlite3.Error as error:
            raise DataError(
                f"{self.path} does not hold vectors of an evaluation ({error}); remove it."
            ) from error
