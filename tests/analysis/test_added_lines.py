"""What is new since a revision, held against git's own diff where nothing hostile is there."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.analysis import added_lines as module
from c2llm.analysis.added_lines import added_lines, additions_since, base_commit
from c2llm.codebase.git import Git
from c2llm.errors import DataError, UsageError
from tests.codebase.revisions.test_uncommitted import files, git

CODE = "def first(a):\n    return a\n\n\ndef second(b):\n    x = b\n    return x\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name in ("a.py", "dir/b.py", os.fsdecode(b"dir/raw\xff.py"), "dir/line\nbreak.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(CODE)
    commit(folder)
    return folder


def commit(root: Path) -> str:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x", "--allow-empty")
    return git(root, "rev-parse", "HEAD").strip()


def since(root: Path, revision: str = "HEAD") -> dict[str, set[int]]:
    paths = [path for path in files(root) if "/.git/" not in f"/{path}"]
    found = additions_since(Git(root), revision, paths)
    return {path: set(lines) for path, lines in found.lines.items()}


def told_by_git(root: Path, revision: str) -> dict[str, set[int]]:
    """From the heads of the hunks of `git diff`; what git does not have yet is not in it."""
    found: dict[str, set[int]] = {}
    path = ""
    for line in git(root, "diff", "-U0", "--no-renames", revision).splitlines():
        if line.startswith("+++ b/"):
            path = line[6:]
        elif hunk := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            start, count = int(hunk[1]), int(hunk[2] or 1)
            if count:
                found.setdefault(path, set()).update(range(start, start + count))
    return found


def test_a_clean_tree_has_nothing_new(root: Path) -> None:
    assert since(root) == {}


def test_edits_are_told_whether_they_are_committed_staged_or_neither(root: Path) -> None:
    first = git(root, "rev-parse", "HEAD").strip()
    (root / "a.py").write_text(CODE + "\n\ndef third(c):\n    return c\n")
    commit(root)
    (root / "dir" / "b.py").write_text(CODE.replace("x = b", "x = b + 1"))
    git(root, "add", "-A")
    (root / "a.py").write_text((root / "a.py").read_text() + "# end\n")
    expected = told_by_git(root, first)
    expected["a.py"] -= {8, 9}  # blank lines
    assert since(root, first) == expected == {"a.py": {10, 11, 12}, "dir/b.py": {6}}
    assert since(root) == {"a.py": {12}, "dir/b.py": {6}}


def test_names_of_any_bytes(root: Path) -> None:
    for name in (os.fsdecode(b"dir/raw\xff.py"), "dir/line\nbreak.py"):
        (root / name).write_text(CODE + "new = 1\n")
    assert since(root) == {
        os.fsdecode(b"dir/raw\xff.py"): {8},
        "dir/line\nbreak.py": {8},
    }


def test_paths_are_relative_to_a_part_of_a_repository(root: Path) -> None:
    (root / "a.py").write_text("elsewhere = 1\n")
    (root / "dir" / "b.py").write_text("new = 1\n" + CODE)
    (root / "dir" / "c.py").write_text("untracked = 1\n")
    assert since(root / "dir") == {"b.py": {1}, "c.py": {1}}


def test_a_file_in_another_place_is_not_new(root: Path) -> None:
    (root / "moved").mkdir()
    (root / "a.py").write_text(CODE + "alone = 1\nin_it = 2\n")
    first = commit(root)
    (root / "a.py").rename(root / "moved" / "z.py")
    assert since(root, first) == {}
    (root / "moved" / "z.py").write_text(CODE + "alone = 1\nin_it = 2\nadded = 3\n")
    commit(root)
    assert since(root, first) == {"moved/z.py": {10}}


def test_of_two_copies_of_a_file_that_is_gone_one_is_new(root: Path) -> None:
    own = "".join(f"line_{n} = {n}\n" for n in range(8))
    (root / "own.py").write_text(own)
    commit(root)
    (root / "own.py").unlink()
    (root / "one.py").write_text(own)
    (root / "other.py").write_text(own)
    assert since(root) == {"other.py": set(range(1, 9))}


def test_a_file_that_was_split_adds_nothing(root: Path) -> None:
    own = [f"line_{n} = {n}\n" for n in range(8)]
    (root / "own.py").write_text("".join(own))
    commit(root)
    (root / "own.py").unlink()
    (root / "one.py").write_text("".join(own[:5]))
    (root / "other.py").write_text("".join(own[5:]))
    assert since(root) == {}


def test_indentation_is_no_addition(root: Path) -> None:
    text = "if True:\n" + "".join(f"    {line}\n" for line in CODE.splitlines())
    (root / "a.py").write_text(text)
    assert since(root) == {"a.py": {1}}


def test_line_ends_are_no_addition(root: Path) -> None:
    (root / "a.py").write_bytes(CODE.replace("\n", "\r\n").encode())
    assert since(root) == {}


def test_what_the_other_branch_has_gone_on_to_does_not_count(root: Path) -> None:
    fork = git(root, "rev-parse", "HEAD").strip()
    git(root, "checkout", "-q", "-b", "work")
    (root / "dir" / "b.py").write_text(CODE + "mine = 1\n")
    commit(root)
    git(root, "checkout", "-q", "main")
    (root / "a.py").write_text("theirs = 1\n")
    commit(root)
    git(root, "checkout", "-q", "work")
    assert base_commit(Git(root), "main") == fork
    assert since(root, "main") == {"dir/b.py": {8}}


def test_a_submodule_is_compared_with_the_commit_that_was_used(root: Path) -> None:
    inner = root / "lib"
    inner.mkdir()
    git(inner, "init", "-q", "-b", "main")
    (inner / "x.py").write_text(CODE)
    commit(inner)
    first = commit(root)
    assert since(root) == {}
    (inner / "x.py").write_text(CODE + "committed = 1\n")
    commit(inner)
    (inner / "x.py").write_text(CODE + "committed = 1\nand_not = 2\n")
    commit(root)
    assert since(root, first) == {"lib/x.py": {8, 9}}
    assert since(root) == {"lib/x.py": {9}}
    (inner / ".git").rename(root.parent / "elsewhere")  # no other repository answers for it
    assert since(root, first) == {}


def test_a_repository_that_git_does_not_know_adds_nothing(root: Path) -> None:
    inner = root / "clone" / "deep"
    inner.mkdir(parents=True)
    git(inner.parent, "init", "-q")
    (inner / "x.py").write_text(CODE)
    assert since(root) == {}


@pytest.mark.parametrize("revision", ["nowhere", "", "-n1", "--all", "HEAD\n", "HEAD:a.py"])
def test_what_is_no_revision(root: Path, revision: str) -> None:
    with pytest.raises(UsageError, match="git has no revision"):
        since(root, revision)


def test_without_git_or_a_commit(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="in no git repository"):
        since(tmp_path)
    git(tmp_path, "init", "-q")
    with pytest.raises(UsageError, match="git has no revision"):
        since(tmp_path)


def test_what_a_partial_clone_lacks_is_said(root: Path) -> None:
    lost = git(root, "rev-parse", "HEAD:a.py").strip()
    (root / "a.py").write_text("new = 1\n")
    (root / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    with pytest.raises(DataError, match="git lacks the object"):
        since(root)


def test_binary_and_large_files_are_not_compared_line_by_line(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "a.py").write_bytes(bytes(range(256)) * 40)
    (root / "dir" / "b.py").write_text("x = 1\n" * 100)
    commit(root)
    monkeypatch.setattr(module, "MOST_FILE_BYTES", 100)
    (root / "a.py").write_text("now = 1\n")
    (root / "dir" / "b.py").write_text("now = 2\n")
    assert since(root) == {"a.py": {1}, "dir/b.py": {1}}


lines = st.lists(st.sampled_from(["a", "b", "c", " a", ""]), max_size=12)


@given(lines, lines)
def test_without_what_is_added_nothing_is_there_more_often(old: list[str], new: list[str]) -> None:
    added = added_lines(old, new)
    kept = [line.strip() for number, line in enumerate(new, 1) if number not in added]
    remaining = iter([line.strip() for line in old])
    assert all(line in remaining for line in kept if line)  # a subsequence of what was there


def test_very_many_lines_are_compared_by_how_often_they_are_there() -> None:
    old = [f"line {n}" for n in range(2_000)]
    new = [*reversed(old), "line 5", "other"]
    assert added_lines(old, new) == {2_001, 2_002}
