"""Where the index lives, and what is said when it cannot be used."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from c2llm.errors import C2LLMError, IndexCorruptError, UsageError
from c2llm.index.build.index_status import read_status
from c2llm.index.store import schema
from c2llm.index.store.location import all_index_files, cache_home, index_file, remove_index
from c2llm.search.code_index import CodeIndex
from tests.trees import WordEncoder, write_tree


def build(root: Path) -> Path:
    with CodeIndex.open(root, encoder=WordEncoder(), embed="all") as index:
        return index.file


def test_the_index_is_outside_of_the_tree(project: Path, home: Path) -> None:
    before = sorted(project.rglob("*"))
    file = build(project)
    assert sorted(project.rglob("*")) == before
    assert file.parent == home / "indexes"
    assert file.name.startswith("project-")
    assert all_index_files() == [file]


def test_roots_of_one_name_have_their_own(tmp_path: Path) -> None:
    assert index_file(tmp_path / "a" / "repo") != index_file(tmp_path / "b" / "repo")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert index_file(tmp_path / "link" / "repo") == index_file(tmp_path / "a" / "repo")


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("C2LLM_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_home() == tmp_path / "xdg" / "c2llm" / "indexes"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_home() == tmp_path / ".cache" / "c2llm" / "indexes"


def test_removing_leaves_nothing_but_locks(project: Path, home: Path) -> None:
    file = build(project)
    assert remove_index(file)
    assert {path.suffix for path in (home / "indexes").iterdir()} == {".lock"}
    assert not remove_index(file)


@pytest.mark.parametrize(
    "damage",
    [
        b"this is not a database, and it is longer than a header " * 100,
        b"SQLite format 3\0" + b"\xff" * 5_000,
    ],
)
def test_a_damaged_file_is_told_and_kept(project: Path, damage: bytes) -> None:
    file = build(project)
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    file.write_bytes(damage)
    for attempt in (lambda: build(project), lambda: read_status(project, "words")):
        with pytest.raises(IndexCorruptError, match="index --rebuild") as caught:
            attempt()
        assert str(file) in str(caught.value)
        assert str(caught.value).count("\n") == 0
    assert file.read_bytes() == damage
    with CodeIndex.open(project, encoder=WordEncoder(), rebuild=True, embed="all") as index:
        assert index.search("retry_with_backoff", 1)[0].path == "src/net/retry.py"


def test_damage_in_the_middle_is_told_when_it_is_met(project: Path) -> None:
    write_tree(project, {f"m{i}.py": f"def f{i}():\n    return {i}\n" * 40 for i in range(60)})
    file = build(project)
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    content = bytearray(file.read_bytes())
    content[8_192:] = b"\xa5" * (len(content) - 8_192)
    file.write_bytes(content)
    with (
        pytest.raises(IndexCorruptError, match="index --rebuild"),
        CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index,
    ):
        index.search("f3", 5)


def test_another_program_s_database_is_not_touched(project: Path) -> None:
    file = build(project)
    remove_index(file)
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE precious (x)")
    other.commit()
    other.close()
    with pytest.raises(IndexCorruptError):
        build(project)
    kept = sqlite3.connect(file)
    assert kept.execute("SELECT name FROM sqlite_master").fetchall() == [("precious",)]


def test_an_empty_file_is_an_index_that_was_never_begun(project: Path) -> None:
    file = index_file(project)
    file.parent.mkdir(parents=True)
    file.touch()
    assert build(project) == file


def test_an_older_schema_is_redone_and_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(project)
    monkeypatch.setattr(schema, "SCHEMA_VERSION", schema.SCHEMA_VERSION + 1)
    status = read_status(project, "words")
    assert (status.indexed, status.changed) == (False, 5)
    notes: list[str] = []
    with CodeIndex.open(project, encoder=WordEncoder(), note=notes.append, embed="all") as index:
        assert index.last_refresh.redone == 5
        assert index.search("retry_with_backoff", 1)[0].path == "src/net/retry.py"
    assert len(notes) == 1 and "older" in notes[0]


def test_other_unicode_tables_are_another_schema(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(project)
    monkeypatch.setattr(schema, "unidata_version", "99.0.0")
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        assert index.last_refresh.redone == 5


def test_a_newer_schema_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(project)
    monkeypatch.setattr(schema, "SCHEMA_VERSION", schema.SCHEMA_VERSION - 1)
    with pytest.raises(C2LLMError, match="newer"):
        build(project)


def test_a_cache_that_cannot_be_made(project: Path, home: Path) -> None:
    home.write_text("a file stands here")
    with pytest.raises(C2LLMError, match="C2LLM_HOME"):
        build(project)


def test_a_full_disk(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("c2llm.index.store.sqlite_store.SqliteStore.put_file", fail)
    with pytest.raises(C2LLMError, match="is full"):
        build(project)


def test_roots_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no directory"):
        CodeIndex.open(tmp_path / "nowhere")
    (tmp_path / "file.py").write_text("x = 1\n")
    with pytest.raises(UsageError, match="is a file"):
        CodeIndex.open(tmp_path / "file.py")


def test_a_root_that_cannot_be_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(UsageError, match="cannot be read"):
        CodeIndex.open(project, embed="none")


def test_nothing_to_index(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(C2LLMError, match="There is nothing to search"):
        CodeIndex.open(tmp_path / "empty", embed="none")
    write_tree(tmp_path / "images", {"a.png": b"\x89PNG", "b.png": b"\x89PNG"})
    with pytest.raises(C2LLMError, match="2 binary"):
        CodeIndex.open(tmp_path / "images", embed="none")


def test_an_unknown_model_is_told_before_any_work(project: Path, home: Path) -> None:
    with pytest.raises(UsageError, match="Unknown model"):
        CodeIndex.open(project, "no-such-model")
    assert not home.exists()


def test_status_without_an_index_makes_none(project: Path, home: Path) -> None:
    status = read_status(project, "words")
    assert (status.indexed, status.files, status.changed) == (False, 0, 5)
    assert not home.exists()


def test_a_link_that_leads_in_a_circle_is_no_directory(tmp_path: Path) -> None:
    from c2llm.cli.main import main

    (tmp_path / "loop").symlink_to("loop")
    for verb in (["search", "x"], ["status"], ["index"]):
        with pytest.raises(SystemExit) as left:
            main([*verb, str(tmp_path / "loop")])
        assert left.value.code == 2
    main(["clear", str(tmp_path / "loop")])
