"""The SQLite store of a catalog does what every one does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest

from c2llm.errors import IndexCorruptError
from c2llm.index.store.catalog.catalog_store import CatalogStore
from c2llm.index.store.catalog.opening import open_catalog_store
from c2llm.index.store.catalog.sqlite_catalog import SqliteCatalog
from c2llm.index.store.schema import SCHEMA_VERSION
from tests.index.store.catalog.catalog_conformance import (
    ONE,
    TWO,
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


def test_a_damaged_store_is_told_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "catalogs" / "org" / "store.sqlite"
    store = SqliteCatalog(path)
    store.put_contents([ONE, TWO])
    store._connection.execute("UPDATE contents SET packed = x'00112233445566' WHERE id = 1")
    with pytest.raises(IndexCorruptError, match="c2llm catalog clear org"):
        store.put_repository("a", "r1", {"x.py": ONE.key, "y.py": TWO.key})
    assert store.repositories() == {} and store.chunk_count() == 0
    store.close()
    path.write_bytes(b"x" * 10_000)
    with pytest.raises(IndexCorruptError, match="c2llm catalog clear org"):
        SqliteCatalog(path)


def test_a_store_of_another_version_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_catalog_store(tmp_path)
    store.put_repository("a", "r1", {})
    store.close()
    monkeypatch.setattr("c2llm.index.store.schema.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    store = open_catalog_store(tmp_path)
    assert store.repositories() == {}
    store.close()


def test_a_reader_sees_the_old_or_the_new_state(opened: Opened, tmp_path: Path) -> None:
    writer = SqliteCatalog(tmp_path / "both.sqlite")
    reader = SqliteCatalog(tmp_path / "both.sqlite")
    writer.put_contents([ONE, TWO])
    writer.put_repository("a", "r1", {"x.py": ONE.key})
    seen: list[tuple[list[str], int]] = []

    class Watching(SqliteCatalog):
        def _put_rows(self, *arguments: object) -> None:
            super()._put_rows(*arguments)  # type: ignore[arg-type]
            seen.append((sorted(reader.tree("a")), reader.chunk_count()))

    other = Watching(tmp_path / "both.sqlite")
    other.put_repository("a", "r2", {"y.py": TWO.key})
    assert seen == [(["x.py"], 2)]
    assert (sorted(reader.tree("a")), reader.chunk_count()) == (["y.py"], 1)
    for store in (writer, reader, other):
        store.close()
