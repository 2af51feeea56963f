"""What an analysis has worked out of files, kept by what the files say.

A question set of its own: a kind (which names the version of what made it), the hash of a content,
and bytes. It lies beside the index in a file of its own, so that an analysis neither waits for who
refreshes the index nor holds him up, and it goes when the index goes. It is a cache: where it
cannot be read or written, all is worked out anew and nothing else happens.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from c2llm.index.store.caches.cache_file import FAILURES, connected, transaction
from c2llm.index.store.private import make_folder

SUFFIX = ".kept"
"""How the name of the file ends, behind that of the index."""
_TABLE = """
CREATE TABLE IF NOT EXISTS results (
    kind TEXT NOT NULL,
    hash BLOB NOT NULL,
    result BLOB NOT NULL,
    PRIMARY KEY (kind, hash)
) WITHOUT ROWID;
"""


class KeptResults:
    """Results by kind and hash; of no use, and no harm, where the disk does not let it be.

    Args:
        index: The file of the index that they belong to; None keeps nothing.
    """

    def __init__(self, index: Path | None) -> None:
        self.path = None if index is None else index.with_name(index.name + SUFFIX)
        self._connection: sqlite3.Connection | None = None
        self._broken = self.path is None

    def get(self, kind: str, hashes: Collection[bytes]) -> dict[bytes, bytes]:
        """The results of those of the hashes that have one."""
        found: dict[bytes, bytes] = {}
        with self._open(create=False) as connection:
            if connection is not None:
                wanted = frozenset(hashes)
                rows = connection.execute(
                    "SELECT hash, result FROM results WHERE kind = ?", (kind,)
                )
                found = {bytes(key): bytes(value) for key, value in rows if key in wanted}
        return found

    def put(self, kind: str, results: Mapping[bytes, bytes]) -> None:
        """Keep results by their hashes."""
        if not results:
            return
        with self._open(create=True) as connection:
            if connection is not None:
                with transaction(connection):
                    connection.executemany(
                        "INSERT OR REPLACE INTO results VALUES (?, ?, ?)",
                        [(kind, key, value) for key, value in results.items()],
                    )

    def keep_only(
        self,
        kind: str | Collection[str],
        hashes: Collection[bytes],
        *,
        family: str | tuple[str, ...],
    ) -> None:
        """Drop what nobody asks for any more.

        Args:
            kind: Of it, or of these kinds, the results of these hashes stay.
            hashes: The hashes.
            family: How the names of the kinds begin, in one of these ways, of which nothing else
                stays.
        """
        with self._open(create=False) as connection:
            if connection is None:
                return
            known = connection.execute("SELECT kind, hash FROM results").fetchall()
            kept = frozenset(hashes)
            kinds = {kind} if isinstance(kind, str) else set(kind)
            gone = [
                (name, key)
                for name, key in known
                if name.startswith(family) and (name not in kinds or key not in kept)
            ]
            if gone:
                with transaction(connection):
                    connection.executemany("DELETE FROM results WHERE kind = ? AND hash = ?", gone)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _open(self, *, create: bool) -> Iterator[sqlite3.Connection | None]:
        """The connection, or None where there is none; failures end the cache, not the work."""
        connection = None
        if not self._broken:
            try:
                connection = self._connect(create)
            except FAILURES:
                self._broken = True
        try:
            yield connection
        except FAILURES:
            self._broken = True

    def _connect(self, create: bool) -> sqlite3.Connection | None:
        path = self.path
        if self._connection is None and path is not None:
            if not path.exists() and not create:
                return None
            make_folder(path.parent)
            self._connection = connected(path, _TABLE)
        return self._connection
