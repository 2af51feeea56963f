"""An agent asks what a catalog keeps: paths of answers are paths of questions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from c2llm.encoding.encoder_handle import EncoderHandle
from c2llm.encoding.model_folder import shipped_models
from c2llm.errors import UsageError
from c2llm.index.catalog.catalogs import Candidate, add_to_catalog, catalog_folder
from c2llm.index.catalog.embedding import embed_catalog
from c2llm.index.store.catalog.opening import open_catalog_store
from c2llm.search.request import SearchRequest
from c2llm.serving.mcp import tools
from c2llm.serving.open_catalogs import OpenCatalogs
from c2llm.serving.open_indexes import OpenIndexes
from c2llm.serving.roots import Roots
from tests.search.catalog_trees import fill
from tests.search.test_catalog_index import HIDDEN, OPEN, SECRET
from tests.serving.conftest import home, repository

__all__ = ["home"]

MODEL = "c2llm-nano"
pytestmark = pytest.mark.skipif(MODEL not in shipped_models(), reason="no shipped models")


@pytest.fixture
def catalogs(home: Path, tmp_path: Path) -> Iterator[OpenCatalogs]:
    live = repository(tmp_path / "live", {"retry.go": "package x\n\nfunc retryLater() {}\n"})
    kept = [Candidate((name,), path=f"/srv/{name}") for name in [*HIDDEN, *OPEN]]
    add_to_catalog("work", [*kept, Candidate(("live",), path=str(live), live=True)])
    catalog_folder("work").mkdir(mode=0o700, parents=True)
    store = open_catalog_store(catalog_folder("work"))
    fill(store, {**HIDDEN, **OPEN})
    embed_catalog(store, EncoderHandle(MODEL))
    store.close()
    opened = OpenCatalogs(model=MODEL)
    yield opened
    opened.close_idle()


def search(catalogs: OpenCatalogs, path: str, query: str) -> str:
    indexes, scope = OpenIndexes(MODEL), Roots()
    kept = scope.kept(path)
    assert kept is not None
    request = SearchRequest(query, callers=True)
    try:
        return tools.search(indexes, scope.places(path), request, 2_000, kept=(catalogs, kept))
    finally:
        indexes.close()


def test_kept_and_live_repositories_answer_together(catalogs: OpenCatalogs) -> None:
    told = search(catalogs, "@work", "retry")
    assert "@work:acme/api/lib/retry.py:1-" in told and "live/retry.go:" in told
    assert "and in 3 other places" in told
    assert "[@work: 4 repositories as of their last refresh; " in told


def test_a_repository_that_was_not_read_is_named(catalogs: OpenCatalogs) -> None:
    add_to_catalog("work", [Candidate(("later",), path="/srv/later")])
    told = search(catalogs, "@work:later", "retry")
    assert "later has not been read: c2llm catalog refresh work" in told
    assert "[@work: 0 repositories as of their last refresh; 0 files" in told
    assert "[@work: 1 repository as of its last refresh; " in search(
        catalogs, "@work:beta/web", "a"
    )


def test_a_path_of_an_answer_is_read_and_compared(catalogs: OpenCatalogs) -> None:
    told = search(catalogs, "@work:acme/*", "backed off retry")
    found = re.search(r"(@work:acme/api/lib/retry\.py):(\d+)", told)
    assert found is not None and "beta/web" not in told
    kept = Roots().kept(found[1])
    assert kept is not None
    lines = tools.read_kept(catalogs, kept, 1, 2)
    assert "def backed_off_retry" in lines and "as of its last refresh" in lines
    indexes = OpenIndexes(MODEL)
    alike = tools.similar_kept(indexes, catalogs, kept, 2, SearchRequest("code"), 1_000)
    assert "acme/fork" in alike or "client.py" in alike
    assert "acme/api/lib/retry.py:1-" not in alike  # it is no answer to itself


def test_what_is_named_is_all_that_is_seen(catalogs: OpenCatalogs) -> None:
    for path in ("@work:acme/*,beta/web", "@work:acme", "@work:acme/api/lib"):
        told = search(catalogs, path, SECRET)
        assert "hush" not in told and f"{SECRET}(" not in told
        assert f"No indexed file contains {SECRET}" in told


def test_status_tells_of_kept_repositories(catalogs: OpenCatalogs) -> None:
    kept = Roots().kept("@work")
    assert kept is not None
    told = tools.status_kept(kept)
    assert "kept: 4 repositories, 10 files" in told


def test_what_is_not_there_is_said(catalogs: OpenCatalogs) -> None:
    with pytest.raises(UsageError, match="No repository of @work is called nobody"):
        Roots().kept("@work:nobody")
    with pytest.raises(UsageError, match="No catalog is named 'other'"):
        Roots().kept("@other")
    kept = Roots().kept("@work:acme/api/nothing.py")
    assert kept is not None
    with pytest.raises(UsageError, match=r"There is no file .nothing\.py. in acme/api"):
        tools.read_kept(catalogs, kept, 1, None)
