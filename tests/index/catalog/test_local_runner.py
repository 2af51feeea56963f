"""Processes that do tasks: the same as done here, whatever becomes of one of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from c2llm.errors import C2LLMError
from c2llm.index.catalog import local_runner
from c2llm.index.catalog.local_runner import LocalRunner
from c2llm.index.catalog.planning import list_repository, tasks_of
from c2llm.index.catalog.reading import read_task
from c2llm.index.catalog.stages import DoneTask, ReadTask
from c2llm.index.catalog.tips import Tip, Tips
from tests.index.catalog.repositories import add, repository

FILES = {f"dir/{n}.py": f"def function_{n}(x):\n    return x + {n}\n" for n in range(7)}
WORKER = """
import os, sys, time
from c2llm.index.catalog import reading, worker

cut = reading.cut_content

def hostile(file, content):
    if b"crash" in content:
        os._exit(139)
    if b"hang" in content:
        time.sleep(1_000)
    return cut(file, content)

reading.cut_content = hostile
worker.main()
"""


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[ReadTask]:
    return tasks_for(repository(tmp_path / "api", FILES), 3, monkeypatch)


def tasks_for(root: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> list[ReadTask]:
    monkeypatch.setattr("c2llm.index.catalog.planning._BLOBS_OF_A_TASK", size)
    catalog = add("org", root)
    (tip,) = Tips(catalog).find(catalog.kept)
    assert isinstance(tip, Tip)
    listing = list_repository(tip)
    return list(tasks_of(listing, list(listing.wanted)))


def in_order(done: list[DoneTask]) -> list[DoneTask]:
    return sorted(done, key=lambda one: one.task.wanted[0].path)


def test_processes_do_what_is_done_here(tasks: list[ReadTask]) -> None:
    assert len(tasks) == 3
    done = in_order(list(LocalRunner(None, workers=2).run(tasks)))
    assert done == [read_task(task) for task in tasks]
    assert [len(one.contents) for one in done] == [3, 3, 1]


def test_a_table_embeds_everything_to_the_last_bit_however_it_is_cut_into_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = repository(tmp_path / "api", FILES)
    vectors: list[dict[bytes, bytes]] = []
    for size in (2, 7):
        found: dict[bytes, bytes] = {}
        for done in LocalRunner("c2llm-nano", workers=1).run(tasks_for(root, size, monkeypatch)):
            found.update(done.vectors["c2llm-nano"])
        vectors.append(found)
    assert vectors[0] == vectors[1] and len(vectors[0]) == len(FILES)


@pytest.mark.parametrize("trick", ["crash", "hang"])
def test_a_file_that_ends_its_process_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trick: str
) -> None:
    monkeypatch.setattr(local_runner, "worker_command", lambda *_: [sys.executable, "-c", WORKER])
    root = repository(tmp_path / "api", {**FILES, "dir/3.py": f"x = '{trick}'\n"})
    tasks = tasks_for(root, 4, monkeypatch)
    runner = LocalRunner(None, workers=1, seconds=3.0 if trick == "hang" else 300.0)
    done = list(runner.run(tasks))
    failed = {path: why for one in done for path, why in one.failed.items()}
    assert failed.keys() == {"dir/3.py"} and failed["dir/3.py"].startswith("cannot be cut (")
    cut = {content.first.path for one in done for content in one.contents}
    assert cut == FILES.keys() - {"dir/3.py"}


def test_processes_that_cannot_be_started(
    tasks: list[ReadTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_runner, "worker_command", lambda *_: [sys.executable, "-c", ""])
    with pytest.raises(C2LLMError, match="cannot be started"):
        list(LocalRunner(None, workers=1).run(tasks))


def test_what_is_not_taken_any_more_is_ended(tasks: list[ReadTask]) -> None:
    running = LocalRunner(None, workers=1).run(iter(tasks))
    assert next(running).contents
    running.close()
    taken: list[ReadTask] = []

    def watched() -> object:
        for task in tasks:
            taken.append(task)
            yield task

    assert list(LocalRunner(None, workers=1).run(watched(), lambda: True)) == []  # type: ignore[arg-type]
    assert taken == []


def test_what_git_lacks_is_named(tasks: list[ReadTask], tmp_path: Path) -> None:
    odd = tasks[0].wanted[0]._replace(blob="0" * 40, path="gone.py")
    task = ReadTask("api", tasks[0].folder, (odd, *tasks[0].wanted))
    done = read_task(task)
    assert done.failed == {"gone.py": "git lacks 000000000000"} and len(done.contents) == 3
    nowhere = read_task(ReadTask("api", str(tmp_path / "nowhere"), tasks[0].wanted))
    assert len(nowhere.failed) == 3 and not nowhere.contents
