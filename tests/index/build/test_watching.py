"""A watch brings what changes into the index, says so, and ends when it is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from c2llm.errors import C2LLMError
from c2llm.index.build.watching import Refreshed, _matters, watch
from c2llm.index.store.location import remove_index
from c2llm.index.store.lock import holding
from c2llm.search.code_index import CodeIndex
from tests.trees import WordEncoder, write_tree


@pytest.fixture
def index(project: Path) -> Iterator[CodeIndex]:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="candidates") as opened:
        yield opened


def test_what_changes_is_found(project: Path, index: CodeIndex) -> None:
    stop = Event()
    events = watch(index, stop, debounce_ms=50)
    assert next(events) is None
    write_tree(project, {"new.py": "def zebra_crossing():\n    pass\n"})
    found = next(events)
    assert found is not None and (found.changed, found.removed) == (("new.py",), ())
    assert index.search("zebra_crossing", 1)[0].path == "new.py"
    (project / "new.py").rename(project / "moved.py")
    changed: set[str] = set()
    removed: set[str] = set()
    while not (changed and removed):  # the two halves of a move may come apart
        found = next(events)
        assert found is not None
        changed |= set(found.changed)
        removed |= set(found.removed)
    assert (changed, removed) == ({"moved.py"}, {"new.py"})
    stop.set()
    assert list(events) == []


def test_what_changed_before_the_watch_began(project: Path, index: CodeIndex) -> None:
    write_tree(project, {"early.py": "early = 1\n"})
    stop = Event()
    events = watch(index, stop)
    first = next(events)
    assert isinstance(first, Refreshed) and first.changed == ("early.py",)
    assert next(events) is None
    stop.set()
    assert list(events) == []


def test_one_watch_an_index(index: CodeIndex) -> None:
    with holding(index.file, "watching", 0.0):
        assert index.status().watched
        with pytest.raises(C2LLMError, match=r"watches .* already"):
            next(watch(index, Event()))


def test_a_limit_of_the_system_is_told(index: CodeIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> object:
        raise OSError(28, "OS file watch limit reached.")

    monkeypatch.setattr("watchfiles.watch", refuse)
    with pytest.raises(C2LLMError, match="max_user_watches"):
        next(watch(index, Event()))


def test_what_git_and_builds_write_does_not_matter(tmp_path: Path) -> None:
    assert _matters(tmp_path, str(tmp_path / "src/a.py"))
    assert _matters(tmp_path, str(tmp_path / ".gitignore"))
    for name in (".git/objects/ab/cd", "node_modules/x/y.js", "a/__pycache__/b.pyc", ".git"):
        assert not _matters(tmp_path, str(tmp_path / name))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_what_changed_and_ends_in_peace(
    project: Path, end: signal.Signals
) -> None:
    command = [sys.executable, "-m", "c2llm", "watch", str(project), "--debounce", "50", "--json"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )
    assert process.stdout is not None and process.stderr is not None
    for line in process.stderr:
        if line.startswith("Watching"):
            break
    write_tree(project, {"odd\nname.py": "x = 1\n"})
    assert json.loads(process.stdout.readline())["changed"] == ["odd\nname.py"]
    process.send_signal(end)
    out, errors = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert "1 refreshes" in errors and "Traceback" not in errors


@pytest.mark.parametrize("how", ["removed", "rebuilt"])
def test_an_index_that_was_replaced_is_opened_again(
    project: Path, index: CodeIndex, how: str
) -> None:
    told: list[str] = []
    index._note = told.append
    index.label = "kept"
    stop = Event()
    seen = watch(index, stop, debounce_ms=20)
    while next(seen) is not None:
        pass
    if how == "removed":
        assert remove_index(index.file)
    else:
        with CodeIndex.open(project, encoder=WordEncoder(), rebuild=True, embed="all"):
            pass
    write_tree(project, {"later.py": "def later():\n    return 1\n"})
    refreshed = next(seen)
    assert refreshed is not None and "later.py" in refreshed.changed
    assert told == ["The index was removed or replaced by another process; it is opened again."]
    assert index.label == "kept" and index.search("later", 1)[0].path == "later.py"
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as other:
        assert other.last_refresh.redone == 0
        assert other.search("later", 1)[0].path == "later.py"
    stop.set()


def test_what_is_in_a_new_directory_is_found(project: Path, index: CodeIndex) -> None:
    stop = Event()
    events = watch(index, stop, debounce_ms=50)
    assert next(events) is None
    write_tree(project, {"new/deep/first.py": "first = 1\n"})
    found: set[str] = set()
    while "new/deep/first.py" not in found:
        found |= set(_changed(next(events)))
    write_tree(project, {"new/deep/second.py": "second = 2\n"})
    while "new/deep/second.py" not in found:
        found |= set(_changed(next(events)))
    stop.set()


@pytest.mark.skipif(sys.platform != "linux", reason="counts the watches of inotify")
def test_a_link_leads_no_watch_out_of_the_tree(
    project: Path, index: CodeIndex, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    for number in range(30):
        (outside / str(number)).mkdir()
    (project / "link").symlink_to(outside)
    stop = Event()
    events = watch(index, stop, debounce_ms=50)
    before = _watches()
    assert next(events) is None
    inside = sum(1 for path in project.rglob("*") if path.is_dir() and not path.is_symlink())
    assert 0 < _watches() - before <= inside + 1
    stop.set()


def _changed(found: Refreshed | None) -> tuple[str, ...]:
    assert found is not None
    return found.changed


def _watches() -> int:
    """How many places this process watches."""
    told = 0
    for info in Path("/proc/self/fdinfo").iterdir():
        try:
            told += info.read_text().count("inotify wd:")
        except OSError:
            continue
    return told
