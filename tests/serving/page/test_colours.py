"""Colours: nothing of the text is lost, added or moved, whatever it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.printable import UNSEEN, printable
from c2llm.serving.page.colours import coloured, dedented, visible


def kinds(text: str, language: str) -> dict[str, str]:
    return {
        piece.strip(): kind
        for line in coloured(text.split("\n"), language)
        for kind, piece in line
        if kind
    }


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "python",
            'async def send(url: str = "a") -> None:  # go',
            {"async": "k", "def": "k", "send": "f", '"a"': "s", "None": "n", "# go": "c"},
        ),
        ("python", "return x is not None and y", {"return": "k", "and": "k", "None": "n"}),
        ("python", "sort(key=f, n=1)", {"sort": "f", "1": "n", "key=f, n=": None, "key": None}),
        ("sql", "SELECT a FROM b -- why", {"SELECT": "k", "FROM": "k", "-- why": "c"}),
        (
            "go",
            'func Load(path string) error { return read("x", 0x1f) }',
            {"func": "k", "Load": "f", "read": "f", '"x"': "s", "0x1f": "n", "string": "t"},
        ),
        (
            "rust",
            "/// says\npub fn new() -> Self { Some(1) }",
            {"/// says": "c", "pub": "k", "new": "f", "1": "n"},
        ),
        ("php", "public function send($a) { return 1; }", {"function": "k", "send": "f", "1": "n"}),
        ("c", "static int add(int a) { return a + 1; }", {"static": "k", "add": "f", "1": "n"}),
        ("json", '{"name": "x", "n": 12}', {'"name"': "t", '"x"': "s", "12": "n"}),
        ("yaml", "name: 'x' # why", {"name": "t", "'x'": "s", "# why": "c"}),
        ("markdown", "# Title\ntext `code`", {"# Title": "f", "`code`": "s"}),
        ("no such language", "plain", {}),
    ],
)
def test_words_have_the_class_of_what_they_are(language, text, expected):
    found = kinds(text, language)
    assert {word: found.get(word) for word in expected} == expected


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=40),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["python", "javascript", "php", "bash", "json", "markdown", "cobol", ""]),
)
def test_the_pieces_of_a_line_are_the_line(lines, language):
    for line, pieces in zip(lines, coloured(lines, language), strict=True):
        shown = "".join(text for _, text in pieces)
        assert shown == "".join(
            printable(char) if UNSEEN.fullmatch(char) else char for char in line
        )


def test_what_is_not_seen_is_a_piece_of_its_own():
    [line] = coloured(["x = 'a\u202e\u200b\x00b'"], "python")
    assert [piece for piece in line if piece[0] == "u"] == [
        *[("u", "\\u202e"), ("u", "\\u200b"), ("u", "\\x00")]
    ]


def test_a_huge_line_is_cut_and_says_so():
    [line, after] = coloured(["a" * 50_000, "b"], "python")
    assert sum(len(text) for _, text in line) < 1_100
    assert line[-1] == ("m", " … 49,000 more characters")
    assert after == [("", "b")]


def test_halves_of_characters_of_a_name_are_its_bytes():
    assert list(visible("caf\udce9.py")) == [("", "caf"), ("u", "\\xe9"), ("", ".py")]


@pytest.mark.parametrize("line", ['"\\' * 500, "<!--" * 250, "/*" * 500, "'a" * 500, "- " * 500])
def test_no_line_has_its_expression_go_over_it_again_and_again(line):
    assert [text for _, text in coloured([line], "yaml")[0]] == [line]


def test_the_space_that_all_lines_begin_with_is_left_out():
    lines = coloured(["\t  if x:", "", "   ", "\t  \treturn 1"], "python")
    assert ["".join(text for _, text in line) for line in dedented(lines)] == [
        *("if x:", "", "", "\treturn 1")
    ]
    assert dedented([]) == [] and dedented([[]]) == [[]]
    apart = [[("", "\tx")], [("", "  y")]]
    assert dedented(apart) == apart
