"""What the ranker knows of a chunk."""

from __future__ import annotations

from typing import Any, cast

import pytest

from c2llm.index.store.records import ChunkFacts
from c2llm.search.query.roles import Role
from c2llm.search.ranking.chunk_facts import FactsCache


class OneChunk:
    """A store that holds one."""

    def __init__(self, row: ChunkFacts) -> None:
        self._row = row

    def facts(self, ids: Any) -> list[ChunkFacts]:
        return [self._row]


@pytest.mark.parametrize("path", ["lib/defaults/index.js", "shop/__init__.py", "src/index.ts"])
@pytest.mark.parametrize(
    ("kind", "roles"), [("module", {Role.REEXPORT}), ("function", set()), ("class", set())]
)
def test_what_an_index_file_defines_itself_is_passed_on_from_nowhere(path, kind, roles):
    row = ChunkFacts(1, 1, path, 1, 9, "javascript", kind, "", "", ())
    (facts,) = FactsCache(cast(Any, OneChunk(row))).of([1])
    assert facts.roles == roles
