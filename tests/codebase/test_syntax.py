from __future__ import annotations

import itertools
import signal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_sitter import Parser

from c2llm.codebase import syntax_tree as parsing
from c2llm.codebase.grammars import GRAMMARS
from c2llm.codebase.syntax import Definition, definitions
from c2llm.codebase.syntax_tree import MAX_PARSE_BYTES, parse
from tests.codebase.snippets import SNIPPETS


def named(found: list[Definition], name: str) -> Definition:
    return next(entry for entry in found if entry.name == name)


def test_snippets_are_of_known_grammars() -> None:
    assert set(SNIPPETS) <= set(GRAMMARS)


@pytest.mark.parametrize("language", SNIPPETS)
def test_definitions_of_each_language(language: str) -> None:
    snippet = SNIPPETS[language]
    found = definitions(snippet.source.encode(), language)
    assert snippet.expected == tuple(
        (entry.kind, f"{entry.scope}.{entry.name}".lstrip("."), entry.doc) for entry in found
    )


@pytest.mark.parametrize("language", SNIPPETS)
def test_places_agree_with_the_source(language: str) -> None:
    source = SNIPPETS[language].source.encode()
    for entry in definitions(source, language):
        assert source.count(b"\n", 0, entry.start_byte) + 1 == entry.start_line
        assert source.count(b"\n", 0, entry.end_byte) + 1 == entry.end_line
        assert entry.start_line <= entry.line <= entry.end_line
        for start, end in entry.doc_spans:
            assert entry.start_byte <= start < end <= entry.end_byte
        if entry.doc:
            said = b" ".join(source[start:end] for start, end in entry.doc_spans)
            assert entry.doc.split()[0].encode() in said


@pytest.mark.parametrize(
    ("language", "name", "signature"),
    [
        ("python", "size", "def size(self) -> int"),
        ("python", "wake", "async def wake()"),
        ("java", "put", "void put(Book book) throws Full"),
        ("javascript", "shut", "export const shut = async (door)"),
        ("typescript", "measure", "export const measure = <T>(thing: T): number"),
        ("go", "Put", "func (s *Shelf[K]) Put(book K)"),
        ("rust", "open", "pub fn open<T>(path: T) -> i32"),
        ("cpp", "Width", "virtual const std::string& Width() const = 0"),
        ("csharp", "Width", "public int Width"),
        ("ruby", "alone", "private def alone"),
        ("haskell", "open", "open :: Int -> Int"),
        ("elixir", "open", "def open(angle) when angle > 1"),
        ("zig", "shut", "pub fn shut(self: Door) void"),
        ("bash", "open_door", "open_door()"),
    ],
)
def test_signature_is_what_stands_before_the_body(language: str, name: str, signature: str) -> None:
    assert named(definitions(SNIPPETS[language].source.encode(), language), name).signature == (
        signature
    )


def test_decorators_and_comments_belong_to_the_definition() -> None:
    source = b"x = 1\n\n# Cached.\n@cache\n@wraps(f)\ndef g():\n    pass\n"
    (entry,) = definitions(source, "python")
    assert (entry.start_line, entry.line, entry.end_line) == (3, 6, 7)
    assert entry.doc == "Cached."


@pytest.mark.parametrize(
    "source",
    [
        b"x = 1  # about x\ndef f():\n    pass\n",
        b"# a section\n\ndef f():\n    pass\n",
        b"#!/usr/bin/env python\ndef f():\n    pass\n",
    ],
    ids=["end of a line of code", "blank line between", "interpreter"],
)
def test_comments_about_something_else_are_no_documentation(source: bytes) -> None:
    (entry,) = definitions(source, "python")
    assert entry.doc == ""
    assert entry.start_line == entry.line


def test_clauses_of_one_function_are_one_definition() -> None:
    source = SNIPPETS["elixir"].source.encode()
    knock = named(definitions(source, "elixir"), "knock")
    assert source[knock.start_byte : knock.end_byte].count(b"def knock") == 2


def test_broken_code_keeps_what_can_be_read() -> None:
    source = b"def before():\n    pass\n\ndef broken(:\n    ]]\n\ndef after():\n    pass\n"
    names = {entry.name for entry in definitions(source, "python")}
    assert {"before", "after"} <= names


def test_unknown_language_has_no_tree() -> None:
    assert parse(b"x", "klingon") is None
    assert definitions(b"x", "klingon") == []


# Each of these took minutes, or gigabytes, from the bare parser or query.
HOSTILE = {
    "generics without end": ("csharp", b"a<" * 100_000),
    "generics in java": ("java", b"a<" * 100_000),
    "open brackets": ("python", b"(" * 500_000),
    "empty elements": ("javascript", b"[" + b"," * 500_000),
    "casts": ("typescript", b"a<b>(" * 40_000),
    "nested functions": ("javascript", b"function f(){" * 20_000),
    "nested blocks": ("python", b"".join(b" " * i + b"if a:\n" for i in range(1000))),
    "binary chain": ("python", b"x=" + b"1+" * 100_000 + b"1"),
    "one line of definitions": ("javascript", b"/* a */ " + b"function f(){} " * 15_000),
    "comments only": ("java", b"// a\n" * 100_000 + b"class A {}"),
    "too long": ("python", b"x = 1\n" * (MAX_PARSE_BYTES // 5)),
    "zero bytes": ("c", b"\0" * 100_000),
    "a parser that never ends": ("tsx", "{$(0\ub640=(\u4767}".encode()),
    "a scanner that reads past its tables": ("bash", "/{\U001080d6".encode() * 300),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_ends(case: str) -> None:
    language, source = HOSTILE[case]
    for entry in definitions(source, language):
        assert len(entry.signature) <= 200
        assert len(entry.scope) < 2000


@pytest.mark.parametrize("language", SNIPPETS)
def test_a_tree_is_that_of_the_whole_file_at_once(language: str) -> None:
    """Read piece by piece, some pieces again and again, with a clock beside."""
    source = SNIPPETS[language].source.encode() * 3
    tree = parse(source, language)
    if GRAMMARS[language].prepare is None and tree is not None:
        whole = Parser(parsing.grammar_and_query(language)[0]).parse(source)
        assert str(tree.root_node) == str(whole.root_node)


def test_ctrl_c_waits_for_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """py-tree-sitter crashes when a callback raises, so the interrupt may only come after it."""
    seconds = itertools.count()

    def interrupted_clock() -> float:
        signal.raise_signal(signal.SIGINT)
        return next(seconds) / 1000

    monkeypatch.setattr(parsing, "thread_time", interrupted_clock)
    # A shell that starts the tests in the background has them ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            parsing.parse(b"x = 1\n" * 2000, "python")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


@given(
    st.sampled_from(sorted(GRAMMARS)),
    st.lists(
        st.one_of(
            st.text(max_size=20),
            st.sampled_from(
                [
                    "def ",
                    "class ",
                    "{",
                    "}",
                    "(",
                    ")",
                    "\n",
                    "  ",
                    '"""',
                    "/*",
                    "*/",
                    "//",
                    "#",
                    "end",
                ]
            ),
        ),
        max_size=40,
    ),
)
@settings(max_examples=150, deadline=None)
def test_any_text_gives_ordered_places(language: str, parts: list[str]) -> None:
    source = "".join(parts).encode(errors="replace")
    found = definitions(source, language)
    for entry in found:
        assert 0 <= entry.start_byte < entry.end_byte <= len(source)
        assert 1 <= entry.start_line <= entry.line <= entry.end_line
        assert entry.name
