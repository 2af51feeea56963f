"""A case is copied to a neutral place and searched there, with the default mode and by words."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from c2llm.search.answer import Hit
from c2llm.search.code_index import CodeIndex
from c2llm.search.request import Mode, SearchRequest

Ask = Callable[..., list[Hit]]
CASES = Path(__file__).parent


@pytest.fixture(params=["lexical", "hybrid"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Both, so that no answer hangs on the vectors or is spoiled by them."""
    mode: Mode = request.param
    return mode


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Indexes of these tests alone."""
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path / "home"


@pytest.fixture
def opened(tmp_path: Path, home: Path, mode: Mode) -> Iterator[Callable[[str], CodeIndex]]:
    """Opens the index of a copy of a case."""
    indexes: list[CodeIndex] = []

    def open_case(name: str) -> CodeIndex:
        root = tmp_path / "project"
        shutil.copytree(CASES / name, root)
        embed = "none" if mode == "lexical" else "candidates"
        indexes.append(CodeIndex.open(root, "c2llm-nano", embed=embed))
        return indexes[-1]

    yield open_case
    for index in indexes:
        index.close()


@pytest.fixture
def ask(mode: Mode) -> Ask:
    """Asks an index in the mode of the test."""

    def first(index: CodeIndex, query: str, **options: object) -> list[Hit]:
        return list(index.answer(SearchRequest(query, mode=mode, **options)).hits)  # type: ignore[arg-type]

    return first
