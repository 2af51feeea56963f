"""The Milvus store of a catalog does what every one does."""

from __future__ import annotations

import inspect

import pytest

from c2llm.index.store.catalog.catalog_store import CatalogStore
from c2llm.index.store.chunk_store import ChunkStore
from tests.index.store.catalog.catalog_conformance import (
    CatalogAnswers,
    CatalogConformance,
    Opened,
)
from tests.index.store.conformance import FILES, TERMS, Fill, Model


class TestMilvusCatalog(CatalogConformance):
    @pytest.fixture
    def opened(self, opened: Opened) -> Opened:
        return opened

    def test_the_same_where_rows_are_searched_rather_than_scored(
        self, opened: Opened, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("c2llm.index.store.milvus.questions._FEW_CHUNKS", 0)
        self.test_words_of_a_path_that_must_not_be_seen_count_for_nothing(opened)


class TestMilvusCatalogAsAnyStore(CatalogAnswers):
    filled: ChunkStore | None = None

    @pytest.fixture
    def opened(self, opened: Opened) -> Opened:
        return opened

    @pytest.fixture
    def store(self, fill: Fill, request: pytest.FixtureRequest) -> ChunkStore:
        """One for all tests that only read: each collection of Lite costs a tenth of a second."""
        if "fill" in inspect.signature(request.function).parameters:
            return fill(FILES)
        kind = type(self)
        if kind.filled is None:
            kind.filled = fill(FILES)
        return kind.filled

    def test_words_of_some_chunks_are_counted(self, store: ChunkStore, model: Model) -> None:
        assert isinstance(store, CatalogStore)
        for ids in (model.ids, model.ids[::2], model.ids[:3], []):
            among = frozenset(ids)
            some = Model(model.files, [entry for entry in model.entries if entry.id in among])
            chunks, tokens, counts = some.statistics(TERMS)
            assert store.tokens_of(among, {}) == tokens and len(among) == chunks
            assert store.document_frequencies_among(TERMS, among, {}) == counts
        listed = {(file_id, place.path) for file_id, place, _ in store.files_in(None)}
        assert listed == {(file.id, file.path) for file in store.files()}
        assert store.files_in(["none"]) == []
