"""What differs from the last commit, held against `git status` where nothing hostile is there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from c2llm.codebase.git import Git
from c2llm.codebase.revisions.uncommitted import Changes, uncommitted
from c2llm.errors import DataError

PAST = 1_700_000_000_000_000_000
FILES = {
    "a.py": b"one = 1\n",
    "dir/b.py": b"two = 2\n",
    "dir/gr\xc3\xbc\xc3\x9fe.py": b"three = 3\n",
    "dir/raw\xff.py": b"four = 4\n",
    "crlf.py": b"five = 5\nsix = 6\n",
}


def git(root: Path, *arguments: str) -> str:
    named = ["-c", "user.name=Ada", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    done = subprocess.run(
        ["git", "-C", str(root), *named, *arguments],
        check=True,
        capture_output=True,
        env=environment,
    )
    return os.fsdecode(done.stdout)


@pytest.fixture(params=["sha1", "sha256"])
def root(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", f"--object-format={request.param}")
    for name, content in FILES.items():
        path = folder / os.fsdecode(name.encode("latin-1") if "\xff" in name else name.encode())
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(PAST, PAST))
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    return folder


def files(root: Path) -> list[str]:
    found = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    return [path for path in found if not path.startswith(".git/")]


def changes(root: Path) -> Changes:
    return uncommitted(Git(root), files(root))


def said_by_git(root: Path) -> Changes:
    rows = git(root, "status", "--porcelain", "-z", "-uall", "--no-renames").split("\0")
    return Changes(
        frozenset(row[3:] for row in rows if row and not row.startswith(("??", "D", " D"))),
        frozenset(row[3:] for row in rows if row.startswith("??")),
    )


def agrees(root: Path) -> Changes:
    ours = changes(root)
    assert ours == said_by_git(root)  # git refreshes its index, so it is asked afterwards
    return ours


def test_a_clean_tree_has_none(root: Path) -> None:
    assert agrees(root) == Changes(frozenset(), frozenset())


def test_what_is_edited_staged_or_new_is_told_apart(root: Path) -> None:
    (root / "a.py").write_text("one = 10\n")
    (root / "dir" / "b.py").write_text("two = 3\n")
    git(root, "add", "dir/b.py")
    (root / "dir" / "new.py").write_text("new\n")
    (root / "added.py").write_text("added\n")
    git(root, "add", "added.py")
    found = agrees(root)
    assert found.changed == {"a.py", "dir/b.py", "added.py"}
    assert found.untracked == {"dir/new.py"}


def test_a_staged_change_that_was_taken_back_in_the_file_is_one(root: Path) -> None:
    (root / "a.py").write_text("one = 7\n")
    git(root, "add", "a.py")
    (root / "a.py").write_bytes(FILES["a.py"])
    assert "a.py" in changes(root).changed


def test_the_same_size_and_time_do_not_hide_a_change(root: Path) -> None:
    (root / "a.py").write_bytes(b"one = 9\n")
    os.utime(root / "a.py", ns=(PAST, PAST))
    assert changes(root).changed == {"a.py"}


def test_what_changed_within_the_tick_of_the_index_is_seen(root: Path) -> None:
    index = root / ".git" / "index"
    git(root, "status")
    os.utime(index, ns=(PAST, PAST))  # as old as the files: their stamps prove nothing
    assert changes(root) == Changes(frozenset(), frozenset())


def test_a_copied_tree_has_other_stamps_and_no_changes(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    (copy / "dir" / "b.py").write_text("two = 4\n")
    assert agrees(copy).changed == {"dir/b.py"}


def test_touching_and_another_mode_are_no_other_content(root: Path) -> None:
    os.utime(root / "a.py")
    (root / "dir" / "b.py").chmod(0o755)
    assert changes(root) == Changes(frozenset(), frozenset())


def test_line_ends_that_git_converts_are_no_change(root: Path) -> None:
    git(root, "config", "core.autocrlf", "true")
    (root / "crlf.py").unlink()
    git(root, "checkout", "--", "crlf.py")
    assert (root / "crlf.py").read_bytes() == b"five = 5\r\nsix = 6\r\n"
    os.utime(root / "crlf.py")
    assert agrees(root) == Changes(frozenset(), frozenset())


def test_of_a_part_of_a_repository_paths_are_relative_to_it(root: Path) -> None:
    (root / "a.py").write_text("elsewhere = 1\n")
    (root / "dir" / "b.py").write_text("two = 3\n")
    (root / "dir" / "new.py").write_text("staged\n")
    git(root, "add", "dir/new.py")
    found = changes(root / "dir")
    assert (found.changed, found.untracked) == ({"b.py", "new.py"}, frozenset())


def test_a_link_or_a_pipe_in_the_place_of_a_file_is_a_change(root: Path) -> None:
    (root / "a.py").unlink()
    os.mkfifo(root / "a.py")
    (root / "crlf.py").unlink()
    (root / "crlf.py").symlink_to("/dev/zero")
    assert uncommitted(Git(root), ["a.py", "crlf.py"]).changed == {"a.py", "crlf.py"}


def test_without_a_commit_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("one\n")
    with pytest.raises(DataError):
        uncommitted(Git(tmp_path), ["a.py"])
