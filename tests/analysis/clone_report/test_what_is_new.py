"""A diff adds a copy where it writes one, not where it touches or moves what was there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from c2llm.analysis.added_lines import additions_since
from c2llm.analysis.clone_report.member_code import MemberCode
from c2llm.analysis.clone_report.what_is_new import DiffedTrees
from c2llm.analysis.clones.clone_class import Member
from c2llm.codebase.git import Git
from tests.analysis.clone_report.reports import FIRST, OTHER, RENAMED, clone, member
from tests.serving.conftest import git, repository
from tests.trees import write_tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "r", {"a.py": FIRST, "b.py": RENAMED, "c.py": OTHER})


def added(root: Path, *members: Member, since: str = "HEAD", kind=2) -> set[str]:
    paths = [p.relative_to(root).as_posix() for p in root.rglob("*.py")]
    additions = additions_since(Git(root), since, paths)
    diffed = DiffedTrees({"": additions}, MemberCode({"": root}))
    return {f"{one.path}:{one.start_line}" for one in diffed.added_to(clone(members, kind))}


def test_what_was_there_is_not_new(root: Path) -> None:
    assert added(root, member("a.py"), member("b.py")) == set()


def test_a_new_copy_is_whether_it_is_in_a_new_file_or_not(root: Path) -> None:
    (root / "d.py").write_text(FIRST.replace("total", "amount"))
    (root / "c.py").write_text(OTHER + "\n\n" + FIRST)
    places = member("a.py"), member("b.py"), member("c.py", 7, 12), member("d.py")
    assert added(root, *places) == {"c.py:7", "d.py:1"}
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x")
    assert added(root, *places, since="HEAD~1") == {"c.py:7", "d.py:1"}
    assert added(root, *places) == set()


def test_a_correction_within_an_old_copy_adds_nothing(root: Path) -> None:
    (root / "b.py").write_text(RENAMED.replace("total = 0\n", "total = 0.0\n"))
    assert added(root, member("a.py"), member("b.py"), kind=3) == set()


def test_the_same_edit_in_both_copies_adds_nothing(root: Path) -> None:
    for path, text in (("a.py", FIRST), ("b.py", RENAMED)):
        edited = text.replace("total = 0\n", "total = start()\n    total += 1\n    check(total)\n")
        (root / path).write_text(edited)
    assert added(root, member("a.py", 1, 8), member("b.py", 1, 8)) == set()


def test_a_function_made_into_a_copy_is_new(root: Path) -> None:
    """Of six lines that now stand as elsewhere the diff has written four."""
    before = (
        "def fetch(customer, limit):\n    total = 0\n    rows = customer\n    return rows, total\n"
    )
    (root / "b.py").write_text(before)
    git(root, "commit", "-qam", "x")
    (root / "b.py").write_text(RENAMED)
    assert added(root, member("a.py"), member("b.py")) == {"b.py:1"}


def test_code_that_was_moved_is_not_new(root: Path) -> None:
    (root / "a.py").write_text("x = 1\n")
    (root / "c.py").write_text(OTHER + "\n\n" + "".join(f"    {x}\n" for x in FIRST.splitlines()))
    assert added(root, member("b.py"), member("c.py", 7, 12)) == set()
    (root / "a.py").write_text(FIRST)  # and left where it was: that is a copy
    assert added(root, member("a.py"), member("b.py"), member("c.py", 7, 12)) == {"c.py:7"}


def test_a_file_that_was_renamed_and_edited_is_not_new(root: Path) -> None:
    (root / "lib").mkdir()
    (root / "a.py").rename(root / "lib" / "z.py")
    (root / "lib" / "z.py").write_text(FIRST.replace("total = 0\n", "total = 0.5\n"))
    assert added(root, member("b.py"), member("lib/z.py"), kind=3) == set()


def test_a_file_copied_within_one_diff_is_new_once_or_twice(root: Path) -> None:
    write_tree(root, {"x.py": OTHER.replace("y", "z"), "y.py": OTHER.replace("y", "q")})
    found = added(root, member("c.py", 1, 4), member("x.py", 1, 4), member("y.py", 1, 4))
    assert found == {"x.py:1", "y.py:1"}


def test_names_of_any_bytes_and_files_that_vanish(root: Path) -> None:
    name = os.fsdecode(b"raw\xff\n.py")
    (root / name).write_text(FIRST)
    assert added(root, member("a.py"), member(name)) == {f"{name}:1"}
    additions = additions_since(Git(root), "HEAD", ["a.py", name])
    (root / name).unlink()
    diffed = DiffedTrees({"": additions}, MemberCode({"": root}))
    assert diffed.added_to(clone([member("a.py"), member(name)]))
