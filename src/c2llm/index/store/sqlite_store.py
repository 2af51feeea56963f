"""Reading and writing the index: every write of a file or of vectors is one transaction.

A search is several statements and holds no transaction over them: ids are never used twice, so what
another process replaces meanwhile is missing from the answer, never mistaken for something else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c2llm.codebase.chunk import Chunk
from c2llm.codebase.words import lexicon_row, normalized, stems
from c2llm.index.store.database import connect, explained, is_outdated, recreate
from c2llm.index.store.records import Counts, FileState, SkippedState, Stamp, StoredChunk

if TYPE_CHECKING:
    from c2llm.index.build.cutting import CutFile

_USUAL_LENGTH = 1_000
EXACT_UP_TO = 300_000
"""Vectors of a model that are scanned rather than searched in a graph of neighbours
(`benchmarks/vector_search.py` measures both)."""
_PRUNED = "chunks gone when vectors were counted"
"""The fact (`meta`) that spares counting unused vectors after every change."""
RULES = "ignore rules"
"""The fact (`meta`) that says by which rules the files were taken; empty while they change."""
TABLE_MODEL = "table model"
"""The fact (`meta`) that names the model whose vectors cover every chunk at once."""


def graph_key(model_id: int) -> str:
    """The fact (`meta`) that says which graph of neighbours fits the vectors of a model."""
    return f"graph of model {model_id}"


class Store:
    """One open index file. Not for use by two threads at once."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path
        self._connection = connect(path, create=create)

    def close(self) -> None:
        """Close the file; the store is of no use afterwards."""
        self._connection.close()

    @property
    def read_only(self) -> bool:
        """Whether the disk let the index be opened for reading alone."""
        row = self._one("PRAGMA query_only")
        return bool(row and row[0])

    def is_outdated(self) -> bool:
        """Whether the file was made by an older version and has to be made anew."""
        with explained(self.path):
            return is_outdated(self._connection)

    def recreate(self) -> None:
        """Drop all and begin anew, in one transaction."""
        with explained(self.path):
            recreate(self._connection)

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

    def generation(self) -> int:
        """A number that every write raises: what was read under another one may be stale."""
        return int(self.meta("generation") or 0)

    def meta(self, key: str) -> str | None:
        """A fact about the index as a whole."""
        row = self._one("SELECT value FROM meta WHERE key = ?", (key,))
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Record a fact about the index as a whole; inside `writing`."""
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # -- files and chunks ------------------------------------------------------------------------

    def stamps(self) -> dict[str, tuple[str, int, int, int]]:
        """Path, size, time and inode by path, of files indexed and left out; see `Stamp`."""
        rows = self.all(
            "SELECT path, size, mtime_ns, inode FROM files"
            " UNION ALL SELECT path, size, mtime_ns, inode FROM skipped"
        )
        # Rows stay as they come but for the rare path that is kept as bytes: there may be 50,000.
        known = {row[0]: row for row in rows}
        for path in [path for path in known if isinstance(path, bytes)]:
            row = known.pop(path)
            known[_restored(path)] = (_restored(path), *row[1:])
        return known

    def files(self) -> dict[str, FileState]:
        """All files by path."""
        rows = self.all("SELECT id, path, hash, size, mtime_ns, inode, language, words FROM files")
        states = (FileState(row[0], _restored(row[1]), *row[2:]) for row in rows)
        return {state.path: state for state in states}

    def languages(self) -> dict[str, tuple[int, str]]:
        """Id and language of all files by path."""
        rows = self.all("SELECT path, id, language FROM files")
        return {_restored(row[0]): (int(row[1]), str(row[2])) for row in rows}

    def files_state(self) -> tuple[int, int]:
        """How many files there are, and a number that rises whenever one is written."""
        row = self._one(
            "SELECT count(*), (SELECT seq FROM sqlite_sequence WHERE name = 'chunks') FROM files"
        )
        return (0, 0) if row is None else (int(row[0]), int(row[1] or 0))

    def has_files(self) -> bool:
        """Whether anything is indexed."""
        return self._one("SELECT 1 FROM files LIMIT 1") is not None

    def hashes(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Hash of the content of those of the paths that are indexed."""
        found: dict[str, bytes] = {}
        for start in range(0, len(paths), 500):
            part = [_stored(path) for path in paths[start : start + 500]]
            among = ",".join("?" * len(part))
            rows = self.all(f"SELECT path, hash FROM files WHERE path IN ({among})", part)
            found.update((_restored(row[0]), row[1]) for row in rows)
        return found

    def skipped(self) -> dict[str, SkippedState]:
        """Files that were opened and left out, by path."""
        rows = self.all("SELECT path, reason, size, mtime_ns, inode FROM skipped")
        states = (SkippedState(_restored(row[0]), *row[1:]) for row in rows)
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
            "INSERT INTO files (path, hash, size, mtime_ns, inode, language, words)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (_stored(path), file.digest, *stamp, file.language, " ".join(stems(path))),
        ).lastrowid
        if file.imports:
            execute("INSERT INTO imports VALUES (?, ?)", (file_id, "\n".join(file.imports)))
        for cut in file.chunks:
            chunk = cut.chunk
            chunk_id = execute(
                "INSERT INTO chunks (file_id, start_line, end_line, kind, symbol, scope, signature,"
                " definitions, embedded_hash, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    file_id,
                    chunk.start_line,
                    chunk.end_line,
                    chunk.kind,
                    chunk.symbol,
                    chunk.scope,
                    chunk.signature,
                    "\n".join(chunk.definitions),
                    cut.embedded_hash,
                    chunk.text,
                ),
            ).lastrowid
            execute(
                "INSERT INTO lexicon (rowid, path, symbol, body) VALUES (?, ?, ?, ?)",
                (chunk_id, *cut.lexicon),
            )
            self._connection.executemany(
                "INSERT OR IGNORE INTO definitions VALUES (?, ?)",
                [(normalized(name), chunk_id) for name in chunk.definitions],
            )

    def remove_file(self, path: str) -> None:
        """Forget a file, its chunks and that it was skipped; inside `writing`."""
        execute = self._connection.execute
        key = _stored(path)
        execute("DELETE FROM skipped WHERE path = ?", (key,))
        row = self._one("SELECT id FROM files WHERE path = ?", (key,))
        if row is None:
            return
        ids = [
            chunk_id
            for (chunk_id,) in self.all("SELECT id FROM chunks WHERE file_id = ?", (row[0],))
        ]
        for stored in self.chunks(ids):
            execute(
                "INSERT INTO lexicon (lexicon, rowid, path, symbol, body)"
                " VALUES ('delete', ?, ?, ?, ?)",
                (stored.id, *lexicon_row(path, stored.chunk)),
            )
            execute("DELETE FROM definitions WHERE chunk_id = ?", (stored.id,))
        execute("DELETE FROM chunks WHERE file_id = ?", (row[0],))
        execute("DELETE FROM imports WHERE file_id = ?", (row[0],))
        execute("DELETE FROM files WHERE id = ?", (row[0],))

    def imports(self, file_ids: Sequence[int] | None = None) -> list[tuple[int, list[str]]]:
        """Id and imported modules of all files, or of these, that import any."""
        among = "" if file_ids is None else " WHERE file_id IN (SELECT value FROM json_each(?))"
        rows = self.all(
            f"SELECT file_id, modules FROM imports{among}",
            () if file_ids is None else (json.dumps(list(file_ids)),),
        )
        return [(int(row[0]), str(row[1]).split("\n")) for row in rows]

    def touch_file(self, path: str, stamp: Stamp) -> None:
        """Record that a file has the content that is known, at another time; inside `writing`."""
        self._connection.execute(
            "UPDATE files SET size = ?, mtime_ns = ?, inode = ? WHERE path = ?",
            (*stamp, _stored(path)),
        )

    def skip_file(self, path: str, reason: str, stamp: Stamp) -> None:
        """Record that a file was opened and left out; inside `writing`."""
        self.remove_file(path)
        self._connection.execute(
            "INSERT INTO skipped VALUES (?, ?, ?, ?, ?)", (_stored(path), reason, *stamp)
        )

    def forget_contents(self) -> None:
        """Have every file read and cut again by the next refresh; inside `writing`."""
        self._connection.execute("UPDATE files SET hash = x'', mtime_ns = -1")
        self._connection.execute("DELETE FROM skipped")

    def chunks(self, ids: Iterable[int]) -> list[StoredChunk]:
        """The chunks of these ids, in the order of path and line."""
        wanted = list(ids)
        found: list[StoredChunk] = []
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            rows = self.all(
                "SELECT c.id, c.file_id, f.path, c.start_line, c.end_line, f.language, c.kind,"
                " c.symbol, c.scope, c.signature, c.definitions, c.text"
                " FROM chunks c JOIN files f ON f.id = c.file_id"
                f" WHERE c.id IN ({','.join('?' * len(part))})",
                part,
            )
            found += [StoredChunk(row[0], row[1], _chunk(row[2:])) for row in rows]
        found.sort(key=lambda stored: (stored.chunk.path, stored.chunk.start_line, stored.id))
        return found

    def text_lengths(self, ids: Sequence[int]) -> dict[int, int]:
        """How many characters the chunks of these ids have."""
        rows = self.all(
            "SELECT id, length(text) FROM chunks WHERE id IN (SELECT value FROM json_each(?))",
            [json.dumps(list(ids))],
        )
        return {int(row[0]): int(row[1]) for row in rows}

    # -- vectors ---------------------------------------------------------------------------------

    def model_id(self, name: str) -> tuple[int, str] | None:
        """The number and the fingerprint of a model that has vectors here."""
        row = self._one("SELECT id, fingerprint FROM models WHERE name = ?", (name,))
        return None if row is None else (int(row[0]), str(row[1]))

    def use_model(self, name: str, fingerprint: str, dim: int) -> int:
        """Number of a model; vectors of its name under another fingerprint go; inside `writing`."""
        known = self.model_id(name)
        if known is not None:
            if known[1] == fingerprint:
                return known[0]
            self._connection.execute("DELETE FROM embeddings WHERE model_id = ?", (known[0],))
            self._connection.execute("DELETE FROM models WHERE id = ?", (known[0],))
            self._connection.execute("DELETE FROM meta WHERE key = ?", (graph_key(known[0]),))
        cursor = self._connection.execute(
            "INSERT INTO models (name, fingerprint, dim) VALUES (?, ?, ?)", (name, fingerprint, dim)
        )
        return int(cursor.lastrowid or 0)

    def lacks_vectors(self, model_id: int) -> bool:
        """Whether some chunk has no vector of the model; ends at the first one that has none."""
        row = self._one(
            "SELECT EXISTS (SELECT 1 FROM chunks"
            " WHERE id > (SELECT covered FROM models WHERE id = ?1) AND NOT EXISTS"
            " (SELECT 1 FROM embeddings WHERE model_id = ?1 AND hash = embedded_hash))",
            (model_id,),
        )
        return bool(row and row[0])

    def unembedded(
        self, model_id: int, only: Sequence[int] | None = None, *, by_length: bool = True
    ) -> list[tuple[int, bytes, int]]:
        """One (chunk id, hash, characters) for each text without a vector.

        Args:
            model_id: The model's number.
            only: Ids of the chunks that are asked about, None for all.
            by_length: The longest first; else in the order of the index, and lengths are guessed,
                since telling them means to read every text.
        """
        length, order = ("length(text)", "3 DESC, 1") if by_length else (str(_USUAL_LENGTH), "1")
        among = "id > (SELECT covered FROM models WHERE id = ?)"
        if only is not None:
            among = "id IN (SELECT value FROM json_each(?))"
        rows = self.all(
            f"SELECT min(id), embedded_hash, {length} FROM chunks WHERE {among}"
            " AND NOT EXISTS (SELECT 1 FROM embeddings WHERE model_id = ? AND hash = embedded_hash)"
            f" GROUP BY embedded_hash ORDER BY {order}",
            (model_id if only is None else json.dumps(list(only)), model_id),
        )
        return [(int(row[0]), bytes(row[1]), int(row[2])) for row in rows]

    def put_vectors(self, model_id: int, hashes: Sequence[bytes], packed: Sequence[bytes]) -> None:
        """Store the packed vectors (`quantized.pack`) of embedded texts; inside `writing`."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?)",
            [(model_id, key, vector) for key, vector in zip(hashes, packed, strict=True)],
        )

    def with_vectors(self, model_id: int, hashes: Sequence[bytes]) -> set[bytes]:
        """Those of the embedded texts that have a vector of the model."""
        rows = self.all(
            "SELECT hash FROM embeddings WHERE model_id = ?"
            f" AND hash IN ({','.join('?' * len(hashes))})",
            (model_id, *hashes),
        )
        return {bytes(row[0]) for row in rows}

    def forget_vectors(self, model_id: int) -> None:
        """Drop the vectors of a model, as if it had never embedded anything; inside `writing`."""
        self._connection.execute("DELETE FROM embeddings WHERE model_id = ?", (model_id,))
        self._connection.execute("UPDATE models SET covered = 0 WHERE id = ?", (model_id,))
        self._connection.execute("DELETE FROM meta WHERE key = ?", (graph_key(model_id),))

    def cover(self, model_id: int) -> None:
        """Record that every chunk there is has a vector of the model, if so; inside `writing`."""
        if not self.lacks_vectors(model_id):
            self._connection.execute(
                "UPDATE models SET covered = (SELECT coalesce(max(id), 0) FROM chunks)"
                " WHERE id = ?",
                (model_id,),
            )

    def vectors(self, model_id: int, only: Sequence[int] | None = None) -> list[tuple[int, bytes]]:
        """Id and packed vector of each chunk, or each of these, that has one of the model."""
        if only is not None:
            return self.all(
                "SELECT c.id, e.vector FROM chunks c JOIN embeddings e"
                " ON e.model_id = ? AND e.hash = c.embedded_hash"
                " WHERE c.id IN (SELECT value FROM json_each(?))",
                (model_id, json.dumps(list(only))),
            )
        # CROSS JOIN holds SQLite to the order in which the vectors lie on the disk.
        return self.all(
            "SELECT c.id, e.vector FROM embeddings e CROSS JOIN chunks c"
            " ON c.embedded_hash = e.hash WHERE e.model_id = ?",
            (model_id,),
        )

    def covered(self, model_id: int) -> tuple[int, int]:
        """The id up to which every chunk has a vector of the model, and how many chunks those are.

        Chunks above it may have one too.
        """
        row = self._one("SELECT covered FROM models WHERE id = ?", (model_id,))
        last = 0 if row is None else int(row[0])
        return last, self.chunks_until(last)[0]

    def is_large(self, model_id: int) -> bool:
        """Whether the model has more vectors than are scanned one by one."""
        return self.covered(model_id)[1] > EXACT_UP_TO

    def chunks_until(self, last: int) -> tuple[int, int]:
        """How many chunks there are up to an id, and how many beyond it."""
        row = self._one("SELECT count(*) FILTER (WHERE id <= ?), count(*) FROM chunks", (last,))
        assert row is not None
        return int(row[0]), int(row[1]) - int(row[0])

    def chunks_after(self, last: int) -> list[int]:
        """Ids of the chunks that came after one."""
        return [row[0] for row in self.all("SELECT id FROM chunks WHERE id > ?", (last,))]

    def chunks_of(self, file_ids: Iterable[int]) -> list[int]:
        """Ids of the chunks of files."""
        rows = self.all(
            "SELECT id FROM chunks WHERE file_id IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(file_ids)),),
        )
        return [row[0] for row in rows]

    def vectors_in_parts(
        self, model_id: int, last: int, size: int = 20_000
    ) -> Iterator[list[tuple[int, bytes]]]:
        """`vectors` of the chunks up to an id, some at a time."""
        first = 0
        while True:
            rows = self.all(
                "SELECT c.id, e.vector FROM chunks c JOIN embeddings e"
                " ON e.model_id = ? AND e.hash = c.embedded_hash"
                " WHERE c.id > ? AND c.id <= ? ORDER BY c.id LIMIT ?",
                (model_id, first, last, size),
            )
            if not rows:
                return
            yield rows
            first = rows[-1][0]

    def prune_vectors(self, spare: int = 2_000) -> None:
        """Drop vectors that no chunk uses once they outnumber the used ones; inside `writing`.

        To count them all vectors are read, so that is left until so many chunks have gone as
        vectors may be spared: ids are never used twice, which tells how many went.
        """
        row = self._one(
            "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'chunks'), 0)"
            " - (SELECT count(*) FROM chunks)"
        )
        gone = 0 if row is None else int(row[0])
        if gone - int(self.meta(_PRUNED) or 0) <= spare:
            return
        self.set_meta(_PRUNED, str(gone))
        total, unused = self._one(
            "SELECT count(*), sum(NOT EXISTS (SELECT 1 FROM chunks WHERE embedded_hash = hash))"
            " FROM embeddings"
        ) or (0, 0)
        if (unused or 0) > max(spare, total - (unused or 0)):
            self._connection.execute(
                "DELETE FROM embeddings WHERE NOT EXISTS"
                " (SELECT 1 FROM chunks WHERE embedded_hash = hash)"
            )

    def counts(self, model: str) -> Counts:
        """How many files, chunks, and chunks with a vector of the model there are."""
        row = self._one("SELECT (SELECT count(*) FROM files), (SELECT count(*) FROM chunks)")
        assert row is not None
        return Counts(int(row[0]), int(row[1]), self.embedded(model))

    def embedded(self, model: str) -> int:
        """How many chunks have a vector of the model."""
        row = self._one(
            "SELECT (SELECT count(*) FROM chunks WHERE id <= m.covered)"
            " + (SELECT count(*) FROM embeddings e CROSS JOIN chunks c"
            "    ON c.embedded_hash = e.hash WHERE e.model_id = m.id AND c.id > m.covered"
            "    AND m.covered < (SELECT coalesce(max(id), 0) FROM chunks))"
            " FROM models m WHERE m.name = ?",
            (model,),
        )
        return 0 if row is None else int(row[0])

    def models(self) -> list[tuple[str, str, int]]:
        """Name, fingerprint and number of vectors of each model."""
        return [
            (str(row[0]), str(row[1]), int(row[2]))
            for row in self.all(
                "SELECT m.name, m.fingerprint,"
                " (SELECT count(*) FROM embeddings WHERE model_id = m.id) FROM models m ORDER BY 1"
            )
        ]

    def _one(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        with explained(self.path):
            row: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        return row

    def all(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query, for the retrievers of the search."""
        with explained(self.path):
            return self._connection.execute(query, values).fetchall()


def _chunk(row: tuple[Any, ...]) -> Chunk:
    path, start, end, language, kind, symbol, scope, signature, definitions, text = row
    return Chunk(
        _restored(path),
        start,
        end,
        language,
        kind,
        symbol,
        scope,
        signature,
        tuple(definitions.split("\n")) if definitions else (),
        text,
    )


def _stored(path: str) -> str | bytes:
    """SQLite's text is UTF-8; the rare path that is not is kept as its bytes."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def _restored(value: str | bytes) -> str:
    return os.fsdecode(value) if isinstance(value, bytes) else value
