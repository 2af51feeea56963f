"""An error quotes what it is about, and never a whole file of it."""

from __future__ import annotations

import json

import pytest

from c2llm.errors import LONGEST_SENTENCE, DataError, UsageError
from c2llm.printable import quoted


def test_of_a_long_sentence_both_ends_are_told() -> None:
    said = str(UsageError(f"It is {'x' * 100_000}; do this."))
    assert len(said) <= LONGEST_SENTENCE
    assert said.startswith("It is xxx") and said.endswith("xxx; do this.")
    assert str(DataError("Short.")) == "Short." and str(UsageError()) == ""


@pytest.mark.parametrize(
    "value",
    [
        *(int("f" * 10_000, 16), -(10**5_000), 10**200, "x" * 10**6, b"x" * 10**6),
        *([0] * 10**6, {"a" * 1_000: "b"}, json.loads("[" * 900 + "]" * 900), {1, 2}, None, 1.5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_value_can_be_quoted(value: object) -> None:
    assert 0 < len(quoted(value)) <= 80


def test_a_small_value_is_quoted_as_it_is() -> None:
    for value in ("a'b", 12, ["a", 1], {"k": 0}, True, 2.5, -(10**20)):
        assert quoted(value) == repr(value)


def test_what_holds_itself_a_thousand_times_is_quoted_at_once() -> None:
    value: list[object] = ["x"]
    for _ in range(60):
        value = [value, value]
    assert len(quoted(value)) <= 80
