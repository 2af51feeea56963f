"""What a search asks of the records of a SQLite index; `ChunkStore` says what for.

Most searches ask nothing of it, so what it needs is imported where it is used.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from c2llm.index.store.sqlite_file import SqliteFile, stored_path

if TYPE_CHECKING:
    from c2llm.index.store.chunk_store import ChunkStore
    from c2llm.index.store.imported.condition import Condition
    from c2llm.index.store.imported.placing import Place
    from c2llm.index.store.imported.record import Column, Record
    from c2llm.index.store.imported.record_file import RecordFile


class SqliteRecorded(SqliteFile):
    """The part of the store that knows what was measured of its code."""

    _records: RecordFile | None = None

    @property
    def records(self) -> RecordFile:
        """The file of the records, opened when it is asked."""
        if self._records is None:
            from c2llm.index.store.imported.record_file import RecordFile

            self._records = RecordFile(self.path)
        return self._records

    def close(self) -> None:
        """Close the files; the store is of no use afterwards."""
        if self._records is not None:
            self._records.close()
        super().close()

    def record_columns(self) -> dict[str, Column]:
        """The columns of the records by name."""
        return self.records.columns() if self.records.is_there() else {}

    def recorded(self, condition: Condition | None) -> list[Record]:
        """The records that meet a condition, each with its code of today."""
        from c2llm.index.store.imported.placing import LOST
        from c2llm.index.store.imported.record import Record

        file = self.records
        if not file.is_there():
            file.matching(condition)  # which tells that there is no such column
            return []
        measured = file.measured()
        places: dict[int, Place] = {}
        if file.asks_for_stale(condition):
            places = self._placed(list(measured))
        stale = {number for number, place in places.items() if place.state not in _GOOD}
        values = file.matching(condition, stale)
        if not places:
            places = self._placed(list(values))
        numbers = [number for number in values if number in measured]
        chunks = self._chunks_of_places([places.get(number, LOST) for number in numbers])
        return [
            Record(measured[number].key, values[number], *places.get(number, LOST), chunks=ids)
            for number, ids in zip(numbers, chunks, strict=True)
        ]

    def _placed(self, numbers: Sequence[int]) -> dict[int, Place]:
        from c2llm.index.store.imported.placing import Outlines, placed

        measured = self.records.measured()
        wanted = [number for number in numbers if number in measured]
        asked = [measured[number] for number in wanted]
        store = cast("ChunkStore", self)
        hashes = set(store.hashes(sorted({one.key.path for one in asked})).values())
        hashes |= {one.file_hash for one in asked}
        outlines = Outlines(store, self.records.outlines(hashes))
        found = dict(zip(wanted, placed(store, asked, outlines), strict=True))
        self.records.keep_outlines(outlines.new)
        return found

    def _chunks_of_places(self, places: Sequence[Place]) -> list[tuple[int, ...]]:
        """Ids, rising, of the chunks that have lines of each place."""
        spans = [
            [number, place.path, place.start_line, place.end_line if place.start_line else 2**31]
            for number, place in enumerate(places)
            if place.path and isinstance(stored_path(place.path), str)
        ]
        found: list[list[int]] = [[] for _ in places]
        for number, chunk_id in self._all(
            "SELECT j.value ->> 0, c.id FROM json_each(?) j"
            " CROSS JOIN files f ON f.path = j.value ->> 1"
            " CROSS JOIN chunks c ON c.file_id = f.id"
            " WHERE c.start_line <= j.value ->> 3 AND c.end_line >= j.value ->> 2 ORDER BY c.id",
            (json.dumps(spans),),
        ):
            found[number].append(chunk_id)
        return [tuple(ids) for ids in found]


_GOOD = ("current", "moved")
