"""Other processes cut as this one does, and none of their deaths loses more than one file."""

from __future__ import annotations

import gc
import os
import sqlite3
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest

from c2llm.codebase.files.walk import list_files
from c2llm.index.build import cut_pool
from c2llm.index.build.cut_pool import cut_files, worker_command
from c2llm.index.build.cut_worker import send, serve
from c2llm.index.build.cutting import (
    cut_file,
    pack_answer,
    pack_request,
    unpack_answer,
    unpack_request,
)
from c2llm.index.build.refresh import find_stale, refresh_files
from c2llm.index.store.sqlite_store import SqliteStore
from tests.trees import PROJECT, write_tree


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are new interpreters, however few threads this one has; `test_forked` forks."""
    monkeypatch.setattr(cut_pool, "may_fork", lambda: False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    odd = {
        "a/new\nline.py": "def odd():\n    return '\\ud800'\n",
        "bad.py": b"x = '\xff'\n",
        "data.bin.py": b"a\0b",
        "long/" + "n" * 200 + ".py": "y = 1\n",
    }
    many = {f"many/m{i}.go": f"package m\n\nfunc F{i}() int {{ return {i} }}\n" for i in range(90)}
    root = write_tree(tmp_path / "tree", {**PROJECT, **odd, **many})
    (root / os.fsdecode(b"latin\xe9.py")).write_text("z = 1\n")
    return root


def test_a_worker_keeps_no_garbage(tmp_path: Path) -> None:
    """It collects none while it cuts."""
    hostile = {"deep.py": "(" * 5_000, "flat.js": "[" + "," * 50_000, "broken.ipynb": "{"}
    root = write_tree(tmp_path / "tree", {**PROJECT, **hostile})
    requests = BytesIO()
    for file in list_files(root).files:
        send(requests, pack_request([file], {}))
    try:
        serve(BytesIO(requests.getvalue()), BytesIO())  # what is imported on the way leaves cycles
        gc.collect()
        serve(BytesIO(requests.getvalue()), BytesIO())
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_messages_say_what_was_said(tree: Path) -> None:
    files = list_files(tree).files
    known = {files[0].path: b"0123456789abcdef"}
    request = unpack_request(pack_request(files, known))
    assert request == [(file, known.get(file.path, b"")) for file in files]
    cut = [cut_file(file) for file in files]
    assert unpack_answer(pack_answer(cut)) == cut


def test_processes_give_what_this_one_gives_in_the_same_order(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut_pool, "_BATCH_BYTES", 500)
    files = list_files(tree).files
    known = {file.path: cut_file(file).digest for file in files[::3]}
    alone = list(cut_files(files, known, workers=0))
    assert list(cut_files(files, known, workers=3)) == alone
    assert sum(bool(cut.chunks) for cut in alone) > 50


# A worker that dies of what it is given, as of a parser that reads past its tables.
_MORTAL = """
import os
from c2llm.index.build import cutting
from c2llm.index.build import cut_worker
cut = cutting.cut_file
cutting.cut_file = lambda file, known: os._exit(139) if "m7" in file.path else cut(file, known)
cut_worker.main()
"""


def test_a_crash_costs_one_file_and_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut_pool, "_BATCH_BYTES", 400)
    command = [*worker_command("none")[:2], "-c", _MORTAL]
    monkeypatch.setattr(cut_pool, "worker_command", lambda module: command)
    files = list_files(tree).files
    cuts = {cut.path: cut for cut in cut_files(files, {}, workers=2)}
    assert list(cuts) == [file.path for file in files]
    crashed = {path for path, cut in cuts.items() if "crashed" in cut.skipped}
    assert crashed == {path for path in cuts if "m7" in path} and len(crashed) == 11
    assert all(cuts[file.path] == cut_file(file) for file in files if "m7" not in file.path)


def test_workers_that_cannot_start_are_done_without(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [*worker_command("none")[:2], "-c", "raise SystemExit(1)"]
    monkeypatch.setattr(cut_pool, "worker_command", lambda module: command)
    files = list_files(tree).files
    assert list(cut_files(files, {}, workers=2)) == [cut_file(file) for file in files]


def test_nothing_of_the_current_directory_is_run(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path / "evil", {"tree_sitter.py": "open('ran', 'w')", "c2llm/__init__.py": ""})
    monkeypatch.chdir(tmp_path / "evil")
    monkeypatch.setenv("PYTHONPATH", os.pathsep)
    files = list_files(tree).files
    assert list(cut_files(files, {}, workers=1)) == [cut_file(file) for file in files]
    assert not (tmp_path / "evil" / "ran").exists()


def test_an_index_made_by_processes_is_the_same(tree: Path, tmp_path: Path) -> None:
    def rows(workers: int) -> list[tuple[object, ...]]:
        store = SqliteStore(tmp_path / f"{workers}.sqlite")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cut_pool, "PARALLEL_BYTES", 0 if workers else 10**9)
            patch.setattr(cut_pool, "BESIDE_BYTES", 10**9)
            refresh_files(store, find_stale(store, tree))
        store.close()
        with closing(sqlite3.connect(store.path)) as file:
            chunks = file.execute("SELECT * FROM chunks ORDER BY id").fetchall()
            chunks += file.execute("SELECT * FROM blocks ORDER BY id").fetchall()
            return chunks + file.execute("SELECT * FROM skipped").fetchall()

    assert rows(2) == rows(0)
