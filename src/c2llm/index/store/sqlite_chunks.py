"""How the chunks of a file are written into SQLite and taken out of it; for every kind of store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from c2llm.codebase.words import lexicon_row, normalized
from c2llm.index.store.schema import explained
from c2llm.index.store.sqlite_questions import SqliteQuestions
from c2llm.index.store.sqlite_vectors import SqliteVectors
from c2llm.index.store.text_blocks import dictionary_of, pack_blocks, pack_text, unpack_text

if TYPE_CHECKING:
    from c2llm.codebase.chunk import Chunk
    from c2llm.index.build.cutting import CutChunk, CutFile


class SqliteChunks(SqliteQuestions, SqliteVectors):
    """The part of the store that writes what belongs to a row of `files`."""

    def _put_rows(self, file_id: int, file: CutFile) -> None:
        """Put the imports and the chunks of a file that has a row; inside `writing`."""
        if file.imports:
            self._connection.execute(
                "INSERT INTO imports VALUES (?, ?)", (file_id, pack_text("\n".join(file.imports)))
            )
        if file.chunks:
            self._put_chunks(file_id, file.language, file.chunks)

    def _remove_rows(self, file_id: int, path: str) -> None:
        """Forget a file with all that belongs to it; inside `writing`.

        Args:
            file_id: Its number.
            path: The one that its chunks were given to the lexicon with.
        """
        execute = self._connection.execute
        ids = self.chunks_of([file_id]).get(file_id, [])
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
            (file_id,),
        )
        execute("DELETE FROM chunks WHERE file_id = ?", (file_id,))
        execute("DELETE FROM imports WHERE file_id = ?", (file_id,))
        execute("DELETE FROM files WHERE id = ?", (file_id,))

    def _put_chunks(self, file_id: int, language: str, cuts: Sequence[CutChunk]) -> None:
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
