"""The index of a tree in SQLite: its files are written here, every write one transaction.

What a search asks is in `sqlite_questions`, chunks are written by `sqlite_chunks`, vectors are in
`sqlite_vectors`, the file as such in `sqlite_file`. A search is several statements and holds no
transaction over them: ids of chunks are never used twice, so what another process replaces
meanwhile is missing from the answer, never mistaken for something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from c2llm.index.store.imported.sqlite_recorded import SqliteRecorded
from c2llm.index.store.records import Counts, SkippedState, Stamp
from c2llm.index.store.sqlite_chunks import SqliteChunks
from c2llm.index.store.sqlite_file import restored_path, stored_path

if TYPE_CHECKING:
    from c2llm.index.build.cutting import CutFile


class SqliteStore(SqliteChunks, SqliteRecorded):
    """One open index file, written by `index/build` and asked by `search/` (`ChunkStore`)."""

    def stamps(self) -> dict[str, tuple[str, int, int, int]]:
        """Path, size, time and inode by path, of files indexed and left out; see `Stamp`."""
        rows = self._all(
            "SELECT path, size, mtime_ns, inode FROM files"
            " UNION ALL SELECT path, size, mtime_ns, inode FROM skipped"
        )
        # Rows stay as they come but for the rare path that is kept as bytes: there may be 50,000.
        known = {row[0]: row for row in rows}
        for path in [path for path in known if isinstance(path, bytes)]:
            row = known.pop(path)
            known[restored_path(path)] = (restored_path(path), *row[1:])
        return known

    def has_files(self) -> bool:
        """Whether anything is indexed."""
        return self._one("SELECT 1 FROM files LIMIT 1") is not None

    def skipped(self) -> dict[str, SkippedState]:
        """Files that were opened and left out, by path."""
        rows = self._all("SELECT path, reason, size, mtime_ns, inode FROM skipped")
        states = (SkippedState(restored_path(row[0]), *row[1:]) for row in rows)
        return {state.path: state for state in states}

    def put_file(self, file: CutFile, stamp: Stamp) -> None:
        """Put a file in place of what was known of it; inside `writing`.

        Args:
            file: The file, cut.
            stamp: What tells that it has changed.
        """
        path = file.path
        self.remove_file(path)
        execute = self._connection.execute
        file_id = execute(
            "INSERT INTO files (path, hash, size, mtime_ns, inode, language)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (stored_path(path), file.digest, *stamp, file.language),
        ).lastrowid
        self._put_rows(int(file_id or 0), file)

    def remove_file(self, path: str) -> None:
        """Forget a file, its chunks and that it was skipped; inside `writing`."""
        execute = self._connection.execute
        key = stored_path(path)
        execute("DELETE FROM skipped WHERE path = ?", (key,))
        row = self._one("SELECT id FROM files WHERE path = ?", (key,))
        if row is not None:
            self._remove_rows(row[0], path)

    def touch_file(self, path: str, stamp: Stamp) -> None:
        """Record that a file has the content that is known, at another time; inside `writing`."""
        self._connection.execute(
            "UPDATE files SET size = ?, mtime_ns = ?, inode = ? WHERE path = ?",
            (*stamp, stored_path(path)),
        )

    def skip_file(self, path: str, reason: str, stamp: Stamp) -> None:
        """Record that a file was opened and left out; inside `writing`."""
        self.remove_file(path)
        self._connection.execute(
            "INSERT INTO skipped VALUES (?, ?, ?, ?, ?)", (stored_path(path), reason, *stamp)
        )

    def forget_contents(self) -> None:
        """Have every file read and cut again by the next refresh; inside `writing`."""
        self._connection.execute("UPDATE files SET hash = x'', mtime_ns = -1")
        self._connection.execute("DELETE FROM skipped")

    def counts(self, model: str) -> Counts:
        """How many files, chunks, and chunks with a vector of the model there are."""
        row = self._one("SELECT (SELECT count(*) FROM files), (SELECT count(*) FROM chunks)")
        assert row is not None
        return Counts(int(row[0]), int(row[1]), self.embedded(model))
