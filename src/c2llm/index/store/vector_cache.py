"""Vectors by what was embedded, shared by all indexes of a user.

A branch, a worktree or a clone holds mostly texts that some index has embedded before; here they
are found again, whichever index that was and whether it still exists. One SQLite file beside the
indexes. It is a cache: when it cannot be read or written, vectors are made anew and nothing else
happens.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from c2llm.errors import C2LLMError, IndexWriteError
from c2llm.index.store.caches.cache_file import FAILURES, connected, transaction
from c2llm.index.store.location import cache_file
from c2llm.index.store.private import check_home, make_folder
from c2llm.index.store.schema import is_damage

_DEFAULT_MEGABYTES = 1_000
_ROWS_OF_A_QUERY = 500
_TABLE = """
CREATE TABLE IF NOT EXISTS vectors (
    model TEXT NOT NULL,
    hash BLOB NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (model, hash)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sizes (model TEXT PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER);
"""
"""Hashes are spread evenly, so that what a range of them holds is a fair part of the whole."""


class VectorCache:
    """Opened by the first use; of no use, and no harm, where the disk does not let it be.

    Args:
        path: The file.
        most_bytes: Vectors beyond this are dropped, those of other models first.
        note: Called with what the user should be told.
    """

    def __init__(
        self, path: Path, most_bytes: int, note: Callable[[str], None] | None = None
    ) -> None:
        self.path = path
        self._note = note or (lambda message: None)
        self._most_bytes = most_bytes
        self._connection: sqlite3.Connection | None = None
        self._broken = most_bytes <= 0

    @classmethod
    def of_user(cls, note: Callable[[str], None] | None = None) -> VectorCache:
        """The cache in the user's home; C2LLM_CACHE_MB sets how much it holds, 0 turns it off."""
        try:
            megabytes = int(os.environ.get("C2LLM_CACHE_MB", ""))
        except ValueError:
            megabytes = _DEFAULT_MEGABYTES
        return cls(cache_file(), megabytes * 1_000_000, note)

    def get(self, fingerprint: str, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """The packed vectors of those of the hashes that some index has embedded."""
        found: dict[bytes, bytes] = {}
        with self._open(create=False) as connection:
            if connection is not None:
                for start in range(0, len(hashes), _ROWS_OF_A_QUERY):
                    part = hashes[start : start + _ROWS_OF_A_QUERY]
                    rows = connection.execute(
                        "SELECT hash, vector FROM vectors WHERE model = ?"
                        f" AND hash IN ({','.join('?' * len(part))})",
                        (fingerprint, *part),
                    )
                    found.update((bytes(key), bytes(vector)) for key, vector in rows)
        return found

    def put(self, fingerprint: str, hashes: Sequence[bytes], packed: Sequence[bytes]) -> None:
        """Keep packed vectors."""
        with self._open(create=True) as connection:
            if connection is None or not packed:
                return
            with transaction(connection):
                before = connection.total_changes
                connection.executemany(
                    "INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)",
                    [(fingerprint, key, row) for key, row in zip(hashes, packed, strict=True)],
                )
                added = connection.total_changes - before
                connection.execute(
                    "INSERT INTO sizes VALUES (?1, ?2, ?3) ON CONFLICT (model)"
                    " DO UPDATE SET rows = rows + ?2, bytes = bytes + ?3",
                    (fingerprint, added, added * (len(packed[0]) + len(hashes[0]))),
                )
                self._shrink(connection, fingerprint)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _shrink(self, connection: sqlite3.Connection, fingerprint: str) -> None:
        """Make room: whole models that are not in use first, then every second vector."""
        sizes = dict(connection.execute("SELECT model, bytes FROM sizes").fetchall())
        total = sum(sizes.values())
        for model, size in sorted(sizes.items()):
            if total <= self._most_bytes or model == fingerprint:
                continue
            connection.execute("DELETE FROM vectors WHERE model = ?", (model,))
            connection.execute("DELETE FROM sizes WHERE model = ?", (model,))
            total -= size
        if total > self._most_bytes:
            connection.execute(
                "DELETE FROM vectors WHERE model = ? AND hash < ?", (fingerprint, b"\x80")
            )
            connection.execute(
                "UPDATE sizes SET (rows, bytes) = (SELECT count(*),"
                " coalesce(sum(length(hash) + length(vector)), 0) FROM vectors WHERE model = ?1)"
                " WHERE model = ?1",
                (fingerprint,),
            )

    @contextmanager
    def _open(self, *, create: bool) -> Iterator[sqlite3.Connection | None]:
        """The connection, or None where there is no cache; failures end the cache, not the work."""
        connection = None
        if not self._broken:
            try:
                connection = self._connect(create)
            except FAILURES as error:
                self._give_up(error)
        try:
            yield connection
        except FAILURES as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Go on without a cache; what will not heal by itself is told with its cure."""
        self._broken = True
        if isinstance(error, IndexWriteError):
            return  # it is told of the index, which lies on the same disk
        if isinstance(error, C2LLMError):
            self._note(f"{error} Shared vectors are not used.")
        elif not isinstance(error, (sqlite3.OperationalError, OSError)) or is_damage(error):
            self._note(f"{self.path} is damaged and not used; remove it with: c2llm clear --cache.")

    def _connect(self, create: bool) -> sqlite3.Connection | None:
        if self._connection is None:
            if not self.path.exists() and not create:
                return None
            if create:
                make_folder(self.path.parent)
            check_home(self.path.parent)
            self._connection = connected(self.path, _TABLE, create=create, check_same_thread=False)
        return self._connection
