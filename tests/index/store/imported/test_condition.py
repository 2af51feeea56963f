"""Conditions that are hostile, or mistaken: one sentence each, and nothing of them is run."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.errors import UsageError
from c2llm.index.store.imported.condition import MOST_CHARACTERS, columns_of, parse_condition


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "  ",
            "-- x",
            "select 1",
            "(select 1) > 0",
            "drop table records",
            "a > 1; drop table r",
        ),
        *("a > 1) or (1 = 1", "a = 1 union select 1", "a in (select 1)", "exists (select 1)"),
        *("load_extension('x')", "abs(a) > 1", "max(a) > 1", "random() > 1", "cast(a as int) = 1"),
        *("a = ?", "a = :name", "a = @x", "a = x'41'", "a -> 'b' = 1", "a || b = 'c'", "* = 1"),
        *("a.* = 1", "case when a then 1 end", "(a, b) = (1, 2)", "a = b = c", "a is b", "a in ()"),
        *("a in b", "a like b", "a like 'x' escape 'y'", "a glob 'x'", "a collate nocase = 'x'"),
        *("a = null", "a in (1, null)", "a > 1e999", "a > 1 limit 3", "a as b", "a,b", "a and"),
        *("a = 'x", 'a = "x', "a > 1_000", "set a = 1", "pragma user_version"),
        *(
            "a = 'x' 'y'",
            "interval '1' day > a",
            "a::int = 1",
            "a[1] = 2",
            "a = '\0",
            "((((a",
        ),
        *(
            "a between symmetric 1 and 2",
            "\ud800 = 1",
            "a = '\ud800'",
            "not",
            "a > - ",
            "a = date '2024-01-01'",
        ),
    ],
)
def test_what_is_no_condition_is_told_in_a_sentence(text, capsys):
    with pytest.raises(UsageError) as told:
        parse_condition(text)
    assert str(told.value).endswith(".") and "\n" not in str(told.value)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 500 + "a" + ")" * 500,
        "(" * 1_900 + "a",
        "not " * 900 + "a",
        "- " * 1_500 + "1 > a",
        "a + " * 900 + "1 > 2",
        "a = 1 and (" * 300 + "a = 1" + ")" * 300,
        "a in (" + "1," * 1_500 + "1)",
        "a > 1 or " * 1_000 + "a",
        "a > " + "9" * 3_000,
        f"a like '{'%a' * 150}'",
    ],
)
def test_what_is_too_much_is_told(text):
    with pytest.raises(UsageError):
        parse_condition(text)


_NESTED = (
    "( case·when· a[ cast( interval· x( { a::b· not· - a·between· a·in·( exists( a·like· a->b·"
)
_NESTED += (
    " select· if( a·>·any( (select· a·and·( a·collate· (not· (- -( a·between·1·and·( ((( map{"
)


@pytest.mark.parametrize("piece", _NESTED.split())
@pytest.mark.parametrize("count", [29, 400])
def test_a_parser_of_all_of_sql_is_not_let_at_it(piece, count):
    """It takes time that grows by powers of two over some of these."""
    with pytest.raises(UsageError):
        parse_condition(piece.replace("·", " ") * count)


def test_a_long_flat_condition_is_taken():
    text = " or ".join(f"a = {n}" for n in range(300))
    assert len(text) < MOST_CHARACTERS
    assert columns_of(parse_condition(text)) == {"a"}
    assert columns_of(parse_condition(f"a in ({', '.join(map(str, range(700)))})")) == {"a"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("metrics.sharpe > 1", "metrics.sharpe"),
        ("a.b.c.d.e.f > 1", "a.b.c.d.e.f"),
        ('"val/loss" < 1', "val/loss"),
        ("[max dd] < 1", "max dd"),
        ("`select` = 1", "select"),
        ("order = 1", "order"),
        ("select = 1", "select"),
        ("case > 1", "case"),
        ("set > 1", "set"),
        ("current_date > '2024-01-01'", "current_date"),
        ("index > 1", "index"),
        ('"a""b" = 1', 'a"b'),
        ("größe > 1", "größe"),
    ],
)
def test_columns_have_any_name(text, name):
    assert columns_of(parse_condition(text)) == {name}


@settings(max_examples=30)
@given(st.text(max_size=40))
def test_any_text_is_a_condition_or_a_sentence(text):
    try:
        parse_condition(text)
    except UsageError:
        return


_PIECES = """
a 1 'x' ( ) and or not > = in like is null between , - + * / . ; select from "b" -- case end
:: [ ] ? :n exists cast as true % || -> @ interval
""".split()


@given(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=14).map(" ".join))
def test_any_row_of_words_is_a_condition_or_a_sentence(text):
    try:
        parse_condition(text)
    except UsageError:
        return
