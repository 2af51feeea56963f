"""Filters in the text of a query: what is one, what is not, and the text that has one more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.search.query.typed_filters import parse_typed, quoted


def told(text: str) -> tuple[str, list[str]]:
    typed = parse_typed(text)
    return typed.query, [
        f"{'-' if one.excludes else ''}{one.name}={one.value}" for one in typed.filters
    ]


@pytest.mark.parametrize(
    ("text", "query", "filters"),
    [
        ("retry lang:go", "retry", ["lang=go"]),
        ("lang:go retry  -path:tests back off", "retry back off", ["lang=go", "-path=tests"]),
        ("a LANG:Go language:c++ b", "a b", ["lang=Go", "lang=c++"]),
        ('x path:"my docs/a b.md"', "x", ["path=my docs/a b.md"]),
        (r'x path:"a\"b\\c"', "x", [r'path=a"b\c']),
        ('still typing path:"my do', "still typing", ["path=my do"]),
        ("sym:Session.send", "", ["sym=Session.send"]),
        ("symbol:std::move x", "x", ["sym=std::move"]),
        ("like:src/a.py:12 -lang:go", "", ["like=src/a.py:12", "-lang=go"]),
        ("x -repo:api repo:web", "x", ["-repo=api", "repo=web"]),
        ("path:*.{ts,tsx} x", "x", ["path=*.{ts,tsx}"]),
    ],
)
def test_filters_are_taken_out_of_the_text(text, query, filters):
    assert told(text) == (query, filters)


@pytest.mark.parametrize(
    "text",
    [
        "std::path::Path::new",
        "where is path: read",
        "the path:",
        '"path:/tmp" is not there',
        "a.lang:go",
        "tar -xzf file",
        "--path:tests",
        "-sym:x -like:a.py:1",
        "code: path:x lang:y",
        "Traceback\n  File path:x\n lang:go",
        "x" * 5000 + " lang:go",
        'path:""',
    ],
)
def test_what_only_looks_like_a_filter_is_the_query(text):
    assert told(text) == (text.strip(), [])


def test_languages_that_are_left_out_are_told_apart():
    assert parse_typed("x lang:go -lang:c lang:go").languages == ("go", "-c")


def test_a_filter_is_put_in_and_taken_out():
    typed = parse_typed("retry  lang:go back off")
    assert typed.toggled("lang", "go") == "retry back off"
    assert typed.toggled("path", "my docs") == 'retry  lang:go back off path:"my docs"'
    assert typed.toggled("lang", "go", excludes=True) == "retry back off -lang:go"
    assert parse_typed("a -lang:go").toggled("lang", "go") == "a lang:go"
    assert parse_typed("").toggled("repo", "api") == "repo:api"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1))
def test_any_value_can_be_quoted(value):
    value = value.strip()
    if value:
        assert parse_typed(f"x path:{quoted(value)}").values("path") == (value,)


@given(st.text(max_size=60), st.sampled_from(["lang", "path", "repo"]))
def test_taking_out_what_was_put_in_leaves_the_filters_as_they_were(text, name):
    typed = parse_typed(text)
    if "\n" in text.strip() or typed.values(name) or typed.values(name, excludes=True):
        return
    if text.lstrip().startswith("code:") or text.count('"') % 2 or "\\" in text:
        return
    both = parse_typed(typed.toggled(name, "a b"))
    assert both.values(name) == ("a b",)
    again = parse_typed(both.toggled(name, "a b"))
    assert [one.value for one in again.filters] == [one.value for one in typed.filters]
    assert again.query.split() == typed.query.split()
