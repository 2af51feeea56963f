"""Submodules, worktrees of a bare repository, clones inside a tree; stamps that tell a write."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from c2llm.codebase.files.walk import list_changes, list_files
from c2llm.search.code_index import CodeIndex
from tests.trees import write_tree


def git(root: Path, *arguments: str) -> None:
    named = ["-c", "user.name=Ada", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    command = ["git", "-C", str(root), *named, "-c", "protocol.file.allow=always", *arguments]
    subprocess.run(command, check=True, capture_output=True, env=environment)


def repository(root: Path, **files: str) -> Path:
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    return root


def listed(root: Path) -> list[str]:
    return [file.path for file in list_files(root).files]


def reasons(root: Path) -> dict[str, str]:
    return {skip.path: skip.reason for skip in list_files(root).skipped}


@pytest.fixture
def outer(tmp_path: Path) -> Path:
    inner = repository(tmp_path / "library", deep="def deep():\n    return 1\n")
    root = repository(tmp_path / "outer", top="def top():\n    return 2\n")
    git(root, "submodule", "add", "-q", str(inner), "libs/library")
    git(root, "commit", "-qm", "two")
    return root


def test_a_submodule_is_part_of_the_tree(outer: Path) -> None:
    assert listed(outer) == [".gitmodules", "libs/library/deep.py", "top.py"]
    assert listed(outer / "libs") == ["library/deep.py"]
    worktree = outer.parent / "worktree"
    git(outer, "worktree", "add", "-q", str(worktree))
    git(worktree, "submodule", "update", "--init", "-q")
    assert "libs/library/deep.py" in listed(worktree)


def test_one_that_is_not_checked_out_is_told_with_the_cure(
    outer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    git(tmp_path, "clone", "-q", str(outer), str(tmp_path / "clone"))
    told: list[str] = []
    with CodeIndex.open(tmp_path / "clone", embed="none", note=told.append) as index:
        assert index.left_out() == {"submodule not checked out": 1}
    assert told == [
        "1 submodule is not checked out and so not searched; to have them: "
        "git submodule update --init"
    ]
    git(tmp_path / "clone", "submodule", "update", "--init", "-q")
    told.clear()
    with CodeIndex.open(tmp_path / "clone", embed="none", note=told.append) as index:
        assert index.search("deep", 1, "lexical")[0].path == "libs/library/deep.py"
    assert told == []


@pytest.mark.parametrize("pointer", [True, False])
def test_the_worktrees_of_a_bare_repository_are_what_there_is(outer: Path, pointer: bool) -> None:
    project = outer.parent / "project"
    git(outer.parent, "clone", "-q", "--bare", str(outer), str(project / ".bare"))
    if pointer:
        (project / ".git").write_text("gitdir: ./.bare\n")
    git(project / ".bare", "worktree", "add", "-q", str(project / "main"))
    git(project / ".bare", "worktree", "add", "-q", str(project / "feature" / "one"))
    paths = listed(project)
    assert {"main/top.py", "feature/one/top.py"} <= set(paths)
    assert not [path for path in paths if path.startswith(".bare")]
    assert reasons(project)[".bare/"] == "version control"
    assert "top.py" in listed(project / "main")


def test_each_part_tracks_its_own_files(outer: Path) -> None:
    """A rule says nothing of what a submodule or a worktree has, nor of a submodule itself."""
    library = outer / "libs" / "library"
    (outer / ".gitignore").write_text("libs/\n")
    (library / ".gitignore").write_text("made/\n")
    write_tree(library, {"made/kept.py": "x = 1\n", "made/local.py": "y = 1\n"})
    git(library, "add", "-f", "made/kept.py")
    assert listed(outer) == [
        *(".gitignore", ".gitmodules", "libs/library/deep.py", "libs/library/made/kept.py"),
        "top.py",
    ]
    before = list_files(outer)
    known = {f.path: (f.path, f.size, f.mtime_ns, f.inode) for f in before.files}
    assert list_changes(outer, known, before.rules)[0].files == ()
    git(library, "rm", "-q", "--cached", "-f", "made/kept.py")
    assert "libs/library/made/kept.py" not in list_changes(outer, known, before.rules)[1]


def test_a_clone_or_a_linked_worktree_inside_is_another_repository(outer: Path) -> None:
    repository(outer / "scratch" / "clone", other="x = 1\n")
    git(outer, "worktree", "add", "-q", str(outer / ".trees" / "feature"))
    assert listed(outer) == [".gitmodules", "libs/library/deep.py", "top.py"]
    found = reasons(outer)
    assert found["scratch/clone/"] == found[".trees/feature/"] == "nested repository"


def test_a_pointer_or_a_list_that_means_harm_is_nothing(outer: Path) -> None:
    lists = outer / ".gitmodules"
    for hostile in ("path = ../../etc", "path = /etc", "path = .", "path = \0", "path = a/../.."):
        lists.write_text(f'[submodule "x"]\n{hostile}\n')
        assert "submodule not checked out" not in reasons(outer).values()
    lists.unlink()
    os.mkfifo(lists)
    (outer / "libs" / "library" / ".git").unlink()
    os.mkfifo(outer / "libs" / "library" / ".git")
    # A pipe makes no repository of its directory, which is one as any other then.
    assert listed(outer) == ["libs/library/deep.py", "top.py"]
    lists.unlink()
    lists.symlink_to("/dev/zero")
    assert listed(outer) == ["libs/library/deep.py", "top.py"]


def test_a_write_that_leaves_size_and_time_is_a_change(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("one = 1\n")
    os.utime(file, ns=(10**18, 10**18))
    before = list_files(tmp_path)
    known = {f.path: (f.path, f.size, f.mtime_ns, f.inode) for f in before.files}
    assert list_changes(tmp_path, known, before.rules)[0].files == ()
    inode = file.stat().st_ino
    with file.open("r+") as stream:
        stream.write("one = 2\n")
    os.utime(file, ns=(10**18, 10**18))
    assert (file.stat().st_ino, file.stat().st_size) == (inode, 8)
    assert [f.path for f in list_changes(tmp_path, known, before.rules)[0].files] == ["a.py"]


def test_the_index_sees_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    root = tmp_path / "p"
    root.mkdir()
    file = root / "a.py"
    for name in ("first_one", "other_one"):
        with file.open("r+" if file.exists() else "w") as stream:
            stream.write(f"def {name}():\n    return 1\n")
        os.utime(file, ns=(10**18, 10**18))
        with CodeIndex.open(root, embed="none") as index:
            assert index.search(name, 1, "lexical")[0].text.startswith(f"def {name}")
    copy = tmp_path / "copied"
    shutil.copytree(root, copy)
    assert listed(copy) == ["a.py"]
