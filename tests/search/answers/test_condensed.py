"""Within a budget the least telling lines go first, and the numbers of the others stay true."""

from __future__ import annotations

from dataclasses import replace

import pytest

from c2llm.search.answer import Hit
from c2llm.search.answers.as_json import result
from c2llm.search.answers.condensed import LEFT_OUT, condensed, telling_count
from c2llm.search.answers.token_budget import tokens_of, within_budget
from c2llm.search.explain.why import LineShare, Why

LINES = [f"    step_{number} = call({number})" for number in range(30)]


def hit(telling: dict[int, float], symbol: str = "", start: int = 101, path: str = "a.py") -> Hit:
    lines = list(LINES)
    lines[0] = "def settle(invoice):"
    shares = tuple(LineShare(start + row, telling.get(row, 0.0), 0.0) for row in range(30))
    why = Why(("BM25 #1",), lines=shares)
    return Hit(path, start, start + 29, "python", "function", symbol, 1.0, "\n".join(lines), why)


def test_lines_that_tell_are_kept_with_their_numbers() -> None:
    whole = hit({5: 2.0, 6: 1.0, 20: 1.0, 28: 0.01})
    short = condensed(whole, telling_count(whole))
    assert short.shown == ((106, 107), (121, 121))
    assert short.text.split("\n") == [LINES[5], LINES[6], LEFT_OUT, LINES[20]]
    assert (short.start_line, short.end_line) == (101, 130)
    source = dict(enumerate(whole.text.split("\n"), 101))
    rows = short.rows()
    assert [number for number, _ in rows] == [106, 107, None, 121]
    assert all(source[number] == line for number, line in rows if number is not None)


def test_the_line_that_names_the_hit_is_kept() -> None:
    assert condensed(hit({20: 1.0}, "settle"), 1).shown == ((101, 101), (121, 121))


def test_small_gaps_are_closed() -> None:
    assert condensed(hit({5: 1.0, 8: 1.0}), 2).shown == ((106, 109),)
    assert condensed(hit({5: 1.0, 9: 1.0}), 2).shown == ((106, 106), (110, 110))


@pytest.mark.parametrize(
    "unknown",
    [
        replace(hit({}), why=Why(())),
        replace(hit({5: 1.0}), end_line=101),  # a cell of a notebook that is one line of its file
    ],
)
def test_what_cannot_be_told_stays_whole(unknown: Hit) -> None:
    assert condensed(unknown, 5) == unknown


def test_all_that_fits_whole_stays_whole() -> None:
    hits = [hit({5: 1.0}), hit({6: 1.0}, path="b.py")]
    assert within_budget(hits, 10_000) == (hits, 0)


@pytest.mark.parametrize("budget", [60, 150, 300, 500, 800, 1_200])
def test_more_hits_fit_and_none_is_lost(budget: int) -> None:
    hits = [hit({row: 1.0, row + 9: 0.5}, path=f"{row}.py") for row in range(8)]
    plain = [replace(one, why=Why(())) for one in hits]
    taken, cut_off = within_budget(hits, budget)
    before, _ = within_budget(plain, budget)
    assert len(taken) >= len(before)
    assert [one.path for one in taken] == [one.path for one in hits[: len(taken)]]
    assert cut_off >= len(hits) - len(taken)
    assert sum(tokens_of(one.text) + 24 for one in taken) <= budget
    for one in taken:
        source = dict(enumerate(hits[0].text.split("\n"), 101))
        assert all(source[number] == line for number, line in one.rows() if number is not None)


def test_the_best_hits_get_their_lines_back() -> None:
    hits = [hit({5: 1.0, 20: 0.5}, path=f"{number}.py") for number in range(3)]
    taken, cut_off = within_budget(hits, 420)
    assert len(taken) == 3 and cut_off > 0
    lengths = [len(one.rows()) for one in taken]
    assert lengths == sorted(lengths, reverse=True) and lengths[0] > lengths[-1]


def test_json_says_which_lines_are_shown() -> None:
    whole = hit({5: 2.0, 20: 1.0})
    told = result(1, condensed(whole, 2), "q", whole=True)
    assert told["shown"] == [[106, 106], [121, 121]]
    assert "shown" not in result(1, whole, "q", whole=True)
