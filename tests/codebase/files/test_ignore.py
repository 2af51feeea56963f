"""Ignore patterns: matched without backtracking, as git matches them, and never without end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.codebase.files.ignore import parse_rules
from c2llm.codebase.files.walk import list_files
from tests.codebase.files.trees import git, make, needs_git, paths, reasons


def ignores(pattern: str, path: str, *, fold: bool = False) -> bool | None:
    rules = parse_rules(pattern, fold=fold)
    return None if rules is None else rules.verdict(path, path.rpartition("/")[2], False)


A_LONG_NAME = "a" * 255
A_DEEP_PATH = "a/" * 2_000 + "a"
A_WIDE_PATH = "/".join([A_LONG_NAME] * 15)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a*a*a*a*b", A_LONG_NAME),
        ("*a" * 100 + "b", A_LONG_NAME),
        ("*?" * 100 + "b", A_LONG_NAME),
        ("*[a-z]" * 100 + "9", A_LONG_NAME),
        ("*[[:alpha:]]" * 60 + "9", A_LONG_NAME),
        ("a*" * 120 + "b", A_LONG_NAME),
        ("**a" * 60 + "b", A_LONG_NAME),
        ("x/" + "*a" * 100 + "b", "x/" + A_LONG_NAME),
        ("**/" * 12 + "a/b", A_DEEP_PATH),
        ("a/**/" * 12 + "b", A_DEEP_PATH),
        ("**/a" * 12 + "/b", A_DEEP_PATH),
        ("**/*/" * 40 + "b", A_DEEP_PATH),
        ("*/" * 40 + "**/b/*", A_DEEP_PATH),
        ("**/*a*a*a*a*b/**/*a*a*a*b", A_WIDE_PATH),
        ("**/*a*a*/**/*a*a*/**/*a*a*/b", A_WIDE_PATH),
        ("a**/" * 12 + "b", A_WIDE_PATH),
    ],
)
def test_what_does_not_match_is_told_in_time(pattern: str, path: str) -> None:
    assert ignores(pattern, path) is None


@pytest.mark.parametrize(
    "pattern",
    ["[!a-", "[", "[]", "[!", "[^]", "[[:alpha:]", "[[:none:]]x", "a\\", "[" + "a-z" * 300_000],
)
def test_what_matches_nothing_is_no_error(pattern: str) -> None:
    assert ignores(pattern, "b") is None
    assert ignores(f"{pattern}\nb", "b") is True


def test_huge_classes_and_lines() -> None:
    assert ignores("[" + "a-z" * 1_000 + "]", "q") is True
    assert ignores("[!" + "".join(map(chr, range(200, 1_200))) + "]", "q") is True
    assert ignores("*" * 4_000 + "q", "q") is True
    assert ignores("x" * 900_000, "q") is None
    assert ignores("*" + "x" * 900_000, "q") is None


_TOKENS = ["*", "**", "**/", "/**/", "?", "[ab]", "[!a]", "a", "b", "ab", "/", "lib", "\\*", ".py"]
_PATHS = st.lists(st.sampled_from(["a", "b", "ab", "aab", "lib", "a.py", "liba"]), max_size=6)


@given(st.lists(st.sampled_from(_TOKENS), min_size=1, max_size=7).map("".join), _PATHS)
def test_without_backtracking_is_as_with_it(pattern: str, parts: list[str]) -> None:
    """Held against the plain reading, in which every star may be tried everywhere."""
    path = "/".join(parts) or "a"
    directories_only = pattern.endswith("/")
    plain = pattern.removesuffix("/")
    if not plain or plain.startswith(("!", "#")):
        return
    named = plain[3:] if plain.startswith("**/") and plain[3:] else plain
    if "/" not in named:
        text, plain = path.rpartition("/")[2], named
    else:
        text, plain = path, plain.removeprefix("/")
    expected = re.fullmatch(_plainly(plain), text, re.DOTALL) and not directories_only
    assert bool(ignores(pattern, path)) == bool(expected)


def _plainly(pattern: str) -> str:
    first = next((at for at, char in enumerate(pattern) if char in "*?[\\"), len(pattern))
    out, at = "", 0
    while at < len(pattern):
        stars = len(pattern[at:]) - len(pattern[at:].lstrip("*"))
        if stars:
            bounded = at == first or pattern[at - 1] == "/"
            rest = pattern[at + stars :]
            if stars > 1 and bounded and rest.startswith("/"):
                out, at = out + "(?:.*/)?", at + stars + 1
            else:
                out += ".*" if stars > 1 and bounded and not rest else "[^/]*"
                at += stars
        elif pattern[at] == "[":
            end = pattern.index("]", at)
            out += pattern[at : end + 1].replace("[!", "[^/")
            at = end + 1
        elif pattern[at] == "\\":
            out, at = out + re.escape(pattern[at + 1]), at + 2
        else:
            out += "[^/]" if pattern[at] == "?" else re.escape(pattern[at])
            at += 1
    return out


# -- more rules than anyone writes ---------------------------------------------------------------


def test_rules_that_say_the_same_are_kept_once() -> None:
    parsed = parse_rules("a\n!a\na/\n*b?\n!*b?\n" * 10_000)
    assert parsed is not None
    assert len(parsed.names["a"]) == 2 and len(parsed.wild_names.positions) == 1
    assert parsed.verdict("a", "a", False) is False and parsed.verdict("a", "a", True) is True
    assert parsed.verdict("bb", "bb", False) is False


def test_rules_beyond_what_can_be_held_against_every_name_are_named(tmp_path: Path) -> None:
    many = "".join(f"*{number:x}?x\n" for number in range(40_000))
    make(tmp_path, {"sub/.gitignore": many, "sub/a.py": "a", ".gitignore": "b.py\n", "b.py": "b"})
    report = list_files(tmp_path)
    assert paths(report) == {"sub/a.py", ".gitignore", "sub/.gitignore"}
    assert reasons(report) == {"sub/.gitignore": "too many ignore rules", "b.py": "ignored by git"}


def test_many_names_are_no_burden(tmp_path: Path) -> None:
    many = "".join(f"name{number:x}.py\n" for number in range(60_000))
    make(tmp_path, {".gitignore": many, "name1f.py": "x", "other.py": "x"})
    assert paths(list_files(tmp_path)) == {"other.py", ".gitignore"}


def test_many_ignore_files_are_heeded_up_to_a_limit(tmp_path: Path) -> None:
    text = "c.py\n" + "#" * 700_000 + "\n"
    make(tmp_path, {f"d{number}/.gitignore": text for number in range(7)})
    make(tmp_path, {f"d{number}/c.py": "c" for number in range(7)})
    said = list(reasons(list_files(tmp_path)).values())
    assert said.count("ignored by git") == 5 and said.count("too many ignore rules") == 2


# -- core.ignorecase -----------------------------------------------------------------------------


@needs_git
@pytest.mark.parametrize("fold", ["true", "false", "yes", "0"])
def test_upper_and_lower_case_as_the_repository_has_it(tmp_path: Path, fold: str) -> None:
    files = ["Readme.TXT", "readme.txt", "Build/x.py", "a/OUT.log", "a/b/Docs/y.py", "É.py", "Z9.c"]
    make(tmp_path, dict.fromkeys(files, "x = 1\n"))
    rules = "readme.txt\nbuild/\n*.LOG\na/b/docs\né.py\n[a-z][0-9].C\n"
    make(tmp_path, {".gitignore": rules, ".git/info/exclude": ""})
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "core.ignorecase", fold)
    listed = git(tmp_path, "ls-files", "-z", "--others", "--exclude-standard")
    seen = {name for name in listed.split("\0") if name}
    assert paths(list_files(tmp_path)) == {name for name in seen if not name.endswith("log")}
    assert ("Build/x.py" in seen) == (fold in ("false", "0"))
