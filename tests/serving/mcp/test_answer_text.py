from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.search.answer import Hit, SearchAnswer
from c2llm.search.answers.token_budget import tokens_of
from c2llm.search.explain.why import Why
from c2llm.search.request import SearchRequest
from c2llm.serving.mcp.answer_text import LEAST_TOKENS, answer_text, cut

STATE = ["[project: commit 0123456789 (main), clean; 5 files indexed, up to date]"]


def hit(number: int, text: str, path: str = "src/a.py") -> Hit:
    lines = text.count("\n") + 1
    return Hit(
        path, number, number + lines - 1, "python", "function", f"f{number}", 1.0, text, Why(())
    )


def told(
    hits: list[Hit],
    max_tokens: int,
    notes: tuple[str, ...] = (),
    k: int = 10,
    state: Sequence[str] = STATE,
) -> str:
    answer = SearchAnswer(SearchRequest("wait for it", k), tuple(hits), (), 0, 0.0, notes)
    return answer_text(answer, state, max_tokens)


def test_whole_code_where_there_is_room() -> None:
    text = told([hit(1, "def f1():\n    wait()"), hit(9, "def f9():\n    pass")], 4_000)
    assert text == (
        "src/a.py:1-2 function f1\ndef f1():\n    wait()\n\n"
        "src/a.py:9-10 function f9\ndef f9():\n    pass\n\n" + STATE[0]
    )


def test_every_hit_is_named_before_one_has_all_its_code() -> None:
    long = "\n".join(f"    call_{n}(wait)" for n in range(60))
    text = told([hit(100 * n, f"def f{n}():\n{long}") for n in range(1, 11)], 900)
    assert all(f"src/a.py:{100 * n}-" in text for n in range(1, 11))
    assert "Cut at 900 tokens" in text and "`read`" in text and "offset=10" in text


def test_the_first_hit_is_cut_and_never_dropped() -> None:
    text = told([hit(1, "x = 1234567890 " * 3_000)], LEAST_TOKENS)
    assert "src/a.py:1-1" in text and "x = 12345" in text and "…" in text


def test_what_a_repository_holds_neither_hides_nor_steers() -> None:
    text = told([hit(1, "a = 1\x1b[2J \U000e0041\u202e", "src/a\nb.py")], 4_000)
    assert "\x1b" not in text and "\U000e0041" not in text and "\u202e" not in text
    assert "src/a\\nb.py" in text


def test_nothing_found_is_said_with_the_state() -> None:
    assert told([], 4_000, ("No indexed file is called so.",)) == (
        f"Nothing was found.\n\nNo indexed file is called so.\n\n{STATE[0]}"
    )


@given(
    st.lists(st.text(min_size=1, max_size=3_000), max_size=12),
    st.integers(LEAST_TOKENS, 3_000),
    st.lists(st.text(max_size=2_000), max_size=3),
    st.text(min_size=1, max_size=900),
)
def test_an_answer_is_never_larger_than_asked_for_and_never_empty(
    codes: list[str], max_tokens: int, notes: list[str], path: str
) -> None:
    hits = [hit(10 * number + 1, code, path) for number, code in enumerate(codes)]
    text = told(hits, max_tokens, tuple(notes))
    assert tokens_of(text) <= max_tokens
    assert text.endswith(STATE[0]) and len(text) > len(STATE[0])


@given(
    st.lists(st.text(min_size=1, max_size=600), max_size=8),
    st.integers(LEAST_TOKENS, 1_500),
    st.text(max_size=900),
    st.lists(st.text(max_size=400), min_size=1, max_size=30),
)
def test_many_roots_leave_room_for_code(
    codes: list[str], max_tokens: int, notes: str, state: list[str]
) -> None:
    hits = [hit(10 * number + 1, code) for number, code in enumerate(codes)]
    text = told(hits, max_tokens, (notes,), state=state)
    assert tokens_of(text) <= max_tokens
    assert "src/a.py:1-" in text or not codes


def test_of_many_roots_the_first_are_told_and_how_many_there_are_more() -> None:
    state = [f"[project{n}: no commit; 2 files indexed, up to date]" for n in range(40)]
    text = told([hit(1, "def f1():\n    wait()")], 300, state=state)
    assert "def f1():" in text and state[0] in text and state[39] not in text
    told_of = sum(line in text for line in state)
    assert text.endswith(f"[{40 - told_of} more: `status`]")
    assert told([], 4_000, state=state).endswith("\n".join(state))


@pytest.mark.parametrize("most", [0, 1, 5, 40])
def test_a_cut_text_has_no_more_tokens(most: int) -> None:
    assert tokens_of(cut("some words, 123 and more\n" * 9, most)) <= most
