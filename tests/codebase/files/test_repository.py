"""Git's settings are read as git reads them, without git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.codebase.files.repository import find_repository, parse_settings
from c2llm.codebase.files.walk import list_files
from tests.codebase.files.trees import GIT, git, make, needs_git, paths

_WORDS = st.sampled_from(
    ["a", "B", " ", "\t", '"', "#", ";", "\\\\", '\\"', "\\n", "\\\n", "/", "~", "=", "é", "x y"]
)
_LINES = st.one_of(
    st.sampled_from(["[core]", "[ core ]", '[Core "Sub"]', "[user] name = x", "# c", "; c", ""]),
    st.lists(_WORDS, max_size=6).map(lambda words: "key = " + "".join(words)),
    st.lists(_WORDS, max_size=6).map(lambda words: "\tExcludesFile=" + "".join(words)),
    st.sampled_from(["bare", "bare # comment", "  indented  =  value  "]),
)


@needs_git
@given(st.lists(_LINES, min_size=1, max_size=6))
def test_settings_are_those_that_git_sees(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    assert GIT is not None
    text = "\n".join(["[core]", *lines]) + "\n"
    file = tmp_path_factory.mktemp("settings") / "config"
    file.write_text(text)
    done = subprocess.run(
        [GIT, "config", "-z", "--list", "-f", str(file)], capture_output=True, check=False
    )
    if done.returncode:
        return  # git refuses it; we make of it what we can
    expected = []
    for entry in done.stdout.decode().split("\0")[:-1]:
        name, newline, value = entry.partition("\n")
        expected.append((name, value if newline else "true"))
    found = list(parse_settings(text))
    blanks = str.maketrans("\t", " ")  # git before 2.45 makes a tab inside a value a blank
    assert [(name, value.translate(blanks)) for name, value in found] == [
        (name, value.translate(blanks)) for name, value in expected
    ]


@pytest.mark.parametrize(
    "said",
    [
        "{}",
        '"{}"',
        '"{}" # mine',
        "{} ; mine",
        "{}\t# mine",
        '"{}"   ; " x',
        "x\n\texcludesfile = {}",
    ],
)
def test_the_excludes_file_in_every_spelling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    make(tmp_path, {"my rules": "*.tmp.py\n", "root/.git/HEAD": "", "root/a.tmp.py": "x"})
    make(tmp_path, {"home/.gitconfig": f"[Core] ExcludesFile = {said.format(tmp_path)}/my rules"})
    if '"' in said:
        quoted = said.format(f"{tmp_path}/my rules")
        make(tmp_path, {"home/.gitconfig": f"[core]\n\texcludesFile = {quoted}\n"})
    elif "#" in said or ";" in said:
        bare = said.format(f"{tmp_path}/my rules")
        make(tmp_path, {"home/.gitconfig": f"[core]\n\texcludesFile = {bare}\n"})
    make(tmp_path, {"root/b.py": "x"})
    assert paths(list_files(tmp_path / "root")) == {"b.py"}


def test_where_the_excludes_file_may_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    root = make(tmp_path / "root", {".git/config": "", **{f"{name}.py": "x" for name in "abcdefg"}})
    rules = {"xdg/git/ignore": "a.py\n", "xdg/rules": "b.py\n", "home/rules": "c.py\n"}
    make(tmp_path, {**rules, "home/inner": "d.py\n", "root/in_tree": "e.py\n"})
    expected = {f"{name}.py" for name in "abcdefg"} | {"in_tree"}

    def left_out() -> set[str]:
        return expected - paths(list_files(root))

    assert left_out() == {"a.py"}
    make(tmp_path, {"xdg/git/config": f"[core]\nexcludesfile={tmp_path}/xdg/rules\n"})
    assert left_out() == {"b.py"}
    make(tmp_path, {"home/.gitconfig": "[core]\nexcludesfile=~/rules\n"})
    assert left_out() == {"c.py"}
    make(tmp_path, {"home/more": "[core]\nexcludesfile=~/inner\n"})
    make(tmp_path, {"home/.gitconfig": "[core]\nexcludesfile=~/rules\n[include]\npath = more\n"})
    assert left_out() == {"d.py"}
    make(tmp_path, {"root/.git/config": "[core]\nexcludesfile = in_tree\n"})
    assert left_out() == {"e.py"}
    (tmp_path / "home/.gitconfig").rename(tmp_path / "home/real")
    (tmp_path / "home/.gitconfig").symlink_to("real")  # as people have them
    (root / ".git/config").unlink()
    assert left_out() == {"d.py"}


def test_settings_that_include_themselves_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    make(tmp_path, {".git/config": "[include]\npath = config\n" * 50, "a.py": "x"})
    make(tmp_path, {".gitconfig": "[include]\npath = .gitconfig\n[include]\npath = ~none/x\n"})
    assert "a.py" in paths(list_files(tmp_path))


def test_a_user_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    make(tmp_path, {".git/config": "", "a.py": "x", ".gitignore": "b.py\n", "b.py": "x"})
    assert paths(list_files(tmp_path)) == {"a.py", ".gitignore"}


@needs_git
def test_where_the_repository_is(tmp_path: Path) -> None:
    root = make(tmp_path / "main", {"a.py": "x"})
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    git(root, "worktree", "add", "-q", str(tmp_path / "other"))
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/.git").symlink_to(root / ".git")
    here, there, linked = (find_repository(tmp_path / name) for name in ("main", "other", "linked"))
    assert here is not None and there is not None and linked is not None
    assert here.private == here.common == root / ".git"
    assert there.top == tmp_path / "other" and there.common.resolve() == root / ".git"
    assert there.private == root / ".git/worktrees/other"
    assert linked.private.resolve() == root / ".git"
    assert not here.ignore_case and here.hash_bytes == 20
