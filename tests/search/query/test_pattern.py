"""A regular expression restricts a search, and no pattern can make it last for ever."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.errors import C2LLMError, UsageError
from c2llm.search.answering import answer
from c2llm.search.code_index import CodeIndex
from c2llm.search.query import pattern
from c2llm.search.query.pattern import Pattern, PatternSearch
from c2llm.search.request import SearchRequest
from tests.trees import write_tree

ALTERNATIVES = "ab+*?()|[]{}.^$\\12,i:=!<P>"
EXPLODING = [
    "(a|a)*b",
    "(a+)+b",
    "(a|aa)+$",
    "(?:a|a?)+b",
    "(.*)*b",
    "(a*)*b",
    "([a-z]+)*!!",
    "(a|b|ab|a)*c!",
    "(?:a?){40}a{40}b",
    "(?:(?:a{0,9}){0,9}){0,9}b",
    "^(a?a?)*b",
    r"(\w|a)*\1b",
    "(?:(?=a)a|a)*b",
    "a*a*a*a*a*b",
    "(?i)(A|a)*B",
    "(?:a|(?:a|a))*?b",
]


def started(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The processes that are started from now on."""
    seen: list[object] = []
    start = subprocess.Popen

    def watched(*arguments: object, **options: object) -> object:
        seen.append(arguments)
        return start(*arguments, **options)

    monkeypatch.setattr(pattern.subprocess, "Popen", watched)
    return seen


@pytest.mark.parametrize(
    ("text", "required", "literal"),
    [
        ("async def", ("async def",), True),
        (r"a\.b\(", ("a.b(",), True),
        ("", ("",), True),
        (r"fn\s+print", ("fn", "print"), False),
        (r"^class [A-Z]\w*\(", ("class ", "("), False),
        (r"(open|close)_file", ("_file",), False),
        (r"(?:ab)+c?(de){2,}", ("ab", "de"), False),
        (r"x*yz", ("yz",), False),
        ("(?i)select", (), False),
        ("(?i:select) from", (" from",), False),
        ("a(?=bc)d", ("a", "d"), False),
        ("(?!no)yes", ("yes",), False),
        ("(?>abc)d", ("abc", "d"), False),
    ],
)
def test_literal_parts_are_told(text: str, required: tuple[str, ...], literal: bool) -> None:
    assert Pattern.parse(text) == Pattern(text, required, literal)


@pytest.mark.parametrize(
    "text",
    ["(", "[z-a]", "*", "(?P<a>x)(?P<a>y)", "a" * 1001, "(?<=a+)b", "(?<!a|bc)d", "((?<=a*)b)+"],
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Pattern.parse(text)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=ALTERNATIVES, max_size=12), st.text(alphabet="abi12\n", max_size=8))
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_any_pattern_is_read_or_refused_and_what_it_matches_has_its_literal_parts(
    text: str, sample: str
) -> None:
    try:
        compiled = re.compile(text, re.MULTILINE)
    except (re.error, RecursionError, OverflowError):
        with pytest.raises(UsageError):
            Pattern.parse(text)
        return
    read = Pattern.parse(text)
    assert read.may_match(sample) or not compiled.search(sample)
    assert not read.literal or read.may_match(sample) == bool(compiled.search(sample))


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


@pytest.mark.parametrize("text", EXPLODING)
def test_an_exploding_pattern_ends(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern, "SECONDS", 0.2)
    parsed = Pattern(Pattern.parse(text).text, (), literal=False)  # no literal part rules it out
    with (
        PatternSearch(parsed) as search,
        pytest.raises(C2LLMError, match=r"takes more than .* repeat no group"),
    ):
        search.matching([(1, "a" * 1500 + "!")] * 20)


def test_a_search_says_that_a_pattern_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pattern, "SECONDS", 0.2)
    root = write_tree(tmp_path / "hostile", {"a.py": "x = '" + "a" * 1500 + "!'\n# b"})
    with CodeIndex.open(root, embed="none") as index, pytest.raises(C2LLMError, match="takes more"):
        index.search("x", 1, "lexical", pattern="'(a|a)*b")


def test_several_indexes_share_one_process(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = started(monkeypatch)
    other = write_tree(tmp_path / "other", {"b.py": "def retry_twice(call):\n    return call()\n"})
    with (
        CodeIndex.open(project, embed="none") as first,
        CodeIndex.open(other, embed="none") as second,
    ):
        first.label, second.label = "first", "second"
        request = SearchRequest("retry", mode="lexical", pattern=r"^def retry\w*\(call")
        found = answer([first, second], request)
    assert {hit.repository for hit in found.hits} == {"first", "second"}
    assert len(seen) == 1


def test_what_literal_parts_decide_starts_no_process(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = started(monkeypatch)
    with CodeIndex.open(project, embed="none") as index:
        assert index.search("retry", 5, "lexical", pattern="def retry")
        assert not index.search("retry", 5, "lexical", pattern=r"nowhere_at_all\w+")
    assert not seen


def test_a_pattern_that_only_compiling_refuses_is_wrong_use() -> None:
    deep = "(" * 200 + "a" + ")" * 200
    with (
        PatternSearch(Pattern(deep + "(?<=a+)", (), literal=False)) as search,
        pytest.raises(UsageError, match="is not a regular expression"),
    ):
        search.matching([(1, "a")])


def test_many_texts_are_sent_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern, "_BATCH_CHARACTERS", 50)
    texts = [(number, f"def name_{number}(x\ud800): pass") for number in range(40)]
    with PatternSearch(Pattern.parse(r"name_\d*7\b")) as search:
        assert search.matching(texts) == {7, 17, 27, 37}
        assert search.matching(texts[:10]) == {7}


@pytest.mark.parametrize(
    "text", ["\ud800", r"\ud800", "a\udce9b", "(x\udfff)+y", r"(?>\udc80)", "\udce9{2}"]
)
def test_half_a_character_is_in_no_text_and_refused(text: str) -> None:
    with pytest.raises(UsageError, match="half a character"):
        SearchRequest("x", pattern=text)


@pytest.mark.parametrize("text", ["[\ud800b]", "a\udce9?", "(?i)\ud800", "a|\ud800", r"[^\ud800]"])
def test_half_a_character_that_may_be_missing_finds_the_rest(text: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": "a = 1\n"})
    with CodeIndex.open(tmp_path) as index:
        index.answer(SearchRequest("a", pattern=text, mode="lexical"))
