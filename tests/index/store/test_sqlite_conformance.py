"""The SQLite store answers as every store does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from c2llm.index.build.cutting import CutFile
from c2llm.index.store.chunk_store import ChunkStore
from c2llm.index.store.quantized import pack
from c2llm.index.store.records import Stamp
from c2llm.index.store.sqlite_store import SqliteStore
from tests.index.store.conformance import Fill, Import, StoreConformance, Vectors
from tests.index.store.imported.record_conformance import RecordConformance


class TestSqliteStore(StoreConformance, RecordConformance):
    @pytest.fixture
    def fill(self, tmp_path: Path) -> Iterator[Fill]:
        numbers = count()
        opened: list[SqliteStore] = []

        def filled(
            files: Sequence[CutFile],
            vectors: Vectors | None = None,
            into: ChunkStore | None = None,
            records: Sequence[Import] = (),
        ) -> ChunkStore:
            store = into
            if store is None:
                store = SqliteStore(tmp_path / f"{next(numbers)}.sqlite")
                opened.append(store)
            assert isinstance(store, SqliteStore)
            for file in files:
                with store.writing():
                    if file.gone:
                        store.remove_file(file.path)
                    else:
                        store.put_file(file, Stamp(1, 1, 1))
            for name, rows in (vectors or {}).items():
                matrix = np.stack(list(rows.values()))
                with store.writing():
                    model_id = store.use_model(name, f"{name}-1")
                    store.put_vectors(model_id, list(rows), pack(matrix))
                    store.cover(model_id)
            for one in records:
                store.records.put(one.name, one.name, one.columns, one.rows)
            return store

        yield filled
        for store in opened:
            store.close()
