"""In which order classes are told."""

from __future__ import annotations

from itertools import permutations

from c2llm.analysis.clone_report.selection import in_telling_order
from tests.analysis.clone_report.reports import clone, member


def test_classes_that_say_the_same_are_told_by_their_places() -> None:
    files = ("a.py", "b.py", "c.py")
    classes = [clone([member(file), member(f"x/{file}")]) for file in files]
    for order in permutations(classes):
        assert in_telling_order(order) == classes
