"""Processes killed at moments drawn by chance lose nothing, and nobody answers what was before."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from c2llm.index.store.location import index_file
from c2llm.search.code_index import CodeIndex
from tests.index.build.test_refresh import contents, fresh_contents
from tests.trees import WordEncoder, write_tree

pytestmark = pytest.mark.slow
HERE = Path(__file__).parents[3]
_BUILD = """
import sys
from c2llm.index.build import refresh as build
from c2llm.search.code_index import CodeIndex
from tests.trees import WordEncoder

build._FILES_PER_TRANSACTION = 3
build._CHARACTERS_PER_TRANSACTION = 200
print("begun", flush=True)
if sys.argv[2] == "clear":
    from c2llm.index.store.location import index_file, remove_index
    from pathlib import Path
    remove_index(index_file(Path(sys.argv[1])))
table = WordEncoder("table", "table-1")
with CodeIndex.open(sys.argv[1], encoder=WordEncoder(), table=table, embed=sys.argv[2].replace(
        "clear", "all"), rebuild=sys.argv[3] == "rebuild") as index:
    index.search("job 3")
    index.complete()
"""
_CHANGE_AND_ASK = """
import random, sys
from pathlib import Path
from c2llm.search.code_index import CodeIndex
root, number = Path(sys.argv[1]), int(sys.argv[2])
rng = random.Random(number)
for turn in range(int(sys.argv[3])):
    name = f"own{number}_{turn}"
    (root / f"{name}.py").write_text(f"def {name}():\\n    return {rng.random()}\\n")
    if turn:
        (root / f"own{number}_{turn - 1}.py").unlink()
    with CodeIndex.open(root, embed="none") as index:
        found = {hit.path for hit in index.search(f"{name}", 3, "lexical")}
        assert f"{name}.py" in found, (name, found)
        gone = {hit.path for hit in index.search(f"own{number}_{turn - 1}", 20, "lexical")}
        assert f"own{number}_{turn - 1}.py" not in gone, (name, gone)
"""


def command(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def test_killed_at_any_moment(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(17)
    root = write_tree(
        tmp_path / "p", {f"m{i}.py": f"def job_{i}(x):\n    return x * {i}\n" for i in range(60)}
    )
    for turn in range(40):
        for number in rng.sample(range(60), 12):
            (root / f"m{number}.py").write_text(f"def job_{number}_{turn}(x):\n    return {turn}\n")
        embed = rng.choice(["all", "all", "candidates", "clear"])
        process = subprocess.Popen(
            command(_BUILD, root, embed, rng.choice(["", "", "rebuild"])),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=HERE,
        )
        assert process.stdout is not None and process.stdout.readline() == b"begun\n"
        time.sleep(rng.random() * 0.4)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if index_file(root).exists() and turn % 4 == 0:
            connection = sqlite3.connect(index_file(root))
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            connection.close()
    with CodeIndex.open(root, encoder=WordEncoder(), embed="all") as index:
        assert index.is_complete()
        assert index._store.is_marked(index._model_id())
    # A table took part in some of the builds; what it left is none of this model's.
    with CodeIndex.open(root, encoder=WordEncoder(), embed="all") as index, index._store.writing():
        known = index._store.model_id("table")
        if known is not None:
            index._store.forget_vectors(known[0])
    assert contents(root) == fresh_contents(root, monkeypatch, home)


def test_many_processes_never_answer_what_was_before(tmp_path: Path, home: Path) -> None:
    root = write_tree(
        tmp_path / "p", {f"m{i}.py": f"def job_{i}(x):\n    return x * {i}\n" for i in range(40)}
    )
    processes = [
        subprocess.Popen(
            command(_CHANGE_AND_ASK, root, number, 12), stderr=subprocess.PIPE, cwd=HERE
        )
        for number in range(8)
    ]
    for process in processes:
        assert (process.communicate()[1], process.returncode) == (b"", 0)
