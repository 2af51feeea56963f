"""Milvus Lite, once for a module: each store is a catalog of its own in it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.index.store.catalog.catalog_conformance import Opened

NEEDS = "pymilvus and milvus-lite are not installed; make test-milvus has them"


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The path of a Lite database, let go of at the end."""
    pytest.importorskip("pymilvus", reason=NEEDS)
    pytest.importorskip("milvus_lite", reason=NEEDS)
    path = tmp_path_factory.mktemp("lite") / "catalog.db"
    yield path
    from milvus_lite.server_manager import server_manager_instance

    server_manager_instance.release_server(str(path))


_numbers = count()


@pytest.fixture
def opened(lite: Path) -> Opened:
    """Opens a new and empty store each time it is called."""
    from c2llm.index.store.milvus.location import parse_location
    from c2llm.index.store.milvus.milvus_catalog import MilvusCatalog

    def open_next() -> MilvusCatalog:
        return MilvusCatalog(parse_location(f"{lite}?name=c{next(_numbers)}"))

    return open_next
