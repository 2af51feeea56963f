"""`c2llm drift`: which trees are meant, forms, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from c2llm.cli.drift.command import command
from c2llm.codebase.files.walk import MAX_FILE_BYTES
from c2llm.errors import UsageError
from tests.codebase.revisions.test_uncommitted import git

CODE = "LIMIT = 3\n\n\ndef f(a, b=1):\n    if a > LIMIT:\n        return None\n    return a + b\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    folder = tmp_path / "repository"
    (folder / "dir").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "a.py").write_text(CODE)
    (folder / "dir" / "b.py").write_text(CODE)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x")
    (folder / "a.py").write_text(CODE.replace("LIMIT = 3", "LIMIT = 30"))
    monkeypatch.chdir(folder)
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def told(*arguments: str) -> dict[str, object]:
    return json.loads(run(*arguments, "--json").stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("HEAD",),
        ("HEAD", "."),
        ("HEAD@{0}", "."),
        (".@HEAD", "."),
        (".",),
        ("a.py",),
        ("main", "a.py"),
    ],
)
def test_which_trees_are_meant(root: Path, arguments: tuple[str, ...]):
    values = told(*arguments)["values"]
    assert [(v["name"], v["before"], v["after"]) for v in values] in (
        [("LIMIT", "3", "30")],
        [],  # a file against a tree that has it elsewhere
    )
    if arguments != ("main", "a.py"):
        assert values


def test_exit_codes(root: Path):
    assert run("--fail-on", "behaviour").exit_code == 3
    (root / "a.py").write_text(CODE.replace("def f", "\n\ndef f"))
    assert run("--fail-on", "structural").exit_code == 0
    (root / "a.py").write_text(CODE.replace("    return a + b", "    # why\n    return a + b"))
    assert run("--fail-on", "cosmetic").exit_code == 3
    assert run("--fail-on", "behaviour").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "no folder or file"),
        (("--json", "--markdown"), "Choose one"),
        (("HEAD", "main", "--watch"), "--watch needs"),
        (("--since", "HEAD"), "belong to --history"),
        (("HEAD", "--include", "*.zig"), "None of the"),
        (("a", "b", "--history", "c"), "takes one path"),
        (("--history", ".", "--watch"), "goes without --watch"),
    ],
)
def test_wrong_use_is_one_sentence(root: Path, arguments: tuple[str, ...], message: str):
    with pytest.raises(UsageError, match=message):
        run(*arguments)


def test_text_and_markdown_tell_the_value(root: Path):
    text = run().stdout
    assert "LIMIT  3 -> 30  a.py:1" in text
    assert "1 of behaviour" in text
    assert "| `LIMIT` | `3` | `30` | `a.py:1` |" in run("--markdown").stdout
    assert "Nothing differs" in run("HEAD", "main").stdout


def test_a_hostile_name_does_not_steer_the_terminal(root: Path):
    (root / "e\033[2J.py").write_text(CODE)
    for form in ((), ("--markdown",), ("--json",)):
        assert "\033" not in run(*form).stdout


def test_a_file_that_is_too_large_is_told_where_it_differs(root: Path):
    long = "".join(f"x{n} = {n}\n" for n in range(MAX_FILE_BYTES // 10))
    (root / "a.py").write_text(CODE)
    (root / "large.py").write_text(long)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "large")
    assert told("HEAD", ".")["not_compared"] == []
    (root / "large.py").write_text(long.replace("= 1\n", "= 2\n"))
    for trees in (("HEAD", "."), (".@HEAD", ".")):
        assert told(*trees)["not_compared"] == ["large.py"]
    done = run("HEAD", ".", "--fail-on", "behaviour")
    assert done.exit_code == 3
    assert "too large (large.py)" in done.stdout and "Nothing else differs" in done.stdout
    assert "too large" in run("HEAD", ".", "--markdown").stdout
    assert told("HEAD", ".", "--exclude", "large.py")["not_compared"] == []
    git(root, "commit", "-qam", "changed")
    assert told("HEAD~1", "HEAD")["not_compared"] == ["large.py"]
    assert told("HEAD~1", "HEAD", "--lang", "python")["not_compared"] == ["large.py"]
    assert told("HEAD~1", "HEAD~1", "--lang", "python")["not_compared"] == []
