"""The line of a hit that an editor goes to."""

from __future__ import annotations

import pytest

from c2llm.search.answer import Hit
from c2llm.search.answers.best_line import best_line
from c2llm.search.explain.why import Why

CODE = """# retry: calls again
# when the server is away
def retry(call, attempts=3):
    for attempt in range(attempts):
        try:
            return call()
        except OSError:
            pause(2 ** attempt)  # exponential backoff between attempts


def other():
    return 1
"""


def hit(text: str = CODE, symbol: str = "retry", start: int = 10, **more: object) -> Hit:
    lines = text.rstrip("\n").split("\n")
    return Hit(
        path="net/retry.py",
        start_line=start,
        end_line=start + len(lines) - 1,
        language="python",
        kind="function",
        symbol=symbol,
        score=1.0,
        text="\n".join(lines),
        why=Why(()),
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("query", "number", "column"),
    [
        ("retry", 12, 5),
        ("which attempts are made", 12, 5),
        ("exponential backoff pause", 17, 13),
        ("net/retry.py:15", 15, 13),
        ("words that are nowhere in it", 12, 5),
    ],
)
def test_the_line_with_most_words_wins_and_the_definition_counts_more(
    query: str, number: int, column: int
) -> None:
    line = best_line(hit(), query)
    assert (line.number, line.column) == (number, column), line
    assert line.text == CODE.split("\n")[number - 10]


def test_columns_are_bytes() -> None:
    text = "größe = 'ñandú'; laufzeit = parse(größe)"
    assert best_line(hit(text, ""), "laufzeit").column == text.encode().index(b"laufzeit") + 1
    tabs = "\t\tlaufzeit"
    assert best_line(hit(tabs, ""), "laufzeit").column == 3


def test_a_line_without_any_word_is_pointed_at_where_it_begins() -> None:
    assert best_line(hit("    pass", ""), "nothing").column == 5
    assert best_line(hit("", ""), "nothing").column == 1


def test_a_cell_ends_on_the_line_that_it_is_on() -> None:
    one = hit("a = 1\nb = laufzeit", "", cell=1)
    on_one_line = Hit(**{name: getattr(one, name) for name in one.__slots__} | {"end_line": 10})
    assert best_line(on_one_line, "laufzeit").number == 10


def test_of_several_definitions_it_is_in_the_one_that_answers() -> None:
    assert best_line(hit(symbol="other", definition=(20, 21)), "other").number == 20
