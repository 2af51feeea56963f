"""Ages of files from the history, from the work tree, and from their own times without git."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from c2llm.search.query.recency import recency_of

DAY = 86_400
NOW = 1_700_000_000


@dataclass
class File:
    path: str
    mtime_ns: int


class Store:
    """A store of which only the files matter."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def files(self) -> list[File]:
        return [
            File(path.relative_to(self.root).as_posix(), path.stat().st_mtime_ns)
            for path in self.root.rglob("*")
            if path.is_file() and ".git" not in path.parts
        ]


def git(root: Path, *arguments: str, at: int = NOW) -> None:
    named = ["-c", "user.name=Ada", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_COMMITTER_DATE": f"{at} +0"}
    command = ["git", "-C", str(root), *named, *arguments]
    subprocess.run(command, check=True, capture_output=True, env=environment)


def write(root: Path, name: str, text: str, *, at: int = NOW) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


def recency(root: Path) -> dict[str, float]:
    return recency_of(root, Store(root))  # type: ignore[arg-type]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    for name, age in (("old.py", 60), ("src/1700000000", 30), ("src/new.py", 0)):
        write(folder, name, f"{name} = 1\n")
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", name, at=NOW - age * DAY)
    return folder


def test_a_commit_dates_its_files_and_a_month_is_a_half(root: Path) -> None:
    assert recency(root) == {"old.py": 0.25, "src/1700000000": 0.5, "src/new.py": 1.0}
    assert recency(root / "src") == {"1700000000": 0.5, "new.py": 1.0}


def test_what_is_changed_and_not_committed_is_new(root: Path) -> None:
    write(root, "old.py", "old = 2\n")
    write(root, "fresh.py", "fresh = 1\n", at=NOW + DAY)
    write(root, "found.py", "found = 1\n", at=NOW - 30 * DAY)
    found = recency(root)
    assert (found["old.py"], found["fresh.py"], found["found.py"]) == (1.0, 1.0, 0.5)
    assert found["src/1700000000"] == 0.5


def test_without_history_the_times_of_the_files_count(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "a\n", at=NOW)
    write(tmp_path, "b.py", "b\n", at=NOW - 30 * DAY)
    assert recency(tmp_path) == {"a.py": 1.0, "b.py": 0.5}
    git(tmp_path, "init", "-q")
    assert recency(tmp_path) == {"a.py": 1.0, "b.py": 0.5}


def test_a_worktree_and_a_bare_repository_beside_it_have_their_history(
    root: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    git(tmp_path, "clone", "-q", "--bare", str(root), str(project / ".bare"))
    (project / ".git").write_text("gitdir: ./.bare\n")
    git(project, "worktree", "add", "-q", "main")
    os.utime(project / "main" / "old.py")
    assert recency(project / "main") == recency(root)
