"""The rest is embedded by one process that nobody waits for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from c2llm.index.store.lock import embedding, holding, is_held
from c2llm.search import background_embedding as background
from c2llm.search.code_index import CodeIndex
from tests.trees import WordEncoder, write_tree


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    files = {f"m{i}.py": f"def job_{i}(x):\n    return x * {i}\n" for i in range(40)}
    return write_tree(tmp_path / "modules", {**files})


def test_one_process_an_index(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_: started.append(command))
    with CodeIndex.open(modules, encoder=WordEncoder(), embed="candidates") as index:
        with holding(index.file, "embedding", 0.0) as held:
            assert held and not background.start(index)
        assert background.start(index)
        assert started[0][-2:] == [str(modules), "words"]
        assert "-P" in started[0]  # nothing of the searched directory may run
        index.complete()
        assert not background.start(index)  # nothing is left to do
    assert len(started) == 1


def test_it_makes_way_for_whoever_wants_to_wait(modules: Path) -> None:
    with CodeIndex.open(modules, encoder=WordEncoder(), embed="candidates") as index:
        asked = 0

        def stop() -> bool:
            nonlocal asked
            asked += 1
            return asked > 2

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("c2llm.index.build.refresh._CHARACTERS_PER_TRANSACTION", 100)
            done = index.complete(stop)
        assert 0 < done == index.counts().embedded < 40
        with embedding(index.file, give_way=False):
            assert index.complete(lambda: False) == 0  # another one is at it
        index.complete()
        assert index.is_complete() and index.counts().embedded == 40


_WAITS = """
import sys
from pathlib import Path
from c2llm.index.store.lock import embedding
with embedding(Path(sys.argv[1]), give_way=False) as held:
    print("held", held, flush=True)
"""


def test_the_one_that_waits_is_seen_and_served(modules: Path) -> None:
    with CodeIndex.open(modules, encoder=WordEncoder(), embed="candidates") as index:
        pass
    assert not is_held(index.file, "wanted")
    with embedding(index.file, give_way=True) as held:
        assert held
        waiting = subprocess.Popen(
            [sys.executable, "-c", _WAITS, str(index.file)], stdout=subprocess.PIPE, text=True
        )
        while not is_held(index.file, "wanted"):  # ends when the process has come so far
            assert waiting.poll() is None
    assert waiting.communicate()[0] == "held True\n"


_DIES = """
import os, sys
from pathlib import Path
from c2llm.index.store.lock import holding
with holding(Path(sys.argv[1]), sys.argv[2], 0.0) as held:
    print(held, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("job", ["refreshing", "embedding", "wanted", "watching"])
def test_a_killed_process_leaves_no_lock(tmp_path: Path, job: str) -> None:
    file = tmp_path / "index.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-c", _DIES, str(file), job],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "True\n"
    assert is_held(file, job)  # type: ignore[arg-type]
    process.kill()
    process.communicate()
    assert not is_held(file, job)  # type: ignore[arg-type]
