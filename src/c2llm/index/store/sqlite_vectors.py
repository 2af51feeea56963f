"""The vectors of a SQLite index: models, packed vectors by what was embedded, what is covered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from c2llm.errors import ModelReplacedError
from c2llm.index.store.sqlite_file import SqliteFile, restored_path, stored_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXACT_UP_TO = 300_000
"""Vectors of a model that are scanned rather than searched in a graph of neighbours
(`benchmarks/vector_search.py` measures both)."""
_EMBEDDED_ID = "(e.id & 0xFFFFFFFFFF)"
"""What a row `e` of `embeddings` is the vector of."""
_OF_MODEL = "e.id BETWEEN ?1 << 40 AND ?1 << 40 | 0xFFFFFFFFFF"
"""Whether a row `e` of `embeddings` is of the model of this number."""
_OF_CHUNK = "e.id = (?1 << 40 | c.embedded_id)"
"""Whether it is that of the chunk `c` too."""
_AMONG = "IN (SELECT value FROM json_each(?))"
_PRUNED = "chunks gone when vectors were counted"
"""The fact (`meta`) that spares counting unused vectors after every change."""


def _graph_key(model_id: int) -> str:
    """The fact (`meta`) that says which graph of neighbours fits the vectors of a model."""
    return f"graph of model {model_id}"


class SqliteVectors(SqliteFile):
    """The part of the store that keeps vectors and gives them back."""

    def model_id(self, name: str) -> tuple[int, str] | None:
        """The number and the fingerprint of a model that has vectors here."""
        row = self._one("SELECT id, fingerprint FROM models WHERE name = ?", (stored_path(name),))
        return None if row is None else (int(row[0]), str(row[1]))

    def use_model(self, name: str, fingerprint: str) -> int:
        """Number of a model; vectors of its name under another fingerprint go; inside `writing`."""
        known = self.model_id(name)
        if known is not None:
            if known[1] == fingerprint:
                return known[0]
            self._connection.execute(f"DELETE FROM embeddings AS e WHERE {_OF_MODEL}", (known[0],))
            self._connection.execute("DELETE FROM models WHERE id = ?", (known[0],))
            self._connection.execute("DELETE FROM meta WHERE key = ?", (_graph_key(known[0]),))
        cursor = self._connection.execute(
            "INSERT INTO models (name, fingerprint) VALUES (?, ?)", (stored_path(name), fingerprint)
        )
        return int(cursor.lastrowid or 0)

    def lacks_vectors(self, model_id: int) -> bool:
        """Whether some chunk has no vector of the model; ends at the first one that has none."""
        row = self._one(
            "SELECT EXISTS (SELECT 1 FROM chunks c"
            " WHERE c.id > (SELECT covered FROM models WHERE id = ?1) AND NOT EXISTS"
            f" (SELECT 1 FROM embeddings e WHERE {_OF_CHUNK}))",
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
            by_length: The longest first; else in the order of the index.
        """
        order = "3 DESC, 1" if by_length else "1"
        among = "c.id > (SELECT covered FROM models WHERE id = ?1)"
        values: tuple[object, ...] = (model_id,)
        if only is not None:
            among = "c.id IN (SELECT value FROM json_each(?2))"
            values = model_id, json.dumps(list(only))
        rows = self._all(
            "SELECT min(c.id), t.hash, c.characters"
            f" FROM chunks c JOIN embedded t ON t.id = c.embedded_id WHERE {among}"
            f" AND NOT EXISTS (SELECT 1 FROM embeddings e WHERE {_OF_CHUNK})"
            f" GROUP BY c.embedded_id ORDER BY {order}",
            values,
        )
        return [(int(row[0]), bytes(row[1]), int(row[2])) for row in rows]

    def text_lengths(self, ids: Sequence[int]) -> dict[int, int]:
        """How many characters the chunks of these ids have."""
        rows = self._all(
            f"SELECT id, characters FROM chunks WHERE id {_AMONG}",
            (json.dumps(list(ids)),),
        )
        return {int(row[0]): int(row[1]) for row in rows}

    def put_vectors(self, model_id: int, hashes: Sequence[bytes], packed: Sequence[bytes]) -> None:
        """Store the packed vectors (`quantized.pack`) of embedded texts; inside `writing`.

        Raises:
            ModelReplacedError: The number is that of a model that has been replaced since. A number
                stands for one name and one fingerprint for ever, so that nothing else can differ.
        """
        if self._one("SELECT 1 FROM models WHERE id = ?", (model_id,)) is None:
            raise ModelReplacedError(
                "Another process has replaced the model in this index; run the command again to "
                "use the new one."
            )
        self._number(hashes)
        self._connection.executemany(
            "INSERT OR REPLACE INTO embeddings"
            " SELECT ?1 << 40 | id, ?3 FROM embedded WHERE hash = ?2",
            [(model_id, key, vector) for key, vector in zip(hashes, packed, strict=True)],
        )

    def _number(self, hashes: Sequence[bytes]) -> None:
        """Give those embedded texts a number that have none; inside `writing`."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO embedded (hash) VALUES (?)", [(key,) for key in hashes]
        )

    def with_vectors(self, model_id: int, hashes: Sequence[bytes]) -> set[bytes]:
        """Those of the embedded texts that have a vector of the model."""
        rows = self._all(
            "SELECT t.hash FROM embedded t JOIN embeddings e ON e.id = (?1 << 40 | t.id)"
            f" WHERE t.hash IN ({','.join('?' * len(hashes))})",
            (model_id, *hashes),
        )
        return {bytes(row[0]) for row in rows}

    def forget_vectors(self, model_id: int) -> None:
        """Drop the vectors of a model, as if it had never embedded anything; inside `writing`."""
        self._connection.execute(f"DELETE FROM embeddings AS e WHERE {_OF_MODEL}", (model_id,))
        self._connection.execute("UPDATE models SET covered = 0 WHERE id = ?", (model_id,))
        self._connection.execute("DELETE FROM meta WHERE key = ?", (_graph_key(model_id),))

    def cover(self, model_id: int) -> None:
        """Record that every chunk there is has a vector of the model, if so; inside `writing`."""
        if not self.lacks_vectors(model_id):
            self._connection.execute(
                "UPDATE models SET covered = (SELECT coalesce(max(id), 0) FROM chunks)"
                " WHERE id = ?",
                (model_id,),
            )

    def is_marked(self, model_id: int) -> bool:
        """Whether `cover` has recorded all there is; a build killed before its end has not."""
        row = self._one(
            "SELECT covered >= (SELECT coalesce(max(id), 0) FROM chunks) FROM models WHERE id = ?",
            (model_id,),
        )
        return row is None or bool(row[0])

    def vectors(self, model_id: int, only: Iterable[int] | None = None) -> list[tuple[int, bytes]]:
        """Id and packed vector of each chunk, or each of these, that has one of the model."""
        if only is not None:
            return self._all(
                f"SELECT c.id, e.vector FROM chunks c JOIN embeddings e ON {_OF_CHUNK}"
                f" WHERE c.id {_AMONG}",
                (model_id, json.dumps(list(only))),
            )
        # CROSS JOIN holds SQLite to the order in which the vectors lie on the disk.
        return self._all(
            "SELECT c.id, e.vector FROM embeddings e CROSS JOIN chunks c"
            f" ON c.embedded_id = {_EMBEDDED_ID} WHERE {_OF_MODEL}",
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
        return [row[0] for row in self._all("SELECT id FROM chunks WHERE id > ?", (last,))]

    def vectors_in_parts(
        self, model_id: int, last: int, size: int = 20_000
    ) -> Iterator[list[tuple[int, bytes]]]:
        """`vectors` of the chunks up to an id, some at a time."""
        first = 0
        while True:
            rows = self._all(
                f"SELECT c.id, e.vector FROM chunks c JOIN embeddings e ON {_OF_CHUNK}"
                " WHERE c.id > ? AND c.id <= ? ORDER BY c.id LIMIT ?",
                (model_id, first, last, size),
            )
            if not rows:
                return
            yield rows
            first = rows[-1][0]

    def prune_vectors(self, spare: int = 2_000) -> None:
        """Drop vectors that no chunk uses once they outnumber the used ones; inside `writing`.

        To count them every chunk is looked at, so that is left until so many chunks have gone as
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
        unused = "NOT IN (SELECT embedded_id FROM chunks)"
        total, spared = self._one(f"SELECT count(*), sum(id {unused}) FROM embedded") or (0, 0)
        if (spared or 0) > max(spare, total - (spared or 0)):
            self._connection.execute(f"DELETE FROM embeddings AS e WHERE {_EMBEDDED_ID} {unused}")
            self._connection.execute(f"DELETE FROM embedded WHERE id {unused}")

    def embedded(self, model: str) -> int:
        """How many chunks have a vector of the model."""
        known = self.model_id(model)
        if known is None:
            return 0
        row = self._one(
            "SELECT (SELECT count(*) FROM chunks WHERE id <= m.covered)"
            " + (SELECT count(*) FROM embeddings e CROSS JOIN chunks c"
            f"   ON c.embedded_id = {_EMBEDDED_ID} WHERE {_OF_MODEL} AND c.id > m.covered"
            "    AND m.covered < (SELECT coalesce(max(id), 0) FROM chunks))"
            " FROM models m WHERE m.id = ?1",
            (known[0],),
        )
        return 0 if row is None else int(row[0])

    def models(self) -> list[tuple[str, str, int]]:
        """Name, fingerprint and number of vectors of each model."""
        return [
            (restored_path(row[0]), str(row[1]), int(row[2]))
            for row in self._all(
                "SELECT m.name, m.fingerprint,"
                f" (SELECT count(*) FROM embeddings e WHERE {_OF_MODEL.replace('?1', 'm.id')})"
                " FROM models m ORDER BY 1"
            )
        ]

    def nearest(
        self, model_id: int, query: Callable[[], NDArray[np.float32]], limit: int
    ) -> list[tuple[int, float]] | None:
        """None: vectors are read and compared by who asks."""
        return None

    def graph_note(self, model_id: int) -> str | None:
        """What was noted of the graph of the model's vectors."""
        return self.meta(_graph_key(model_id))

    def note_graph(self, model_id: int, note: str) -> None:
        """Note which graph fits the vectors of the model; a transaction of its own."""
        with self.writing():
            self.set_meta(_graph_key(model_id), note)
