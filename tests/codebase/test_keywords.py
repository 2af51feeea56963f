"""Definitions by keyword, where no grammar reads the language or the file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.codebase.chunks import cut_text
from c2llm.codebase.grammars.keywords import keyword_languages, outline
from c2llm.codebase.syntax import Definition, definitions

LANGUAGES = sorted(keyword_languages())


def told(source: str, language: str) -> list[Definition]:
    return definitions(source.encode(), language)


def test_a_definition_ends_with_its_indentation() -> None:
    found = told(
        "class Shelf\n  # Puts it back.\n  def put(book)\n    @books << book\n\n    nil\n  end\n"
        "end\n\nputs 1\n",
        "crystal",
    )
    assert [(one.scope, one.name, one.start_line, one.line, one.end_line) for one in found] == [
        ("", "Shelf", 1, 1, 8),
        ("Shelf", "put", 2, 3, 7),
    ]
    assert found[1].doc == "Puts it back."
    assert found[1].signature == "def put(book)"


def test_a_definition_ends_where_the_next_begins() -> None:
    found = told("One : Nat\none : Nat\none = 1\n\ntwo : Nat\ntwo = 2\n", "agda")
    assert [(one.name, one.start_line, one.end_line) for one in found][1:] == [
        ("one", 2, 3),
        ("two", 5, 6),
    ]


def test_keywords_in_capitals_and_small_letters() -> None:
    source = "PUBLIC FUNCTION Total() As Integer\n  total = 1\nEND FUNCTION\n"
    assert [one.name for one in told(source, "vb")] == ["Total"]
    assert [one.name for one in told(source.lower(), "vb")] == ["total"]


@pytest.mark.parametrize(
    "source",
    [
        "End Function\n",
        "x = Function\n",
        "' Function of the month\n",
        "Exit Sub\nDim subtotal As Integer\n",
    ],
)
def test_a_keyword_alone_defines_nothing(source: str) -> None:
    assert told(source, "vb") == []


def test_a_block_comment_belongs_to_what_stands_below() -> None:
    (found,) = told("(* Doubles\n   what is due. *)\nval scale : int -> int\n", "sml")
    assert (found.start_line, found.line) == (1, 3)
    assert found.doc.startswith("Doubles")


def test_a_remark_behind_code_is_no_documentation() -> None:
    found = told("x = 1 # remark\ndef put\nend\n", "crystal")
    assert [(one.start_line, one.doc) for one in found] == [(2, "")]


def test_what_a_broken_tree_lost_is_told_by_keyword() -> None:
    source = (
        "CREATE FUNCTION one() ;;; ((( $$\n\nCREATE PROCEDURE dbo.two @x int AS\nSELECT 1\nGO\n"
    )
    assert {one.name for one in told(source, "sql")} >= {"two"}


HOSTILE = [
    b"a b ",
    b"a b(",
    b"\t",
    b"(",
    b"def ",
    b"public ",
    b"function f(",
    b"a:\n",
    b"create or replace ",
    b"x = ",
    b"[[",
    b"{\n",
    b"<#macro ",
    b"def f\n" + b" ",
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_files_end(language: str) -> None:
    for text in HOSTILE:
        outline(text * (40_000 // len(text)), language)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(LANGUAGES),
    st.lists(
        st.sampled_from(
            "def f|class A|function g(x)|end|{|}|\n|  |# note|(* a *)|name:|x = 1|proc p|é|\t|-- b"
            "|a : b|SUB Z()|create table t (".split("|")
        ),
        max_size=40,
    ),
)
def test_places_agree_with_the_source(language: str, parts: list[str]) -> None:
    text = "\n".join(parts)
    source = text.encode()
    before = 0
    for entry in definitions(source, language):
        assert before <= entry.start_byte < entry.end_byte <= len(source)
        assert source.count(b"\n", 0, entry.start_byte) + 1 == entry.start_line
        assert source.count(b"\n", 0, entry.end_byte) + 1 == entry.end_line
        assert entry.start_line <= entry.line <= entry.end_line
        before = entry.start_byte
    lines = [line for line in text.split("\n") if line.strip()]
    chunks = cut_text("a", text, language).chunks
    cut = [line for one in chunks for line in one.text.split("\n") if line.strip()]
    assert cut == lines
