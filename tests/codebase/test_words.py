"""Stems meet where names and questions meet, and stay apart where they should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.codebase import words
from c2llm.codebase.words import normalized, stem, stems_of, tokens, whole_tokens


@pytest.mark.parametrize(
    "family",
    [
        "retry retries retrying retried",
        "parse parser parsing parsed parsers",
        "route routes routing router routed",
        "validate validation validator validations",
        "format formats formatting formatter formatted",
        "cache caches caching cached cacheable",
        "serialize serializer serialization",
        "configure configuration configurations",
        "dependency dependencies",
        "match matches matching",
        "class classes",
        "alias aliases aliased",
    ],
)
def test_forms_of_a_word_have_one_stem(family: str) -> None:
    assert len({stem(word) for word in family.split()}) == 1


@pytest.mark.parametrize("word", ["string", "thing", "status", "axis", "use", "class", "http"])
def test_what_only_looks_like_an_ending_stays(word: str) -> None:
    assert stem(word) == word


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=20))
def test_a_stem_begins_the_word(word: str) -> None:
    assert word.startswith(stem(word)[:-1])


def test_tokens_keep_whole_names() -> None:
    assert tokens("parseRequests(url)") == "parserequest pars request url"


@pytest.mark.parametrize(
    "name",
    ["applyMiddleware", "createSelectors", "retry_after", "HTTPServer", "getÜber", "消息queue"],
)
def test_a_whole_name_is_asked_for_as_it_is_kept(name: str) -> None:
    asked = whole_tokens(name)
    assert asked == tuple(tokens(name).split()[: len(asked)])
    assert not whole_tokens("word")


def test_names_are_compared_without_case_and_underscores() -> None:
    assert normalized("retry_after") == normalized("RetryAfter") == "retryafter"


def test_remembered_tokens_are_forgotten_before_they_grow_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remembered = words._Tokens()
    monkeypatch.setattr(words, "_TOKENS", remembered)
    monkeypatch.setattr(words, "_MOST_NAMES", 3)
    text = "retryAfter max_retries _ HTTPServers2 parseURLs retryAfter x"
    for _ in range(2):
        assert tokens(text) == (
            "retryaft retry aft max_retries max retry httpservers2 http serv 2"
            " parseurl pars url retryaft retry aft x"
        )
    assert len(remembered) <= 3


@pytest.mark.parametrize("word", ["\u0300", "\u0345", "\u0301\u0302", "\u0483"])
def test_an_accent_that_stands_on_nothing_is_a_word_of_its_own(word: str) -> None:
    assert all(stems_of(word)) and stems_of(word)
    assert all(tokens(f"a {word} b").split(" "))
