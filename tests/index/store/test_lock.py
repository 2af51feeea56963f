"""Locks that are held, that are not there, and that cannot be opened."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from c2llm.cli.main import main
from c2llm.errors import C2LLMError, IndexWriteError
from c2llm.index.build.index_status import read_status
from c2llm.index.store.location import index_file, remove_index
from c2llm.index.store.lock import embedding, holding, is_held, refreshing
from c2llm.search.code_index import CodeIndex
from tests.index.build.test_refresh import contents
from tests.trees import WordEncoder, write_tree

NONE = [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO]


def build(root: Path) -> None:
    with CodeIndex.open(root, encoder=WordEncoder(), embed="all"):
        pass


def without(monkeypatch: pytest.MonkeyPatch, code: int, *names: str) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(code, os.strerror(code))

    for name in names or ("flock",):
        monkeypatch.setattr(fcntl, name, refuse)


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    with refreshing(tmp_path / "i", 0.0) as held:
        assert held and is_held(tmp_path / "i", "refreshing")
        with refreshing(tmp_path / "i", 0.0) as again:
            assert not again
    assert not is_held(tmp_path / "i", "refreshing")


def test_shared_ones_keep_off_who_wants_it_alone(tmp_path: Path) -> None:
    with holding(tmp_path / "i", "using", 0.0, shared=True) as one:
        with holding(tmp_path / "i", "using", 0.0, shared=True) as two:
            assert one and two
        with holding(tmp_path / "i", "using", 0.0) as alone:
            assert not alone


@pytest.mark.parametrize("code", [errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES])
def test_what_means_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    without(monkeypatch, code)
    with refreshing(tmp_path / "i", 0.0) as held:
        assert not held


@pytest.mark.parametrize("code", NONE)
def test_where_there_are_no_locks_everything_works(
    project: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    without(monkeypatch, code)
    build(project)
    with embedding(index_file(project), give_way=False) as held:  # for ever, once
        assert held
    with CodeIndex.open(project, encoder=WordEncoder(), lock_seconds=0.1) as index:
        assert index.search("retry_with_backoff", 1)[0].path == "src/net/retry.py"
        assert index.complete() == 0
    status = read_status(project, "words")
    assert (status.indexed, status.watched, status.embedding) == (True, False, False)
    assert remove_index(index_file(project))


_WITHOUT = """
import errno, fcntl, os, sys
def refuse(*arguments):
    raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = refuse
from c2llm.search.code_index import CodeIndex
from tests.trees import WordEncoder
for _ in range(int(sys.argv[2])):
    with CodeIndex.open(sys.argv[1], encoder=WordEncoder(), embed="all") as index:
        index.search("job", 3)
"""


def test_many_processes_without_locks_leave_the_index_of_the_tree(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_tree(
        tmp_path / "p", {f"m{i}.py": f"def job_{i}():\n    return {i}\n" for i in range(60)}
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _WITHOUT, str(root), "4"],
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        for _ in range(4)
    ]
    for turn in range(30):
        path = root / f"m{turn}.py"
        path.write_text(f"def changed_{turn}():\n    return 'x' * {turn}\n")
    for process in processes:
        assert (process.communicate()[1], process.returncode) == (b"", 0)
    build(root)
    held = contents(root)
    with monkeypatch.context() as patch:
        patch.setenv("C2LLM_HOME", str(home / "fresh"))
        build(root)
        assert held == contents(root)


def test_a_disk_without_any_locks_is_told_and_searched_in_memory(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, errno.ENOLCK, "flock", "lockf")
    with pytest.raises(IndexWriteError, match="has no file locks"):
        build(project)
    told: list[str] = []
    with CodeIndex.open(project, embed="none", lock_seconds=0.1, note=told.append) as index:
        assert index.search("retry_with_backoff", 1, "lexical")
    assert len(told) == 1 and told[0].endswith("This answer is from an index in memory.")


def test_a_lock_that_cannot_be_opened_is_not_held(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(project)
    file = index_file(project)
    for lock in file.parent.glob("*.lock"):
        lock.unlink()
        lock.mkdir()  # no right and no user opens this
    for job in (".embedding.lock", ".watching.lock", ".wanted.lock"):
        file.with_name(file.name + job).mkdir(exist_ok=True)
    status = read_status(project, "words")
    assert status.indexed and not (status.watched or status.embedding)
    (project / "new.py").write_text("def brand_new():\n    return 1\n")
    main(["search", "brand_new", str(project), "--mode", "lexical"])
    told = capsys.readouterr()
    assert "new.py" in told.out and told.err == ""
    assert remove_index(file) and not file.exists()


@pytest.fixture
def unwritable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a disk that is mounted for reading: nothing is made, opened for writing or removed."""
    real = os.open

    def open_(path: object, flags: int, *rest: int, **options: int) -> int:
        if flags & (os.O_CREAT | os.O_RDWR | os.O_WRONLY) and "home" in str(path):
            raise OSError(errno.EROFS, "Read-only file system")
        return real(path, flags, *rest, **options)  # type: ignore[call-overload,no-any-return]

    def refuse(path: Path, *arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", open_)
    for name in ("mkdir", "unlink", "chmod"):
        monkeypatch.setattr(Path, name, refuse)


def test_a_read_only_home_without_an_index(
    project: Path, unwritable: None, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["search", "retry_with_backoff", str(project), "--mode", "lexical"])
    told = capsys.readouterr()
    assert "src/net/retry.py" in told.out
    assert told.err.count("\n") == 1 and "index in memory" in told.err
    main(["status", str(project)])
    assert "none yet" in capsys.readouterr().out
    main(["clear", str(project)])
    assert "no index" in capsys.readouterr().out


def test_a_read_only_home_with_an_index(
    project: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    build(project)
    request.getfixturevalue("unwritable")
    for verb in (["clear", str(project)], ["index", "--rebuild", str(project)]):
        with pytest.raises(SystemExit) as left:
            main(verb)
        told = capsys.readouterr()
        assert (left.value.code, told.out) == (1, "")
        assert told.err.count("\n") == 1 and "Read-only file system" in told.err
    main(["status", str(project)])
    assert "files     5" in capsys.readouterr().out
    main(["search", "retry_with_backoff", str(project), "--mode", "lexical"])
    assert "src/net/retry.py" in capsys.readouterr().out


def test_clear_waits_for_who_writes_and_says_so(project: Path) -> None:
    build(project)
    file = index_file(project)
    for job in ("refreshing", "embedding"):
        with holding(file, job, 0.0):  # type: ignore[arg-type]
            with pytest.raises(C2LLMError, match="Another process is writing"):
                remove_index(file, 0.05)
            assert file.exists()
    locks = {path.name: path.stat().st_ino for path in file.parent.glob("*.lock")}
    assert remove_index(file)
    assert (
        locks.items() <= {path.name: path.stat().st_ino for path in file.parent.iterdir()}.items()
    )


def test_a_lock_file_that_is_removed_locks_nobody_in_or_out(tmp_path: Path) -> None:
    """Who waits for a lock whose file has gone gets the new one, and is seen by others."""
    index = tmp_path / "i"
    taken = threading.Event()
    release = threading.Event()

    def wait() -> None:
        with refreshing(index, None):
            taken.set()
            release.wait(10)

    with refreshing(index, 0.0):
        thread = threading.Thread(target=wait)
        thread.start()
        index.with_name("i.lock").unlink()
    assert taken.wait(10)
    assert is_held(index, "refreshing")
    release.set()
    thread.join()
