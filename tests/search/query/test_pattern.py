"""A regular expression restricts a search, and no pattern can make it last for ever."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.errors import C2LLMError, UsageError
from c2llm.search.code_index import CodeIndex
from c2llm.search.query import pattern
from c2llm.search.query.pattern import Pattern
from tests.trees import write_tree


@pytest.mark.parametrize(
    ("text", "tame"),
    [
        ("async def", True),
        (r"fn\s+print", True),
        (r"^class [A-Z]\w*\(", True),
        (r"a{2,5}b", True),
        (r"(a+)+b", False),
        (r"(a|a)*b", True),
        (r"a*a*a*b", False),
        (r"(a)\1", False),
        (r"(?:x{0,9}){0,9}y", False),
        (r"(?=.*a)(?=.*b)", False),
    ],
)
def test_patterns_that_may_explode_are_told(text: str, tame: bool) -> None:
    assert Pattern.compile(text).tame is tame


@pytest.mark.parametrize("text", ["(", "[z-a]", "*", "(?P<a>x)(?P<a>y)", "a" * 1001])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Pattern.compile(text)


def test_only_chunks_that_match_answer(project: Path) -> None:
    with CodeIndex.open(project, embed="none") as index:
        found = index.search("retry", 10, "lexical", pattern=r"^def \w+\(call")
        both = index.search("retry", 10, "lexical", pattern=r"(\w+)_with_(\w+)", exclude=["tests"])
        none = index.search("retry", 10, "lexical", pattern="no such text")
    assert [hit.path for hit in found] == ["src/net/retry.py"]
    assert {hit.path for hit in both} == {"src/net/retry.py"}
    assert none == []


def test_a_chunk_that_no_word_finds_may_answer(project: Path) -> None:
    with CodeIndex.open(project, embed="none") as index:
        hits = index.search("zzz", 10, "lexical", pattern="LoadSettings")
    assert [hit.path for hit in hits] == ["src/config/settings.go"]


def test_an_exploding_pattern_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern, "SECONDS", 0.5)
    root = write_tree(tmp_path / "hostile", {"a.py": "x = '" + "a" * 1500 + "!'\n"})
    with (
        CodeIndex.open(root, embed="none") as index,
        pytest.raises(C2LLMError, match=r"takes more than .* repeat no group"),
    ):
        index.search("x", 1, "lexical", pattern="(a+)+$")


@pytest.mark.filterwarnings("ignore::FutureWarning")
@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab+*?()|[]{}.^$\\12,", max_size=12))
def test_any_pattern_is_compiled_or_refused(text: str) -> None:
    try:
        re.compile(text, re.MULTILINE)
    except (re.error, RecursionError, OverflowError):
        with pytest.raises(UsageError):
            Pattern.compile(text)
    else:
        Pattern.compile(text)
