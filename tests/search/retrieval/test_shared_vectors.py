"""Vectors of a catalog are in memory once, whoever may see which of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from c2llm.index.store.catalog.sqlite_catalog import SqliteCatalog
from c2llm.index.store.catalog.visible_store import VisibleStore
from c2llm.search.retrieval.shared_vectors import CatalogVectors, _of, forget_vectors
from tests.search.catalog_trees import fill
from tests.trees import WordEncoder

TREES = {
    "acme/api": {"retry.py": "def retry(call):\n    return call()\n"},
    "beta/web": {"route.py": "def route(path):\n    return path\n"},
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteCatalog]:
    with closing(SqliteCatalog(tmp_path / "store.sqlite")) as store:
        fill(store, TREES, WordEncoder("table"))
        yield store
    forget_vectors()


def found(store: SqliteCatalog, repositories: Collection[str] | None) -> tuple[set[int], object]:
    known = store.model_id("table")
    assert known is not None
    vectors = CatalogVectors(VisibleStore(store, repositories))
    query = WordEncoder("table").encode_queries(["retry"])[0]
    similar = vectors.similarities(known[0], lambda: np.asarray(query, np.float32))
    return set(similar.ids.tolist()), _of(store).matrices[known[0]]


def test_each_sees_his_own_of_vectors_that_are_read_once(
    store: SqliteCatalog, tmp_path: Path
) -> None:
    whole, matrix = found(store, None)
    with closing(SqliteCatalog(tmp_path / "store.sqlite")) as other:
        assert found(other, ["acme/api"]) == (store.chunks_in(["acme/api"]), matrix)
        assert found(other, []) == (set(), matrix)
    assert whole == store.chunks_in(list(TREES))


def test_what_another_has_written_is_read_again(store: SqliteCatalog) -> None:
    before, matrix = found(store, None)
    store.remove_repository("beta/web")
    after, again = found(store, None)
    assert after == before & store.chunks_in(["acme/api"]) and again is not matrix


def test_stores_of_one_server_are_one() -> None:
    class Connected:
        def __init__(self, location: str) -> None:
            self.location = location

    one, same, other = Connected("milvus://a"), Connected("milvus://a"), Connected("milvus://b")
    assert _of(one) is _of(same)  # type: ignore[arg-type]
    assert _of(one) is not _of(other)  # type: ignore[arg-type]
    forget_vectors()
