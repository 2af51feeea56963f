"""Vectors are compared here, or by a store that does it itself: the answers are the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from c2llm.index.store.quantized import unpack
from c2llm.index.store.sqlite_store import SqliteStore
from c2llm.search.code_index import CodeIndex
from c2llm.search.retrieval.dense import DenseRetriever
from tests.trees import PROJECT, WordEncoder, write_tree

QUERIES = ("retry with backoff", "settings of toml", "client connection")


class SearchingStore(SqliteStore):
    """It compares vectors itself."""

    def nearest(
        self, model_id: int, query: Callable[[], NDArray[np.float32]], limit: int
    ) -> list[tuple[int, float]] | None:
        rows = self.vectors(model_id)
        cosines = unpack([row for _, row in rows]).dot(query()) if rows else []
        found = [(row[0], float(cosine)) for row, cosine in zip(rows, cosines, strict=True)]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:limit]


@pytest.fixture
def store(tmp_path: Path) -> SearchingStore:
    root = write_tree(tmp_path / "tree", dict(PROJECT))
    with CodeIndex.open(root, encoder=WordEncoder()) as index:
        index.complete()
        path = index.file
    return SearchingStore(path)


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_a_store_that_searches_vectors_is_asked(
    store: SearchingStore, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("c2llm.search.retrieval.dense._NEAREST", limit)
    scanned, told = DenseRetriever(SqliteStore(store.path)), DenseRetriever(store)
    ids = [chunk_id for chunk_id, _ in store.texts()]
    for query in WordEncoder().encode_queries(QUERIES):
        expected = scanned.similarities(1, lambda query=query: query)  # type: ignore[misc]
        found = told.similarities(1, lambda query=query: query, ids[:2])  # type: ignore[misc]
        assert dict(found.best(limit)) == pytest.approx(dict(expected.best(limit)), abs=1e-6)
        assert found.of(ids) == pytest.approx(expected.of(ids), abs=1e-6)
        assert {*ids[:2]} <= {*found.ids.tolist()} and len(found.ids) <= limit + 2
        groups = [ids[:2], ids[2:], []]
        merged = told.merged(1, query, groups)
        assert merged == pytest.approx(scanned.merged(1, query, groups), abs=1e-6)
        assert told._matrices == {}  # nothing was read but what was asked for


class SamplingStore(SearchingStore):
    """It gives a sample too."""

    def sampled(self, model_id: int, limit: int) -> list[tuple[int, bytes]]:
        return sorted(self.vectors(model_id))[:limit]


def test_a_sample_says_how_far_the_nearest_stand_out(
    store: SearchingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("c2llm.search.retrieval.dense._NEAREST", 3)
    query = WordEncoder().encode_queries(QUERIES)[0]
    assert DenseRetriever(store).similarities(1, lambda: query).contrast() is None
    sampling = SamplingStore(store.path)
    of_sample = dict(sampling.sampled(1, 3))
    cosines = unpack(list(of_sample.values())).dot(query)
    found = DenseRetriever(sampling).similarities(1, lambda: query)
    expected = (found.similarities.max() - cosines.mean()) / cosines.std()
    assert len(of_sample) == 3 and found.contrast() == pytest.approx(float(expected))
    monkeypatch.setattr("c2llm.search.retrieval.dense._NEAREST", 1_000)
    scanned = DenseRetriever(SqliteStore(store.path)).similarities(1, lambda: query)
    whole = DenseRetriever(sampling).similarities(1, lambda: query)
    assert whole.contrast() == pytest.approx(scanned.contrast(), abs=1e-4)


def test_a_scan_reads_vectors_before_the_query_is_there(store: SearchingStore) -> None:
    """The model may still be loading meanwhile."""
    scanned = DenseRetriever(SqliteStore(store.path))

    def query() -> NDArray[np.float32]:
        assert scanned._matrices
        vector: NDArray[np.float32] = WordEncoder().encode_queries(QUERIES)[0]
        return vector

    assert len(scanned.similarities(1, query).ids) == store.chunk_count()
