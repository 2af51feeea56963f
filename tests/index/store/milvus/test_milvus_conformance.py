"""The Milvus store of a catalog does what every one does."""

from __future__ import annotations

import inspect

import pytest

from c2llm.index.store.chunk_store import ChunkStore
from tests.index.store.catalog.catalog_conformance import (
    CatalogAnswers,
    CatalogConformance,
    Opened,
)
from tests.index.store.conformance import FILES, Fill


class TestMilvusCatalog(CatalogConformance):
    @pytest.fixture
    def opened(self, opened: Opened) -> Opened:
        return opened


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
