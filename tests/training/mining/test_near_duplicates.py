"""Near copies: the estimate against the exact similarity."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from c2llm.codebase.identifiers import words
from c2llm.training.mining.near_duplicates import NearDuplicates

WORDS = [f"w{a}{b}" for a in "bcdfgh" for b in "klmnpr"]


def jaccard(a: str, b: str) -> float:
    sets = []
    for text in (a, b):
        found = words(text)
        sets.append({tuple(found[i : i + 3]) for i in range(len(found) - 2)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@given(st.lists(st.sampled_from(WORDS), min_size=60, max_size=80), st.data())
def test_the_estimate_is_near_the_exact_similarity(chosen: list[str], data: st.DataObject) -> None:
    other = list(chosen)
    for _ in range(data.draw(st.integers(0, 12))):
        other[data.draw(st.integers(0, len(other) - 1))] = "changed"
    a, b = " ".join(chosen), " ".join(other)
    copies = NearDuplicates(0.8)
    assert not copies.add(a)
    is_copy = copies.add(b)
    exact = jaccard(a, b)
    # 32 hashes: a standard error of 0.07 at 0.8
    assert is_copy or exact < 0.97
    assert not is_copy or exact > 0.5


def test_texts_of_one_kind_are_compared() -> None:
    copies = NearDuplicates()
    text = " ".join(WORDS)
    assert not copies.add(text, "test")
    assert not copies.add(text, "docstring")
    assert copies.add(text + " more", "test")


def test_short_and_empty_texts_are_told_apart() -> None:
    copies = NearDuplicates()
    assert not copies.add("a b")
    assert not copies.add("a c")
    assert not copies.add("")
    assert copies.add("")
