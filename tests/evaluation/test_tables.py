"""Tables stay tables whatever stands in a cell."""

from __future__ import annotations

import pytest

from c2llm.evaluation.tables import markdown_table, p_value


def test_columns_line_up_and_numbers_stand_right():
    assert markdown_table(["name", "n"], [["a", "1,000"], ["long name", "7"]]).splitlines() == [
        "| name      |     n |",
        "| --------- | ----: |",
        "| a         | 1,000 |",
        "| long name |     7 |",
    ]


def test_bars_and_newlines_do_not_break_a_row():
    assert markdown_table(["x"], [["a|b\nc"]]).splitlines()[2] == "| a\\|b c |"


def test_a_row_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="1 cells, the header 2"):
        markdown_table(["x", "y"], [["a"]])


def test_small_p_values_are_not_zero():
    assert p_value(0.0001) == "< 0.001"
    assert p_value(0.0449) == "0.045"
