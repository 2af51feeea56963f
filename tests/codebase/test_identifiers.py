"""Identifiers fall into words, and the lexical text keeps both."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.codebase.identifiers import fts_text, names, split_identifier, words


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("snake_case", ["snake", "case"]),
        ("camelCase", ["camel", "case"]),
        ("HTTPServer", ["http", "server"]),
        ("parseURLs", ["parse", "urls"]),
        ("XMLHttpRequest2", ["xml", "http", "request", "2"]),
        ("__init__", ["init"]),
        ("sha256Sum", ["sha", "256", "sum"]),
        ("SCREAMING_SNAKE", ["screaming", "snake"]),
        ("kebab", ["kebab"]),
        ("Ärmelkanal", ["ärmelkanal"]),
        ("文件", ["文件"]),
        ("解析JSON文件", ["解析", "json", "文件"]),
        ("ＪＳＯＮ＿Ｆｉｌｅ", ["json", "file"]),
        ("ПроверкаПароля", ["проверка", "пароля"]),
        ("ılık_çayŞekeri", ["ılık", "çay", "şekeri"]),
        ("zażółćGęślą", ["zażółć", "gęślą"]),
        ("รหัสผ่าน", ["รหัสผ่าน"]),
        ("a_" * 40 + "b", [*("a" * 40), "b"]),
        ("ShouldReturn" * 8, ["should", "return"] * 8),
        ("dGhpcyBpcyBhIHNlY3JldCBrZXkgdGhhdCBub2JvZHkgc2hvdWxkIGV2ZXIgcmVhZCBhbG91ZA", []),
        ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08f", []),
        ("many_words_" * 60, []),
        ("_", []),
        ("x" * 65, []),
    ],
)
def test_split(name: str, parts: list[str]) -> None:
    assert split_identifier(name) == parts


def test_words_of_a_text() -> None:
    assert words("retry the HTTPRequest, max_retries=3") == [
        *("retry", "the", "http", "request", "max", "retries", "3")
    ]


def test_lexical_text_has_whole_names_and_their_parts() -> None:
    assert fts_text("parseURLs(x)") == "parseurls parse urls x"


@given(st.text(st.characters(codec="ascii")) | st.text("aZ0_ .\x1c\x00\n"))
def test_names_of_an_ascii_text_are_what_a_regular_expression_finds(text: str) -> None:
    assert names(text) == re.findall(r"[^\W_]\w*|_+\w+", text, re.ASCII)


@given(st.text())
def test_parts_are_lower_case_words_of_the_text(text: str) -> None:
    for part in words(text):
        assert part
        assert part == part.lower()
        assert not any(char.isspace() or char == "_" for char in part)


@given(st.lists(st.sampled_from(["retry", "after", "http", "x"]), min_size=1, max_size=5))
def test_snake_and_camel_case_agree(parts: list[str]) -> None:
    snake = "_".join(parts)
    camel = parts[0] + "".join(part.capitalize() for part in parts[1:])
    assert split_identifier(snake) == parts
    if "x" not in parts[1:]:  # XHttp reads as an acronym, as it should
        assert split_identifier(camel) == parts
