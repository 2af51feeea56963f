"""A link leads nowhere, also one that was a directory a moment ago, and nothing waits."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from c2llm.codebase.files import confined
from c2llm.codebase.files.confined import (
    MOST_SETTINGS_BYTES,
    Directories,
    NotRegularError,
    open_file,
    read_settings,
)
from c2llm.codebase.files.walk import list_files, walk
from c2llm.index.build.cutting import cut_file, same_content
from tests.codebase.files.trees import HOSTILE, folder, huge, make, paths, reasons


@pytest.fixture(params=[True, False], ids=["by descriptor", "by path"])
def _either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "BY_DESCRIPTOR", request.param and confined.BY_DESCRIPTOR)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    make(tmp_path / "outside", {"b.py": "secret = 1\n", "deep/c.py": "secret = 2\n"})
    return make(tmp_path / "tree", {"a/b.py": "b = 1\n", "a/deep/c.py": "c = 1\n", "d.py": "d\n"})


def swap(tree: Path, name: str, target: Path) -> None:
    """Put a link in the place of a directory."""
    (tree / name).rename(tree.with_name(name.replace("/", "-") + ".old"))
    (tree / name).symlink_to(target)


# -- reading -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize("swapped", ["a", "a/deep"])
def test_a_directory_that_becomes_a_link_after_the_walk_is_not_read_through(
    tree: Path, swapped: str
) -> None:
    listed = {file.path: file for file in list_files(tree).files}
    outside = tree.parent / "outside"
    swap(tree, swapped, outside if swapped == "a" else outside / "deep")
    file = listed["a/deep/c.py"]
    with pytest.raises(FileNotFoundError):
        file.read()
    with Directories(file.root) as directories:
        with pytest.raises(FileNotFoundError):
            directories.beginning(file.path, 100)
        assert directories.beginning("d.py", 1) == b"d"
    cut = cut_file(file)
    assert (cut.skipped, cut.chunks, cut.gone) == ("vanished", (), True)
    assert not same_content(file, b"")
    assert cut_file(listed["d.py"]).skipped == ""


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize(
    "path", ["../outside/b.py", "a/../../outside/b.py", "/etc/passwd", "", "."]
)
def test_no_path_leads_out_of_the_tree(tree: Path, path: str) -> None:
    with pytest.raises(FileNotFoundError):
        open_file(str(tree), path)


@pytest.mark.parametrize("put", HOSTILE)
def test_what_is_no_file_is_neither_read_nor_waited_for(
    tree: Path, put: Callable[[Path], None]
) -> None:
    if put is huge:
        pytest.skip("a regular file; how much of it is read is for the caller to say")
    put(tree / "x.py")
    with pytest.raises(OSError) as caught:
        open_file(str(tree), "x.py")
    with Directories(str(tree)) as directories, pytest.raises(type(caught.value)):
        directories.beginning("x.py", 100)
    assert isinstance(caught.value, NotRegularError) != (tree / "x.py").is_symlink()


@pytest.mark.parametrize("follow", [True, False])
@pytest.mark.parametrize("put", HOSTILE)
def test_settings_that_are_no_file_are_none(
    tree: Path, put: Callable[[Path], None], follow: bool
) -> None:
    put(tree / "x")
    found = read_settings(tree / "x", follow=follow)
    assert found in (None, b"")  # of 3 GB without a line's end there is no line
    assert read_settings(tree / "nothing\0here") is None


def test_of_large_settings_the_first_lines_count(tree: Path) -> None:
    (tree / "x").write_bytes(b"*.tmp\n" * 1_000_000)
    found = read_settings(tree / "x")
    assert found is not None and MOST_SETTINGS_BYTES - 6 <= len(found) <= MOST_SETTINGS_BYTES
    assert found.endswith(b"*.tmp\n")


def test_a_link_to_settings_is_followed_at_home_only(tree: Path) -> None:
    (tree / "x").symlink_to("d.py")
    assert read_settings(tree / "x") is None
    assert read_settings(tree / "x", follow=True) == b"d\n"


# -- listing -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize("swapped", ["a", "a/deep"])
def test_a_directory_that_becomes_a_link_during_the_walk_is_not_entered(
    tree: Path, monkeypatch: pytest.MonkeyPatch, swapped: str
) -> None:
    outside = tree.parent / "outside"
    scan = Directories.scan

    def swapping(
        self: Directories, path: str
    ) -> tuple[dict[str, os.DirEntry[str]], int | None]:  # when it has been seen and not entered
        if path == swapped + "/":
            swap(tree, swapped, outside if swapped == "a" else outside / "deep")
        return scan(self, path)

    monkeypatch.setattr(Directories, "scan", swapping)
    report = walk(tree)
    expected = {"d.py"} if swapped == "a" else {"d.py", "a/b.py"}
    assert paths(report) == expected
    assert reasons(report)[swapped + "/"] == "vanished"


@pytest.mark.skipif(not confined.BY_DESCRIPTOR, reason="no descriptors of directories")
def test_what_is_seen_in_a_directory_stays_that_directory_s(tree: Path) -> None:
    outside = tree.parent / "outside"
    (outside / "b.py").write_text("a far longer secret\n")
    with Directories(str(tree)) as directories:
        entries, _ = directories.scan("a/")
        swap(tree, "a", outside)
        sizes = {name: entry.stat(follow_symlinks=False).st_size for name, entry in entries.items()}
        assert sizes["b.py"] == len("b = 1\n")
        deeper, _ = directories.scan("a/deep/")  # from the directory that was opened, not the link
        assert [entry.stat().st_size for entry in deeper.values()] == [len("c = 1\n")]


def test_directories_in_any_order(tmp_path: Path) -> None:
    deep = "/".join("abcdefghijklmnopqrst")
    make(tmp_path, {f"{deep}/x.py": "x", "a/y.py": "y", "z/z/z.py": "z"})
    with Directories(str(tmp_path)) as directories:
        for _ in range(2):
            for path, name in ((f"{deep}/", "x.py"), ("a/", "y.py"), ("z/z/", "z.py")):
                assert name in directories.scan(path)[0]
        assert set(directories.scan("")[0]) == {"a", "z"}


def test_no_descriptor_is_left_open(tree: Path) -> None:
    opened = set(os.listdir("/dev/fd"))  # noqa: PTH208
    walk(tree)
    for path in ("a/b.py", "a/none.py", "none/b.py", "a"):
        try:
            open_file(str(tree), path).close()
        except OSError:
            continue
    assert set(os.listdir("/dev/fd")) == opened  # noqa: PTH208


def test_a_process_that_may_open_few_files_lists_all_the_same(tmp_path: Path) -> None:
    deep = "/".join("abcdefghijklmnopqrst")
    make(tmp_path, {f"{deep}/x.py": "x = 1\n", "a/y.py": "y = 1\n"})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(map(int, os.listdir("/dev/fd")))  # noqa: PTH208
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 4, hard))
    try:
        assert paths(list_files(tmp_path)) == {f"{deep}/x.py", "a/y.py"}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_long_chain_of_links_is_a_broken_one(tree: Path) -> None:
    (tree / "l0").symlink_to("d.py")
    for number in range(1, 1_500):
        (tree / f"l{number}").symlink_to(f"l{number - 1}")
    found = reasons(list_files(tree))
    assert found["l1"] == "link inside the tree" and found["l1499"] == "broken link"


# -- rules and settings of git that are no files -------------------------------------------------

_BELOW = [".gitignore", ".c2llmignore", ".gitattributes", "sub/.gitignore", "sub/.git", ".git"]
_OF_GIT = [".git/config", ".git/info/exclude", ".git/index", ".git/commondir", ".git/HEAD"]
_ABOVE = ["../.gitignore", "../.gitattributes"]
_OF_USER = ["../home/.gitconfig", "../home/.config/git/config", "../home/.config/git/ignore"]


@pytest.mark.parametrize("place", [*_BELOW, *_OF_GIT, *_ABOVE, *_OF_USER])
@pytest.mark.parametrize("put", HOSTILE)
def test_rules_that_are_no_file_neither_hang_nor_hide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put: Callable[[Path], None], place: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    root = make(tmp_path / "tree", {"a.py": "a = 1\n", "sub/b.py": "b = 1\n", "sub/c.tmp": "c"})
    if place not in (".git", ".gitignore"):
        make(root, {".git/HEAD": "", ".gitignore": "*.tmp\n"})
    if place in _ABOVE:
        (root / ".git").rename(root.parent / ".git")
    path = root / place
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path)
    report = walk(root)
    assert "a.py" in paths(report)
    nested = place == "sub/.git" and (put in (folder, huge) or path.is_symlink())
    assert ("sub/b.py" in paths(report)) != nested
    if place not in (".git", ".gitignore") and not nested:
        assert reasons(report)["sub/c.tmp"] == "ignored by git"


@pytest.mark.parametrize(
    "value", ["~nosuchuser/x", "a\0b", "", '"', "%(prefix)/x", "/dev/zero", "a" * 5_000, "../../.."]
)
def test_an_excludes_file_that_cannot_be(tmp_path: Path, value: str) -> None:
    make(tmp_path, {".git/config": f"[core]\n\texcludesFile = {value}\n", "a.py": "a = 1\n"})
    assert paths(list_files(tmp_path)) == {"a.py"}


@pytest.mark.parametrize(
    "pointer", ["gitdir: /dev", "gitdir: a\0b", "gitdir: .", "gitdir:", "x", "gitdir: ../.git\n"]
)
def test_a_pointer_of_git_that_leads_nowhere(tmp_path: Path, pointer: str) -> None:
    make(tmp_path, {".git": pointer, ".gitignore": "b.py\n", "a.py": "a = 1\n", "b.py": "b = 1\n"})
    assert paths(list_files(tmp_path)) == {"a.py", ".gitignore"}
