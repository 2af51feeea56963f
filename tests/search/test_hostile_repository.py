"""Trees that mean harm, and disks that refuse: counted and named, never a crash."""

from __future__ import annotations

import os
import resource
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from c2llm.codebase.files.walk import SourceFile, list_files
from c2llm.errors import C2LLMError, IndexWriteError
from c2llm.index.build.cutting import cut_file
from c2llm.index.build.refresh import find_stale
from c2llm.search.code_index import CodeIndex
from tests.trees import PROJECT, WordEncoder, write_tree


def reasons(index: CodeIndex) -> dict[str, str]:
    return {skip.path: skip.reason for skip in index.status().skipped}


def test_a_zoo(tmp_path: Path) -> None:
    root = write_tree(
        tmp_path / "zoo",
        {
            "ok.py": "def fine():\n    return 1\n",
            "huge_line.js": b"x" * 50_000_000,
            "line.js": "y" * 900_000,
            "deep.json": "[" * 200_000,
            "nested.py": "(" * 30_000 + ")" * 30_000 + "\n",
            "angles.cs": "class A { B<" + "C<" * 40_000 + " x; }\n",
            "utf8.py": b"def caf\xe9():\n    '''\xc3\x28 \xf0\x9f\x92'''\n",
            "null.py": b"x = 1\0\n",
            "new\nline.py": "def odd_name():\n    pass\n",
            "tab\tand \x1b[31m.py": "def red_name():\n    pass\n",
            "-rf.py": "def dashed():\n    pass\n",
            "a" * 250 + ".py": "def long_name():\n    pass\n",
        },
    )
    (root / "loop").symlink_to(root)
    (root / "self").symlink_to("self")
    (root / "passwd.py").symlink_to("/etc/passwd")
    os.mkfifo(root / "pipe.py")
    listener = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(root)  # the path of a socket may not be long
    listener.bind("socket.py")
    os.chdir(here)
    with CodeIndex.open(root, encoder=WordEncoder(), embed="all") as index:
        left_out = reasons(index)
        assert left_out["huge_line.js"] == "too large"
        assert not {"line.js", "deep.json"} & left_out.keys()
        for line in ("y" * 100, "[" * 100):  # the beginning is kept
            assert max(len(hit.text) for hit in index.search(line, 1)) <= 2_000
        assert left_out["loop"] == "link inside the tree" and left_out["self"] == "broken link"
        assert left_out["passwd.py"] == "link out of the tree"
        assert left_out["pipe.py"] == left_out["socket.py"] == "not a regular file"
        assert left_out["null.py"] == "binary"
        for name in ("odd_name", "red_name", "dashed", "long_name", "fine"):
            assert name in index.search(name, 1)[0].text
        assert index.refresh().redone == 0
    listener.close()


# -- files that are not what they were a moment ago --------------------------------------------


@pytest.mark.parametrize(
    ("replace", "reason"),
    [
        (lambda path: path.unlink(), "vanished"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "not a regular file"),
        (lambda path: (path.unlink(), path.mkdir()), "not a regular file"),
        (lambda path: (path.unlink(), path.symlink_to("/etc/passwd")), "unreadable"),
    ],
)
def test_what_takes_the_place_of_a_listed_file(
    project: Path, replace: Callable[[Path], object], reason: str
) -> None:
    file = next(file for file in list_files(project).files if file.path == "README.md")
    replace(file.absolute)
    cut = cut_file(file)
    assert (cut.skipped, cut.chunks, cut.gone) == (reason, (), reason == "vanished")


def test_a_file_that_grows_while_it_is_read_is_read_again(project: Path) -> None:
    file = next(file for file in list_files(project).files if file.path == "README.md")
    file.absolute.write_text("# Longer than it was when it was listed\n" * 3)
    assert not cut_file(file).steady
    os.utime(file.absolute, ns=(1, file.mtime_ns))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "c2llm.index.build.refresh.cut_files",
            lambda files, known: [cut_file(changing(item)) for item in files],
        )
        with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
            stale = find_stale(index._store, project)
            assert {item.path for item in stale.changed} == set(PROJECT)
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        assert index.last_refresh.redone == 0  # the bytes were those that had been read
        assert find_stale(index._store, project).changed == ()


def changing(file: SourceFile) -> SourceFile:
    """The file as a listing a moment earlier would have it."""
    return file._replace(mtime_ns=file.mtime_ns - 1)


def test_files_that_change_all_the_time(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "busy", {f"f{i}.py": f"x = {i}\n" for i in range(50)})
    done = threading.Event()

    def churn() -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            path = root / f"f{turn % 50}.py"
            if turn % 7 == 0:
                path.unlink(missing_ok=True)
            else:
                path.write_text(f"x = {turn}\n" * (turn % 5 + 1))

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(5):
            with CodeIndex.open(root, embed="none") as index:
                index.search("x", 5, "lexical")
    finally:
        done.set()
        thread.join()
    with CodeIndex.open(root, embed="none") as index:
        held = {(hit.path, hit.text) for hit in index.search("x", 200, "lexical")}
    assert held == {(path.name, path.read_text().rstrip("\n")) for path in root.iterdir()}


