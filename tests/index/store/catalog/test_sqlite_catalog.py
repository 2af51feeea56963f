"""The SQLite store of a catalog does what every one does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest

from c2llm.index.store.catalog.catalog_store import CatalogStore
from c2llm.index.store.catalog.sqlite_catalog import SqliteCatalog
from tests.index.store.catalog.catalog_conformance import (
    CatalogAnswers,
    CatalogConformance,
    Opened,
)
from tests.index.store.conformance import Import
from tests.index.store.imported.record_conformance import RecordConformance


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    numbers = count()
    stores: list[SqliteCatalog] = []

    def open_next() -> SqliteCatalog:
        stores.append(SqliteCatalog(tmp_path / f"{next(numbers)}.sqlite"))
        return stores[-1]

    yield open_next
    for store in stores:
        store.close()


class TestSqliteCatalog(CatalogConformance):
    @pytest.fixture
    def opened(self, opened: Opened) -> Opened:
        return opened


class TestSqliteCatalogAsAnyStore(CatalogAnswers, RecordConformance):
    @pytest.fixture
    def opened(self, opened: Opened) -> Opened:
        return opened

    def import_into(self, store: CatalogStore, records: Sequence[Import]) -> None:
        assert isinstance(store, SqliteCatalog)
        for one in records:
            store.records.put(one.name, one.name, one.columns, one.rows)
