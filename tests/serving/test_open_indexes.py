from __future__ import annotations

import shutil
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from c2llm.errors import C2LLMError, IndexCorruptError, NothingToIndexError
from c2llm.index.build import first_files
from c2llm.index.store.location import index_file
from c2llm.index.store.lock import holding
from c2llm.search.request import SearchRequest
from c2llm.serving.mcp import tools
from c2llm.serving.open_indexes import BusyError, OpenIndexes
from c2llm.serving.roots import Place
from tests.serving.conftest import repository
from tests.trees import write_tree

MODEL = "c2llm-nano"


def asked(indexes: OpenIndexes, *roots: Path, query: str = "retry with backoff") -> list[str]:
    with indexes.lent(roots, seconds=30.0) as (found, _):
        return [hit.path for index in found for hit in index.search(query)]


def test_an_index_stays_open_and_fresh(project: Path) -> None:
    indexes = OpenIndexes(MODEL)
    assert "src/net/retry.py" in asked(indexes, project)
    with indexes.lent([project], seconds=30.0) as (found, _):
        first = found[0]
    write_tree(project, {"src/q.py": "def quaternion_slerp(): ...\n"})
    with indexes.lent([project], seconds=30.0) as (found, _):
        assert found[0] is first
        assert first.search("quaternion slerp")[0].path == "src/q.py"


def test_few_stay_open(tmp_path: Path) -> None:
    indexes = OpenIndexes(MODEL, most_open=2)
    roots = [repository(tmp_path / name, {"a.py": "def retry(): ...\n"}) for name in "abcd"]
    for root in roots:
        asked(indexes, root)
    assert [indexes.is_open(root) for root in roots] == [False, False, True, True]
    asked(indexes, roots[2])
    asked(indexes, roots[0])
    assert [indexes.is_open(root) for root in roots] == [True, False, True, False]
    assert len(asked(indexes, *roots)) == 4  # all of them at once are no more than a request wants
    assert sum(indexes.is_open(root) for root in roots) == 2


def test_what_nobody_asks_is_closed(project: Path) -> None:
    indexes = OpenIndexes(MODEL)
    asked(indexes, project)
    indexes.close_idle(1_000.0)
    assert indexes.is_open(project)
    with indexes.lent([project], seconds=30.0):
        indexes.close_idle(0.0)
        assert indexes.is_open(project)
    indexes.close_idle(0.0)
    assert not indexes.is_open(project)
    assert asked(indexes, project)


def test_one_request_at_a_time_uses_an_index(project: Path) -> None:
    indexes = OpenIndexes(MODEL)
    asked(indexes, project)
    with indexes.lent([project], seconds=30.0):
        refused: list[BaseException] = []

        def other() -> None:
            try:
                with indexes.lent([project], seconds=0.0):
                    pass
            except BusyError as error:
                refused.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert "ask again" in str(refused[0])
        with indexes.as_they_are([project]) as (found, told):
            assert found[0].search("retry with backoff") and "ask again" in told[0]


def test_requests_for_the_same_indexes_do_not_wait_for_each_other(tmp_path: Path) -> None:
    indexes = OpenIndexes(MODEL)
    one, two = (
        repository(tmp_path / name, {"a.py": "def retry_with_backoff(): ...\n"}) for name in "ab"
    )
    found: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda pair=pair: found.append(asked(indexes, *pair)))
        for pair in [(one, two), (two, one)] * 6
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 12 and all(len(paths) == 2 for paths in found)


def test_while_another_process_writes_the_older_index_answers(project: Path) -> None:
    indexes = OpenIndexes(MODEL)
    asked(indexes, project)
    write_tree(project, {"src/q.py": "def quaternion_slerp(): ...\n"})
    with (
        holding(index_file(project), "refreshing", 0.0) as held,
        indexes.lent([project], seconds=0.0) as (found, notes),
    ):
        assert held and found[0].stale_files == 1
        assert any("older" in note for note in notes)
    with indexes.lent([project], seconds=30.0) as (found, notes):
        assert found[0].stale_files == 0 and notes == []


def test_the_first_files_that_another_process_reads_are_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_files, "AT_ONCE_FILES", 2)
    monkeypatch.setenv("C2LLM_BACKGROUND", "0")
    names = ("retry", "parse", "render", "other")
    tree = repository(tmp_path / "t", {f"{name}.py": f"def {name}(): ...\n" for name in names})
    indexes = OpenIndexes(MODEL)
    with indexes.lent([tree], seconds=30.0) as (found, _):  # looks at the tree, and reads nothing
        assert found[0].unread_files == 4 and not found[0].counts().files
    lock = ExitStack()
    assert lock.enter_context(holding(index_file(tree), "refreshing", 0.0))
    threading.Timer(4.0, lock.close).start()
    text = tools.search(indexes, [Place(tree)], SearchRequest("retry"), 1_000)
    assert "retry.py:1-1" in text and "this answer is older" not in text


def test_what_is_told_while_an_index_answers_goes_with_that_answer(project: Path) -> None:
    indexes = OpenIndexes(MODEL)
    with indexes.lent([project], seconds=30.0) as (found, notes):
        found[0]._note("This answer is older.")
        assert notes == ["This answer is older."]
    with indexes.lent([project], seconds=30.0) as (_, notes):
        assert notes == []


def test_nothing_made_yet_is_said(project: Path) -> None:
    with (
        pytest.raises(BusyError, match="Nothing can be answered"),
        OpenIndexes(MODEL).as_they_are([project]),
    ):
        pass
    assert not index_file(project).exists()


def test_a_root_without_source_is_told(tmp_path: Path, project: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    indexes = OpenIndexes(MODEL)
    with pytest.raises(NothingToIndexError):
        asked(indexes, empty)
    with indexes.lent([empty, project], seconds=30.0) as (found, notes):
        assert [index.root for index in found] == [project]
        assert "nothing to search" in notes[0]


def test_a_root_that_goes_and_comes_back(project: Path, tmp_path: Path) -> None:
    indexes = OpenIndexes(MODEL)
    asked(indexes, project)
    shutil.move(project, tmp_path / "away")
    with pytest.raises(C2LLMError, match="not there any more"):
        asked(indexes, project)
    shutil.move(tmp_path / "away", project)
    assert "src/net/retry.py" in asked(indexes, project)


def test_a_damaged_index_is_told_and_no_other_suffers(project: Path, tmp_path: Path) -> None:
    other = repository(tmp_path / "other", {"a.py": "def retry_with_backoff(): ...\n"})
    indexes = OpenIndexes(MODEL)
    asked(indexes, project)
    indexes.close()
    index_file(project).write_bytes(b"no database" * 1_000)
    with pytest.raises(IndexCorruptError):
        asked(indexes, project)
    assert asked(indexes, other) == ["a.py"]