def test_the_same_size_and_time_in_another_file_is_seen(project: Path) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all"):
        pass
    path = project / "src/net/retry.py"
    before = path.stat()
    other = path.with_name("other")
    other.write_text(path.read_text().replace("retry_with", "relay_with"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(path)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        assert index.last_refresh.changed == ("src/net/retry.py",)
        assert "relay_with_backoff" in index.search("relay_with_backoff", 1)[0].text


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_the_right_to_read_it_is_named_until_there_is_one(project: Path) -> None:
    secret = project / "src/net/retry.py"
    secret.chmod(0)
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        assert reasons(index)["src/net/retry.py"] == "unreadable"
        assert index.refresh().redone == 0
        secret.chmod(0o644)
        assert index.refresh().changed == ("src/net/retry.py",)


def test_an_unreadable_file_is_named_and_tried_when_that_changes(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_open, real_access = os.open, os.access
    with monkeypatch.context() as patch:

        def refuse(path: object, *rest: int, **options: int) -> int:
            if str(path).endswith("retry.py"):
                raise PermissionError(13, "Permission denied")
            return real_open(path, *rest, **options)  # type: ignore[call-overload,no-any-return]

        patch.setattr(os, "open", refuse)
        patch.setattr(
            os,
            "access",
            lambda path, mode: not str(path).endswith("retry.py") and real_access(path, mode),
        )
        with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
            assert reasons(index)["src/net/retry.py"] == "unreadable"
            assert index.refresh().redone == 0
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        assert "src/net/retry.py" in index.last_refresh.changed


def test_a_read_only_tree_is_as_good_as_any(project: Path) -> None:
    before = sorted(path.stat().st_mtime_ns for path in project.rglob("*"))
    for path in [project, *project.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
            assert index.counts().files == len(PROJECT)
    finally:
        for path in [project, *project.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert sorted(path.stat().st_mtime_ns for path in project.rglob("*")) == before


# -- disks ---------------------------------------------------------------------------------------


def test_a_disk_that_fills_up_loses_nothing_that_was_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all"):
        pass
    write_tree(project, {f"m{i}.py": f"def f{i}():\n    return '{i * 'ab'}'\n" for i in range(200)})
    connect = sqlite3.connect

    def small(*arguments: object, **options: object) -> sqlite3.Connection:
        connection = connect(*arguments, **options)  # type: ignore[call-overload]
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 4}")
        return connection  # type: ignore[no-any-return]

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", small)
        with pytest.raises(C2LLMError, match="is full; make room or set C2LLM_HOME"):
            CodeIndex.open(project, encoder=WordEncoder(), embed="all")
    with CodeIndex.open(
        project, encoder=WordEncoder(), embed="all"
    ) as index:  # there is room again
        assert index.counts().files == len(PROJECT) + 200
        assert index.search("retry_with_backoff", 1)[0].path == "src/net/retry.py"


_LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
from c2llm.cli.main import main
main(sys.argv[1:])
"""


def limited(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A command that can write no file of more than 60 kB."""
    command = [sys.executable, "-c", _LIMITED, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_write_that_the_system_refuses_is_one_sentence(tmp_path: Path) -> None:
    text = "def zebra():\n    return 1\n" * 20
    root = write_tree(tmp_path / "p", {f"m{i}.py": f"# {i}\n{text}" for i in range(300)})
    done = limited("index", root, "--model", "c2llm-nano")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    assert "C2LLM_HOME" in done.stderr
    done = limited("search", "zebra", root, "--mode", "lexical")
    assert done.returncode == 0 and "def zebra" in done.stdout
    assert done.stderr.count("\n") == 1 and "index in memory" in done.stderr
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 60_000


def refusing(*given: object) -> None:
    raise sqlite3.OperationalError("attempt to write a readonly database")


def test_an_index_that_cannot_be_written_answers_as_it_is(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        before = [hit.path for hit in index.search("retry with backoff")]
    monkeypatch.setattr("c2llm.index.store.schema._prepare", refusing)
    (project / "new.py").write_text("def brand_new():\n    return 1\n")
    told: list[str] = []
    with CodeIndex.open(
        project, encoder=WordEncoder(), embed="candidates", lock_seconds=1.0, note=told.append
    ) as index:
        assert [hit.path for hit in index.search("retry with backoff")] == before
        assert index.stale_files == index.status().changed == 1
    assert len(told) == 1 and told[0].endswith("This answer is from the index as it is.")
    with pytest.raises(IndexWriteError, match="readonly"):  # who wants it fresh is not told less
        CodeIndex.open(project, encoder=WordEncoder(), embed="all")
    with CodeIndex.open(  # of another model there is nothing, and nothing can be made
        project, encoder=WordEncoder("other"), embed="candidates", lock_seconds=1.0
    ) as index:
        assert index.search("retry with backoff")


def test_what_a_writer_has_not_settled_is_not_read_past_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        with index._store.writing():
            index._store.set_meta("note", "in the log of the writer")
        monkeypatch.setattr("c2llm.index.store.schema._prepare", refusing)
        with pytest.raises(IndexWriteError, match="readonly"):
            CodeIndex.open(project, encoder=WordEncoder(), embed="all")


def test_a_disk_that_fills_up_under_a_search_does_not_end_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object, **named: object) -> int:
        raise IndexWriteError("The disk is full.")

    told: list[str] = []
    with CodeIndex.open(
        project, encoder=WordEncoder(), embed="candidates", note=told.append
    ) as index:
        monkeypatch.setattr("c2llm.index.build.tree_vectors.embed_missing", full)
        assert index.search("retry with backoff")
    assert told == ["The disk is full. This answer is from the vectors that are there."]
