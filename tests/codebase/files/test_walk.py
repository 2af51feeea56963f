"""The walk sees what git sees, less what is not source, and stumbles over nothing."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.codebase.files.exclusions import file_reason
from c2llm.codebase.files.walk import Skipped, SourceFile, list_files, walk
from tests.codebase.files.trees import git, make, needs_git, paths, reasons


@pytest.fixture(autouse=True)
def _no_rules_of_this_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def git_sees(root: Path) -> set[str]:
    listed = git(root, "ls-files", "-z", "--others", "--exclude-standard")
    return {path for path in listed.split("\0") if path}


# -- against git ---------------------------------------------------------------------------------

_WILD = [
    "*",
    "**",
    "***",
    "?",
    "[ab]",
    "[!a]",
    "[a-c]",
    "[^b]",
    "[c-a]",
    "[]a]",
    "[a",
    "[[:alpha:]]",
]
_PLAIN = ["a", "b", "ab", "/", "/", ".py", "*.py", "\\a", "\\*", "\\ ", " ", "!", "#", "-"]
_PIECES = st.sampled_from([*_WILD, *_PLAIN])
_LINES = st.lists(_PIECES, min_size=1, max_size=5).map("".join)
_IGNORE_FILE = st.lists(_LINES, min_size=1, max_size=4).map(lambda lines: "\n".join(lines) + "\n")
_NAMES = st.sampled_from(["a", "b", "ab", "c", "a.py", "b.py", "*", "ba", " b", "]", "#a", "-"])
_DIRECTORY = st.lists(_NAMES, max_size=2)


@st.composite
def _trees(draw: st.DrawFn) -> dict[str, str]:
    files: dict[str, str] = {}
    taken: set[str] = set()
    for parts in draw(st.lists(st.lists(_NAMES, min_size=1, max_size=3), min_size=4, max_size=16)):
        above = ["/".join(parts[:end]) for end in range(1, len(parts))]
        path = "/".join(parts)
        if path in taken or any(parent in files for parent in above):
            continue
        files[path] = "x = 1\n"
        taken |= {path, *above}
    for parts in draw(st.lists(_DIRECTORY, max_size=3)):
        directory = "/".join(parts)
        if not directory or directory in taken - set(files):
            name = f"{directory}/.gitignore".removeprefix("/")
            files[name] = draw(_IGNORE_FILE)
    return files


@needs_git
@settings(max_examples=60, deadline=None)
@given(files=_trees(), exclude=st.one_of(st.just(""), _IGNORE_FILE))
def test_ignore_rules_are_those_of_git(files: dict[str, str], exclude: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        git(root, "init", "-q")
        make(root, {**files, ".git/info/exclude": exclude})
        assert paths(list_files(root)) == git_sees(root)


@needs_git
@settings(max_examples=20, deadline=None)
@given(files=_trees())
def test_rules_above_the_root_count(files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        git(root, "init", "-q")
        make(root, files)
        for part in {path.partition("/")[0] for path in files if "/" in path}:
            seen = {path for path in git_sees(root) if path.startswith(part + "/")}
            if not seen:  # a root that git ignores is walked all the same when it is named
                continue
            assert {f"{part}/{path}" for path in paths(list_files(root / part))} == seen


@needs_git
def test_a_worktree_is_nested_and_knows_the_common_exclude(tmp_path: Path) -> None:
    root = tmp_path / "main"
    make(root, {"a.py": "a = 1\n", "b.py": "b = 1\n"})
    git(root, "init", "-q")
    git(root, "add", "a.py")
    git(root, "commit", "-qm", "first")
    git(root, "worktree", "add", "-q", str(root / "other"))
    make(root, {".git/info/exclude": "b.py\n", "other/b.py": "b = 2\n"})
    assert paths(list_files(root)) == {"a.py"}
    assert reasons(list_files(root))["other/"] == "nested repository"
    assert paths(list_files(root / "other")) == {"a.py"}


def test_the_user_s_excludes_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, {"home/.gitconfig": f"[core]\n\texcludesFile = {tmp_path}/mine\n"})
    make(tmp_path, {"mine": "*.tmp.py\n", "root/.git/HEAD": "", "root/a.tmp.py": "x"})
    make(tmp_path, {"root/b.py": "x"})
    assert paths(list_files(tmp_path / "root")) == {"b.py"}


# -- our own rules -------------------------------------------------------------------------------


def test_our_ignore_file_stands_above_git_and_above_our_lists(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            ".gitignore": "secret/\n*.local.py\n",
            ".c2llmignore": "docs/\n!vendor/\n!secret/\n!Cargo.lock\n!keep.local.py\n",
            "secret/a.py": "x",
            "vendor/b.go": "x",
            "docs/c.md": "x",
            "keep.local.py": "x",
            "drop.local.py": "x",
            "Cargo.lock": "x",
            "node_modules/d.js": "x",
        },
    )
    report = list_files(tmp_path)
    expected = {".gitignore", ".c2llmignore", "secret/a.py", "vendor/b.go"}
    assert paths(report) == expected | {"keep.local.py", "Cargo.lock"}
    assert reasons(report) == {
        "docs/": ".c2llmignore",
        "drop.local.py": "ignored by git",
        "node_modules/": "dependencies",
    }


def test_what_is_not_source_is_counted_with_a_reason(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "ok.py": "x = 1\n",
            "logo.png": b"\x89PNG",
            "raw.txt": b"ab\0cd",
            "package-lock.json": "{}",
            "app.min.js": "x",
            "api.pb.go": "x",
            "gen.go": "// Code generated by protoc. DO NOT EDIT.\n",
            "sdk.ts": "/**\n * @generated\n */\n",
            "line.js": "function a(b){return b+1;}" * 300,
            "big.py": "x = 1\n" * 100,
            "empty.py": "",
            "table.csv": "a,b\n",
            "venv/pyvenv.cfg": "x",
            "venv/lib.py": "x",
            "rust/Cargo.toml": "x",
            "rust/target/out.rs": "x",
            "target/kept.rs": "x",
            "sub/.git/HEAD": "x",
            "sub/a.py": "x",
            "pkg.egg-info/PKG-INFO": "x",
        },
    )
    report = walk(tmp_path, max_file_bytes=10_000)
    assert paths(report) == {"ok.py", "rust/Cargo.toml", "target/kept.rs", "big.py"}
    assert reasons(report) == {
        "api.pb.go": "generated",
        "app.min.js": "generated",
        "empty.py": "empty",
        "gen.go": "generated",
        "line.js": "minified",
        "logo.png": "binary",
        "package-lock.json": "lockfile",
        "pkg.egg-info/": "cache",
        "raw.txt": "binary",
        "rust/target/": "build output",
        "sdk.ts": "generated",
        "sub/": "nested repository",
        "table.csv": "data",
        "venv/": "dependencies",
    }


def test_a_path_that_the_system_finds_too_long_is_named(tmp_path: Path) -> None:
    here = Path.cwd()
    (tmp_path / "ok.py").write_text("x = 1\n")
    try:
        os.chdir(tmp_path)
        for _ in range(25):  # 25 x 201 characters are more than the 4096 of a path
            Path("n" * 200).mkdir()
            os.chdir("n" * 200)
    finally:
        os.chdir(here)
    report = list_files(tmp_path)
    assert [file.path for file in report.files] == ["ok.py"]
    assert [skip.reason for skip in report.skipped] == ["path too long"]


def test_names_of_generated_files() -> None:
    generated = (
        "App.Min.js x.bundle.css 3.chunk.mjs a_pb2_grpc.pyi a.pb.gw.go a_pb.d.ts a.freezed.dart"
        " Form.Designer.cs a.g.i.cs types.generated.ts zz_generated.deepcopy.go gradlew"
        " gradlew.bat config.guess"
    )
    written = (
        "min.js bundle.js admin.js pb2.py generated.ts generator.py gradlew.md configure"
        " libtool.c autogenous.py regenerate.go a.d.ts bindatab.go autogen.sh autogen_agent.py"
        " merge-chunk.js split-bundle.js compute-min.css is_generated.ts not_generated.go"
        " bindata_loader.py zz_generated_names.go x-autogenerated-y.c generated.d.ts"
    )
    assert {file_reason(name) for name in generated.split()} == {"generated"}
    assert {file_reason(name) for name in written.split()} == {None}


def test_a_generator_is_not_generated(tmp_path: Path) -> None:
    source = 'def header():\n    """Write the banner."""\n' + "    pass\n" * 300
    make(tmp_path, {"generator.py": source + 'BANNER = "Code generated. DO NOT EDIT."\n'})
    assert paths(walk(tmp_path)) == {"generator.py"}


def test_size_limit(tmp_path: Path) -> None:
    make(tmp_path, {"small.py": "x" * 10, "large.py": "x" * 11})
    report = list_files(tmp_path, max_file_bytes=10)
    assert paths(report) == {"small.py"}
    assert reasons(report) == {"large.py": "too large"}


def test_the_head_decides_the_language(tmp_path: Path) -> None:
    make(tmp_path, {"a.h": "#pragma once\nnamespace a {}\n", "run": "#!/bin/bash\necho\n"})
    assert {file.path: file.language for file in list_files(tmp_path).files} == {
        "a.h": "c",
        "run": "text",
    }
    assert {file.path: file.language for file in walk(tmp_path).files} == {
        "a.h": "cpp",
        "run": "bash",
    }


# -- hostile trees -------------------------------------------------------------------------------


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "root"
    make(root, {"a.py": "a = 1\n", "dir/b.py": "b = 1\n"})
    make(tmp_path, {"outside.py": "secret = 1\n"})
    yield root


def test_links_are_never_followed(hostile: Path) -> None:
    (hostile / "dir" / "loop").symlink_to(hostile)
    (hostile / "self").symlink_to("self")
    (hostile / "twice.py").symlink_to("a.py")
    (hostile / "out.py").symlink_to("../outside.py")
    (hostile / "gone.py").symlink_to("nowhere")
    report = walk(hostile)
    assert paths(report) == {"a.py", "dir/b.py"}
    assert reasons(report) == {
        "dir/loop": "link inside the tree",
        "gone.py": "broken link",
        "out.py": "link out of the tree",
        "self": "broken link",
        "twice.py": "link inside the tree",
    }


def test_names_that_are_no_names(hostile: Path) -> None:
    (hostile / "new\nline.py").write_text("x = 1\n")
    with open(os.fsencode(hostile) + b"/latin\xe9.py", "w") as stream:  # noqa: PTH123
        stream.write("x = 1\n")
    (hostile / ".gitignore").write_bytes(b"\xff\xfe*\nb.py\n")
    report = walk(hostile)
    assert paths(report) == {"a.py", "new\nline.py", "latin\udce9.py", ".gitignore"}
    strange = next(file for file in report.files if file.path.startswith("latin"))
    assert strange.absolute.read_text() == "x = 1\n"


def test_a_pipe_does_not_block(hostile: Path) -> None:
    os.mkfifo(hostile / "pipe.py")
    assert reasons(walk(hostile)) == {"pipe.py": "not a regular file"}


def test_what_vanishes_or_cannot_be_read_is_counted(
    hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = os.open

    def refuse(path: str, *arguments: int, **options: int) -> int:
        if path == "a.py":
            raise PermissionError(13, "Permission denied")
        if path == "b.py":
            raise FileNotFoundError(2, "No such file")
        return original(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    report = walk(hostile)
    assert report.files == ()
    assert report.skipped == (Skipped("a.py", "unreadable"), Skipped("dir/b.py", "vanished"))


def test_a_directory_that_cannot_be_listed(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.open

    def refuse(path: str, *arguments: int, **options: int) -> int:
        if path == "dir":
            raise PermissionError(13, "Permission denied")
        return original(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    assert reasons(list_files(hostile)) == {"dir/": "unreadable"}


def test_deep_nesting_is_no_recursion(tmp_path: Path) -> None:
    # Longer than Python's recursion limit, built step by step since the whole path is too long.
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1_200):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    make(tmp_path, {"a.py": "x"})
    try:
        assert paths(list_files(tmp_path)) == {"a.py"}
    finally:  # what clears pytest's folders recurses
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


def test_the_order_is_that_of_the_paths(hostile: Path) -> None:
    report = walk(hostile)
    assert [file.path for file in report.files] == sorted(file.path for file in report.files)
    assert isinstance(report.files[0], SourceFile)
