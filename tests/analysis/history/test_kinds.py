"""What an edit does to code, told from its tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.analysis.history.kinds import KINDS, kinds_of
from c2llm.analysis.history.patches import Hunk

EDITS = {
    "operator": (["if a < b:"], ["if a <= b:"], {"operator_swapped", "operators_only"}),
    "logic": (["if a and b:"], ["if a or b:"], {"operator_swapped", "operators_only"}),
    "negation": (["if ready:"], ["if not ready:"], {"operator_swapped", "operators_only"}),
    "sign": (["x = a + b"], ["x = a - b"], {"operator_swapped", "operators_only"}),
    "number": (["wait(30)"], ["wait(3000)"], {"number_changed"}),
    "flag": (["verify=True"], ["verify=False"], {"number_changed"}),
    "guard": (
        ["    if amount > LIMIT:", "        raise ValueError(amount)"],
        [],
        {"condition_removed", "comparison_removed", "exit_removed", "limit_removed"}
        | {"call_removed", "guard_deleted", "code_only_removed"},
    ),
    "call": (["    audit(amount)"], [], {"call_removed", "call_deleted", "calls_only_removed"}),
    "replaced call": (["    audit(amount)"], ["    track(amount)"], set()),
    "clamp": (["x = min(x, MAX_SIZE)"], ["x = x"], {"limit_removed", "call_removed"}),
    "handling": (["try:", "    go()", "except OSError:"], ["go()"], {"handling_removed"}),
    "comment": (["a = 1  # one"], ["a = 1  # the first"], set()),
    "format": (["a=f(1,2)"], ["a = f(", "    1, 2", ")"], set()),
    "rename": (["total = price"], ["amount = price"], set()),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_told(name):
    removed, added, expected = EDITS[name]
    found = set(kinds_of([Hunk("", removed, added)], "python").found)
    assert expected <= found
    if not expected:
        assert not found


def test_what_only_moves_is_nothing_that_is_gone():
    lines = ["    if amount > LIMIT:", "        raise ValueError(amount)"]
    moved = kinds_of([Hunk("", lines, []), Hunk("", [], lines)], "python")
    assert not moved.found
    assert (moved.removed_tokens, moved.added_tokens) == (0, 0)


def test_other_languages_have_the_same_kinds():
    guard = ["\tif size > max {", "\t\treturn errTooLarge", "\t}"]
    assert "guard_deleted" in kinds_of([Hunk("", guard, [])], "go").found
    guard = ["    raise ArgumentError unless size < MAX"]
    assert "guard_deleted" in kinds_of([Hunk("", guard, [])], "ruby").found
    call = ["        lock.release();"]
    assert "call_deleted" in kinds_of([Hunk("", call, [])], "java").found
    swap = kinds_of([Hunk("", ["if (a && b) {"], ["if (a || b) {"])], "javascript")
    assert swap.found["operators_only"] == ["&& to ||"]


def test_an_operator_among_other_changes_is_not_alone():
    hunks = [Hunk("", ["a < b"], ["a <= b"]), Hunk("", ["x = one"], ["y = two(three, four)"])]
    found = kinds_of(hunks, "python").found
    assert "operator_swapped" in found
    assert "operators_only" not in found


@given(
    st.lists(st.text(max_size=40), max_size=8),
    st.lists(st.text(max_size=40), max_size=8),
    st.sampled_from(["python", "go", "haskell", "nosuchlanguage", "php"]),
)
def test_any_text_has_some_kinds(removed, added, language):
    kinds = kinds_of([Hunk("", removed, added)], language)
    assert kinds.found.keys() <= set(KINDS)
    assert all(len(one) <= 60 for some in kinds.found.values() for one in some)
