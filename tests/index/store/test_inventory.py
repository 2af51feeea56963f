"""All indexes of a user: listed with sizes, removed when their tree is gone or room is short."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from c2llm.cli.main import main
from c2llm.index.store.inventory import kept_indexes, make_room, most_bytes
from c2llm.index.store.location import all_index_files, index_file
from c2llm.index.store.lock import holding
from c2llm.search.code_index import CodeIndex
from tests.trees import write_tree


@pytest.fixture
def trees(tmp_path: Path, home: Path) -> list[Path]:
    """Four indexed directories, the first used last."""
    roots = []
    for number, name in enumerate("abcd"):
        root = write_tree(tmp_path / name, {"x.py": f"def {name}():\n    return 1\n"})
        with CodeIndex.open(root, embed="none"):
            pass
        os.utime(index_file(root), (0, 1_700_000_000 - number))
        roots.append(root)
    return roots


def test_they_are_listed_the_last_used_first(trees: list[Path]) -> None:
    before = {path: path.stat().st_mtime_ns for path in all_index_files()}
    shutil.rmtree(trees[2])
    kept = kept_indexes()
    assert [one.root for one in kept] == [str(root) for root in trees]
    assert [one.vanished for one in kept] == [False, False, True, False]
    assert {(one.files, one.chunks, one.state) for one in kept} == {(1, 1, "ok")}
    assert all(one.size_bytes >= Path(one.index_file).stat().st_size > 0 for one in kept)
    assert {path: path.stat().st_mtime_ns for path in all_index_files()} == before


def test_an_index_that_cannot_be_read_is_listed_too(trees: list[Path]) -> None:
    index_file(trees[1]).write_bytes(b"garbage" * 1_000)
    found = {one.index_file: one for one in kept_indexes()}[str(index_file(trees[1]))]
    assert (found.root, found.files, found.vanished) == (None, None, False)
    assert "damaged" in found.state


def test_clear_vanished(trees: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(trees[1])
    trees[3].rename(trees[3].with_name("moved"))
    main(["status", "--all"])
    told = capsys.readouterr().out
    assert told.count("(gone)") == 2 and "c2llm clear --vanished" in told
    main(["clear", "--vanished", "--json"])
    removed = json.loads(capsys.readouterr().out)["removed"]
    assert sorted(removed) == sorted(str(index_file(trees[i])) for i in (1, 3))
    assert set(all_index_files()) == {index_file(trees[0]), index_file(trees[2])}
    main(["clear", "--vanished"])
    assert capsys.readouterr().out == "There is no index to remove.\n"
    with pytest.raises(SystemExit) as left:
        main(["clear", "--vanished", "--all"])
    assert left.value.code == 2


def test_what_was_not_used_for_long_makes_room(
    trees: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = index_file(trees[0]).stat().st_size
    monkeypatch.setattr("c2llm.index.store.inventory.most_bytes", lambda: int(2.5 * size))
    told: list[str] = []
    with holding(index_file(trees[2]), "using", 0.0, shared=True):  # a search of another process
        removed = make_room(index_file(trees[3]), told.append)
    assert removed == [index_file(trees[1]), index_file(trees[0])]
    assert set(all_index_files()) == {index_file(trees[2]), index_file(trees[3])}
    assert len(told) == 2 and all("C2LLM_INDEX_MB" in line for line in told)


def test_a_build_makes_room_and_using_counts(
    trees: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = index_file(trees[0]).stat().st_size
    monkeypatch.setattr("c2llm.index.store.inventory.most_bytes", lambda: int(3.5 * size))
    with CodeIndex.open(trees[3], embed="none"):  # it was the oldest until now
        write_tree(trees[1], {"new.py": "def more():\n    return 1\n"})
        with CodeIndex.open(trees[1], embed="none"):
            pass
    left = set(all_index_files())
    assert {index_file(trees[1]), index_file(trees[3])} <= left
    assert index_file(trees[2]) not in left


@pytest.mark.parametrize(
    ("value", "limit"),
    [("", 10_000), ("5", 5), ("0", 0), ("-3", 0), ("much", 10_000)],
)
def test_the_limit_is_a_setting(monkeypatch: pytest.MonkeyPatch, value: str, limit: int) -> None:
    monkeypatch.setenv("C2LLM_INDEX_MB", value)
    assert most_bytes() == limit * 1_000_000


def test_an_older_version_is_told_by_status(
    trees: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("c2llm.index.store.schema.SCHEMA_VERSION", 999)
    assert {one.state for one in kept_indexes()} == {"older version"}
    main(["status", str(trees[0])])
    assert "of an older version, which the next search redoes" in capsys.readouterr().out
    main(["search", "a", str(trees[0]), "--mode", "lexical"])
    told = capsys.readouterr()
    assert "x.py" in told.out and told.err.count("\n") == 1 and "older version" in told.err
