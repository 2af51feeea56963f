"""What `benchmarks/agent_tokens.py` counts: when an agent has a file, and what grep shows it."""

from __future__ import annotations

from pathlib import Path

import agent_tokens
import pytest
from agent_tokens import BUDGETS, HAND, PLANS, SEARCH, Found, pieces_of, read_until_found, tokens
from grep_strategy import Grep, Piece, Plan, Weights, words_of

from tests.trees import PROJECT, write_tree

NEVER = agent_tokens._NEVER


@pytest.fixture(autouse=True)
def a_word_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_tokens, "tokens", lambda text: len(text.split()))


def test_tokens_are_those_of_a_public_tokenizer() -> None:
    # From the tokenizer's own pages: " world" is one token, and so is "hello".
    assert tokens("hello world") == 2


def test_a_file_is_found_where_it_has_been_read() -> None:
    pieces = [
        Piece("", "two words", is_call=True),
        Piece("a.py", "a.py:1-2\n"),
        Piece("b.py", "b.py:1-2\n"),
        Piece("a.py", "some code here", has_code=True),
        Piece("c.py", "c.py:1:x = 1", has_code=True, is_call=True),
    ]
    assert read_until_found(pieces, {"b.py"}, 100) == Found(4, NEVER, 4, 1)
    assert read_until_found(pieces, {"a.py"}, 100) == Found(3, 7, 3, 1)
    assert read_until_found(pieces, {"a.py", "c.py"}, 100) == Found(3, 7, 10, 1)
    assert read_until_found(pieces, {"c.py"}, 100) == Found(10, 10, 10, 2)
    assert read_until_found(pieces, {"c.py"}, 9) == Found(NEVER, NEVER, NEVER, NEVER)
    assert read_until_found(pieces, {"d.py"}, 100).any_file == NEVER


def test_the_parts_of_an_answer() -> None:
    text = (
        "src/a b.py:3-9 function parse\ndef parse():\n    pass\n\n"
        "lib/c.go:1-80 function Load, lines 4-6 of it:\nfunc Load() {\n}\n\n"
        "d.md:1-5, lines 2-3 of it:\nwords\n\n"
        "e.rs:7-7 struct E\n\n[main, 4 files]"
    )
    parts = list(pieces_of(text))
    assert "".join(part.text for part in parts).split() == text.split()
    named = [part.path for part in parts if part.path and not part.has_code]
    assert named == ["src/a b.py", "lib/c.go", "d.md", "e.rs"]
    assert [part.path for part in parts if part.has_code] == ["src/a b.py", "lib/c.go", "d.md"]


def test_words_are_what_somebody_would_grep_for() -> None:
    assert words_of("How are retries handled in parseToml and load_file?") == [
        "retr",
        "parsetoml",
        "load_file",
    ]


def test_grep_by_hand_goes_from_definitions_to_lines_around(tmp_path: Path) -> None:
    root = write_tree(tmp_path, dict(PROJECT))
    grep = Grep(root, "retry with growing backoff", 5)
    pieces = list(grep.by_hand(Plan(("definitions", "paths", "lines"), 2, 1, 4)))
    assert pieces[0].is_call and "retry 2" in pieces[0].text and not pieces[0].path
    texts = [piece.text for piece in pieces]
    assert "src/net/retry.py:4:def retry_with_backoff(call, attempts=3):\n" in texts
    assert not any("test_retry" in text for text in texts), "tests were not asked for"
    assert texts[-1].startswith("src/net/retry.py:") or "README" in texts[-1]
    asked = Grep(root, "test of retry", 5)
    assert any("test_retry" in piece.text for piece in asked.by_hand(Plan()))


def test_grep_by_a_script_has_the_rarest_words_first(tmp_path: Path) -> None:
    root = write_tree(tmp_path, dict(PROJECT))
    ranked = Grep(root, "settings toml", 5).ranked(Weights())
    assert ranked[0] == "src/config/settings.go"
    first = next(Grep(root, "settings toml", 5).by_script(Weights()))
    assert first.path == "src/config/settings.go" and first.is_call and first.has_code


def test_grep_has_the_plan_that_is_best_at_each_budget() -> None:
    early, late = Found(400, 400, 400, 1), Found(3000, 3000, NEVER, 4)
    never = Found(NEVER, NEVER, NEVER, NEVER)
    found = {
        SEARCH: {budget: [early, late] for budget in BUDGETS},
        HAND: {PLANS[0]: [early, never], PLANS[1]: [late, late]},
    }
    rows = agent_tokens.results_of(found, {SEARCH: [0.1], HAND: [0.2]})
    cells = {(row["system"], row["budget"]): row for row in rows}
    assert cells[HAND, 500]["choice"] == str(PLANS[0]) and cells[HAND, 500]["any_file"] == 0.5
    assert cells[HAND, 4000]["choice"] == str(PLANS[1]) and cells[HAND, 4000]["any_file"] == 1.0
    assert cells[SEARCH, 500]["calls"] == 1 and cells[SEARCH, 8000]["all_files"] == 0.5
    assert "| 0.5 |" in agent_tokens.table_of(rows)
