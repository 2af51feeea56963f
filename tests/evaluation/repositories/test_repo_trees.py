"""Trees of real git repositories: work tree, bare, another commit, and hostile contents."""

from __future__ import annotations

import subprocess

import pytest

from c2llm.errors import DataError
from c2llm.evaluation.repositories.repo_questions import Question, Repository, Target
from c2llm.evaluation.repositories.repo_trees import find_tree


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def origin(tmp_path):
    """A repository of two commits: the first is pinned, the second changes what is searched."""
    folder = tmp_path / "origin"
    (folder / "src").mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "src" / "a.py").write_text("first = 1\n")
    (folder / "src" / "escape").symlink_to("/etc")
    (folder / "other.py").write_text("x\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    pinned = git(folder, "rev-parse", "HEAD")
    (folder / "src" / "a.py").write_text("second = 2\n")
    git(folder, "commit", "-qam", "two")
    return folder, pinned


def repository(revision, root="src"):
    return Repository("demo", "python", revision, root, (Question("q", (Target("src/a.py"),), ""),))


@pytest.mark.parametrize("name", ["demo", "demo.git"])
def test_a_bare_repository_gives_the_pinned_files_of_the_root(tmp_path, origin, name):
    folder, pinned = origin
    git(tmp_path, "clone", "-q", "--bare", str(folder), str(tmp_path / "repos" / name))
    tree = find_tree(repository(pinned), tmp_path / "repos", tmp_path / "cache")
    assert tree.revision == pinned
    assert (tree.root / "a.py").read_text() == "first = 1\n"
    assert not (tree.root.parent / "other.py").exists()
    assert not (tree.root / "escape").exists()
    # The commit cannot change, so its files are not unpacked twice.
    (tree.root / "a.py").write_text("kept\n")
    again = find_tree(repository(pinned), tmp_path / "repos", tmp_path / "cache")
    assert (again.root / "a.py").read_text() == "kept\n"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [f"demo-{pinned[:12]}"]


def test_a_work_tree_at_the_pinned_commit_is_taken_as_it_stands(tmp_path, origin):
    folder, pinned = origin
    (tmp_path / "repos").mkdir()
    folder.rename(tmp_path / "repos" / "demo")
    git(tmp_path / "repos" / "demo", "checkout", "-q", pinned)
    tree = find_tree(repository(pinned[:12]), tmp_path / "repos", tmp_path / "cache")
    assert tree.root == tmp_path / "repos" / "demo" / "src"
    assert tree.revision == pinned


def test_a_tree_without_git_has_no_revision(tmp_path):
    (tmp_path / "repos" / "demo").mkdir(parents=True)
    tree = find_tree(repository("", root=""), tmp_path / "repos", tmp_path / "cache")
    assert (tree.root, tree.revision) == (tmp_path / "repos" / "demo", "")


def test_what_is_absent_is_none_and_what_is_wrong_is_named(tmp_path, origin):
    folder, pinned = origin
    repos = tmp_path / "repos"
    repos.mkdir()
    assert find_tree(repository(pinned), repos, tmp_path / "cache") is None
    git(tmp_path, "clone", "-q", "--bare", str(folder), str(repos / "demo"))
    with pytest.raises(DataError, match="cannot give revision 000000000000 of demo"):
        find_tree(repository("0" * 40), repos, tmp_path / "cache")
    with pytest.raises(DataError, match="cannot give revision"):
        find_tree(repository(pinned, root="lib"), repos, tmp_path / "cache")
    (tmp_path / "plain" / "demo").mkdir(parents=True)
    with pytest.raises(DataError, match="has no directory 'src'"):
        find_tree(repository(pinned), tmp_path / "plain", tmp_path / "cache")


def test_a_work_tree_gives_the_pinned_commit_if_its_git_has_it(tmp_path, origin):
    folder, pinned = origin
    (tmp_path / "repos").mkdir()
    folder.rename(tmp_path / "repos" / "demo")
    tree = find_tree(repository(pinned), tmp_path / "repos", tmp_path / "cache")
    assert (tree.revision, (tree.root / "a.py").read_text()) == (pinned, "first = 1\n")
    unknown = find_tree(repository("0" * 40), tmp_path / "repos", tmp_path / "cache")
    assert (unknown.root / "a.py").read_text() == "second = 2\n"
    assert unknown.revision != "0" * 40
