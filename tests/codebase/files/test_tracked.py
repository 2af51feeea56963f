"""A file that git tracks is source though an ignore rule matches it, as for git itself."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.codebase.files.repository import find_repository
from c2llm.codebase.files.tracked import TrackedFiles
from c2llm.codebase.files.walk import SourceFile, WalkReport, list_changes, list_files
from tests.codebase.files.trees import git, make, needs_git, paths, reasons

pytestmark = needs_git

FILES = {
    "app.py": "x = 1\n",
    "gen/kept.py": "x = 2\n",
    "gen/other.py": "x = 3\n",
    "gen/deep/kept.py": "x = 4\n",
    "gen/deep/er/other.py": "x = 5\n",
    "local.cfg.py": "x = 6\n",
    "kept.cfg.py": "x = 7\n",
    "node_modules/kept.js": "x = 8\n",
}
TRACKED = ["app.py", "gen/kept.py", "gen/deep/kept.py", "kept.cfg.py", "node_modules/kept.js"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = make(tmp_path / "tree", {**FILES, ".gitignore": "gen/\n*.cfg.py\n"})
    git(root, "init", "-q")
    git(root, "add", "-f", *TRACKED)
    return root


def stamps(files: tuple[SourceFile, ...]) -> dict[str, tuple[str, int, int, int]]:
    return {file.path: (file.path, file.size, file.mtime_ns, file.inode) for file in files}


def relisted(root: Path, before: WalkReport) -> tuple[set[str], set[str]]:
    """What is new or changed, and what is as it was."""
    report, same = list_changes(root, stamps(before.files), before.rules)
    return paths(report), same


def test_tracked_files_are_taken_and_others_named(tree: Path) -> None:
    report = list_files(tree)
    taken = {"app.py", "gen/kept.py", "gen/deep/kept.py", "kept.cfg.py", ".gitignore"}
    assert paths(report) == taken
    assert reasons(report) == {
        "gen/other.py": "ignored by git",
        "gen/deep/er/": "ignored by git",
        "local.cfg.py": "ignored by git",
        "node_modules/": "dependencies",
    }


def test_our_own_ignore_file_stands_above_git(tree: Path) -> None:
    make(tree, {".c2llmignore": "gen/deep/\nkept.cfg.py\n", "gen/.c2llmignore": "!other.py\n"})
    taken = {"app.py", "gen/kept.py", "gen/other.py", ".gitignore", ".c2llmignore"}
    assert paths(list_files(tree)) == taken


def test_a_directory_below_the_top(tree: Path) -> None:
    assert paths(list_files(tree / "gen/deep")) == {"kept.py", "er/other.py"}  # it was named
    assert paths(list_files(tree / "gen")) == {"kept.py", "other.py", "deep/kept.py"} | {
        "deep/er/other.py"
    }
    make(tree, {"sub/a.cfg.py": "x", "sub/b.cfg.py": "x"})
    git(tree, "add", "-f", "sub/a.cfg.py")
    assert paths(list_files(tree / "sub")) == {"a.cfg.py"}


def test_what_is_tracked_no_more_goes_and_what_is_comes(tree: Path) -> None:
    before = list_files(tree)
    everything = paths(before)
    assert relisted(tree, before) == (set(), everything)
    git(tree, "rm", "-q", "--cached", "gen/kept.py", "kept.cfg.py")
    assert relisted(tree, before) == (set(), everything - {"gen/kept.py", "kept.cfg.py"})
    git(tree, "add", "-f", "gen/kept.py", "gen/deep/er/other.py")
    changed, same = relisted(tree, before)
    assert changed == {"gen/deep/er/other.py"} and same == everything - {"kept.cfg.py"}


def test_a_tracked_file_that_is_gone_and_back(tree: Path) -> None:
    before = list_files(tree)
    (tree / "gen/kept.py").unlink()
    assert relisted(tree, before) == (set(), paths(before) - {"gen/kept.py"})
    without = list_files(tree)
    make(tree, {"gen/kept.py": "x = 9\n"})
    assert relisted(tree, without) == ({"gen/kept.py"}, paths(without))


def version_4(root: Path) -> None:
    git(root, "update-index", "--index-version", "4")


def version_3(root: Path) -> None:
    make(root, {"later.py": "x"})
    git(root, "add", "--intent-to-add", "later.py")
    git(root, "update-index", "--skip-worktree", "app.py")


def split_index(root: Path) -> None:
    git(root, "update-index", "--split-index")
    make(root, {"new.cfg.py": "x"})
    git(root, "add", "-f", "new.cfg.py")


def conflict(root: Path) -> None:
    git(root, "commit", "-qm", "one")
    for branch in ("left", "right"):
        git(root, "checkout", "-q", "-b", branch, "HEAD" if branch == "left" else "HEAD~")
        make(root, {"gen/kept.py": f"x = '{branch}'\n"})
        git(root, "commit", "-qam", branch)
    with pytest.raises(subprocess.CalledProcessError):
        git(root, "merge", "left")


@pytest.mark.parametrize("change", [version_3, version_4, split_index, conflict])
def test_every_form_of_git_s_index(tree: Path, change: Callable[[Path], None]) -> None:
    change(tree)
    tracked = TrackedFiles(find_repository(tree), "")
    listed = set(git(tree, "ls-files", "-z").split("\0")) - {""}
    assert set(TRACKED) <= listed
    for path in {*listed, *FILES, "gen", "app", "gen/kept.pyx", "zzz"}:
        assert tracked.holds(path) == (path in listed)
    for folder in ("gen/", "gen/deep/", "gen/deep/er/", "node_modules/", "ge/", "none/"):
        assert tracked.holds(folder) == any(path.startswith(folder) for path in listed)


def test_an_index_with_sha256(tmp_path: Path) -> None:
    try:
        git(tmp_path, "init", "-q", "--object-format=sha256")
    except subprocess.CalledProcessError:
        pytest.skip("this git knows no sha256")
    make(tmp_path, {f"f{number}.py": "x" for number in range(9)} | {".gitignore": "*.py\n"})
    git(tmp_path, "add", "-f", "f3.py", "f7.py")
    assert paths(list_files(tmp_path)) == {"f3.py", "f7.py", ".gitignore"}


def test_a_worktree_has_an_index_of_its_own(tree: Path) -> None:
    git(tree, "commit", "-qm", "first")
    other = tree.parent / "other"
    git(tree, "worktree", "add", "-q", str(other))
    make(other, {"new.cfg.py": "x", ".gitignore": "*.cfg.py\n"})
    git(other, "add", "-f", "new.cfg.py")
    assert {"new.cfg.py", "kept.cfg.py"} <= paths(list_files(other))
    make(tree, {"new.cfg.py": "x"})
    assert "new.cfg.py" not in paths(list_files(tree))


def test_names_of_any_bytes_and_lengths(tree: Path) -> None:
    names = ["é.cfg.py", "new\nline.cfg.py", "x" * 200 + ".cfg.py", " .cfg.py"]
    make(tree, {f"d/{'y' * 200}/{name}": "x" for name in names})
    git(tree, "add", "-f", "d")
    assert {f"d/{'y' * 200}/{name}" for name in names} <= paths(list_files(tree))


@given(st.data())
def test_a_damaged_index_is_read_as_far_as_it_goes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("damaged")
    make(root, {**FILES, ".gitignore": "gen/\n"})
    git(root, "init", "-q")
    git(root, "add", "-f", *TRACKED)
    if data.draw(st.booleans()):
        version_4(root)
    index = root / ".git/index"
    content = bytearray(index.read_bytes())
    chance = random.Random(data.draw(st.integers(0, 1_000)))
    for _ in range(data.draw(st.integers(1, 20))):
        content[chance.randrange(len(content))] = chance.randrange(256)
    index.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    assert {"app.py", ".gitignore"} <= paths(list_files(root))


def test_names_that_grow_without_end_are_not_followed(tree: Path) -> None:
    entry = bytes(60) + b"\0\0" + b"\0" + b"a\0"  # all of the name before, and one letter
    content = b"DIRC" + (4).to_bytes(4) + (50_000).to_bytes(4) + entry * 50_000 + bytes(20)
    (tree / ".git/index").write_bytes(content)
    assert not TrackedFiles(find_repository(tree), "").holds("app.py")
