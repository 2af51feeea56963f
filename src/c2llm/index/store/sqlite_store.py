"""The index in SQLite: files and chunks are written here, every write one transaction.

What a search asks is in `sqlite_questions`, vectors are in `sqlite_vectors`, the file as such in
`sqlite_file`. A search is several statements and holds no transaction over them: ids of chunks are
never used twice, so what another process replaces meanwhile is missing from the answer, never
mistaken for something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from c2llm.codebase.words import lexicon_row, normalized
from c2llm.index.store.imported.sqlite_recorded import SqliteRecorded
from c2llm.index.store.records import Counts, SkippedState, Stamp
from c2llm.index.store.schema import explained
from c2llm.index.store.sqlite_file import restored_path, stored_path
from c2llm.index.store.sqlite_questions import SqliteQuestions
from c2llm.index.store.sqlite_vectors import SqliteVectors
from c2llm.index.store.text_blocks import dictionary_of, pack_blocks, pack_text, unpack_text

if TYPE_CHECKING:
    from c2llm.codebase.chunk import Chunk
    from c2llm.index.build.cutting import CutChunk, CutFile


class SqliteStore(SqliteQuestions, SqliteVectors, SqliteRecorded):
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

    def hashes(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Hash of the content of those of the paths that are indexed."""
        found: dict[str, bytes] = {}
        for start in range(0, len(paths), 500):
            part = [stored_path(path) for path in paths[start : start + 500]]
            among = ",".join("?" * len(part))
            rows = self._all(f"SELECT path, hash FROM files WHERE path IN ({among})", part)
            found.update((restored_path(row[0]), row[1]) for row in rows)
        return found

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
        if file.imports:
            execute(
                "INSERT INTO imports VALUES (?, ?)", (file_id, pack_text("\n".join(file.imports)))
            )
        if file.chunks:
            self._put_chunks(file_id, file.language, file.chunks)

    def _put_chunks(self, file_id: int | None, language: str, cuts: Sequence[CutChunk]) -> None:
        """Put the chunks of a file, with ids one after the other; inside `writing`."""
        executemany = self._connection.executemany
        row = self._one("SELECT max(seq) FROM sqlite_sequence WHERE name = 'chunks'")
        first = 1 + int(row[0] or 0 if row else 0)
        block_ids: list[int] = []
        chunks = [cut.chunk for cut in cuts]
        dictionary_id, dictionary = self._dictionary(language, chunks)
        for count, packed in pack_blocks(chunks, dictionary):
            block_id = first + len(block_ids)
            self._connection.execute(
                "INSERT INTO blocks VALUES (?, ?, ?)", (block_id, dictionary_id, packed)
            )
            block_ids += [block_id] * count
        self._number([cut.embedded_hash for cut in cuts])
        executemany(
            "INSERT INTO chunks VALUES"
            " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT id FROM embedded WHERE hash = ?))",
            [
                (
                    chunk_id,
                    file_id,
                    cut.chunk.start_line,
                    cut.chunk.end_line,
                    cut.chunk.kind,
                    cut.chunk.symbol,
                    cut.chunk.scope,
                    "\n".join(cut.chunk.definitions),
                    len(cut.chunk.text),
                    block_id,
                    cut.embedded_hash,
                )
                for chunk_id, (cut, block_id) in enumerate(zip(cuts, block_ids, strict=True), first)
            ],
        )
        executemany(
            "INSERT INTO lexicon (rowid, path, symbol, body) VALUES (?, ?, ?, ?)",
            [(chunk_id, *cut.lexicon) for chunk_id, cut in enumerate(cuts, first)],
        )
        executemany(
            "INSERT OR IGNORE INTO definitions VALUES (?, ?)",
            [
                (normalized(name), chunk_id)
                for chunk_id, cut in enumerate(cuts, first)
                for name in cut.chunk.definitions
            ],
        )

    def _dictionary(self, language: str, chunks: Sequence[Chunk]) -> tuple[int, bytes]:
        """What files of a language are packed with, made of the first one; inside `writing`."""
        row = self._one("SELECT id, packed FROM dictionaries WHERE language = ?", (language,))
        if row is not None:
            with explained(self.path):
                return row[0], unpack_text(row[1]).encode()
        dictionary = dictionary_of(chunks)
        cursor = self._connection.execute(
            "INSERT INTO dictionaries (language, packed) VALUES (?, ?)",
            (language, pack_text(dictionary)),
        )
        return int(cursor.lastrowid or 0), dictionary.encode()

    def remove_file(self, path: str) -> None:
        """Forget a file, its chunks and that it was skipped; inside `writing`."""
        execute = self._connection.execute
        key = stored_path(path)
        execute("DELETE FROM skipped WHERE path = ?", (key,))
        row = self._one("SELECT id FROM files WHERE path = ?", (key,))
        if row is None:
            return
        ids = self.chunks_of([row[0]]).get(row[0], [])
        for stored in self.chunks(ids):
            execute(
                "INSERT INTO lexicon (lexicon, rowid, path, symbol, body)"
                " VALUES ('delete', ?, ?, ?, ?)",
                (stored.id, *lexicon_row(path, stored.chunk)),
            )
            self._connection.executemany(
                "DELETE FROM definitions WHERE name = ? AND chunk_id = ?",
                [(normalized(name), stored.id) for name in stored.chunk.definitions],
            )
        execute(
            "DELETE FROM blocks WHERE id IN (SELECT block_id FROM chunks WHERE file_id = ?)",
            (row[0],),
        )
        execute("DELETE FROM chunks WHERE file_id = ?", (row[0],))
        execute("DELETE FROM imports WHERE file_id = ?", (row[0],))
        execute("DELETE FROM files WHERE id = ?", (row[0],))

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
