"""Maximal repeats against a slow and plain search for them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from c2llm.analysis.clones.fragments import repeats

# No statement is twice in a file, so no repeat overlaps itself.
FILES = st.lists(st.lists(st.integers(0, 9), max_size=10, unique=True), min_size=1, max_size=4)


@settings(max_examples=150)
@given(files=FILES, tokens=st.integers(2, 8))
@example(files=[[8], [1, 0, 2, 3, 4, 5, 6, 7, 8], [1]], tokens=2)
def test_repeats_are_repeats_and_cannot_be_longer(files, tokens):
    values = [number for file in files for number in file]
    starts = np.cumsum([0, *map(len, files)])
    sizes = np.array([1 + number % 3 for number in values], np.int64)
    end_of = [int(end) for end, file in zip(starts[1:], files, strict=True) for _ in file]
    found = repeats(np.array(values, np.uint64), sizes, starts, tokens)
    for repeat in found:
        texts = {tuple(values[start : start + repeat.length]) for start in repeat.starts}
        assert len(texts) == 1
        assert sum(sizes[repeat.starts[0] : repeat.starts[0] + repeat.length]) >= tokens
        assert all(start + repeat.length <= end_of[start] for start in repeat.starts)
        assert all(b - a >= repeat.length for a, b in pairwise(repeat.starts))
        after = {
            values[start + repeat.length] if start + repeat.length < end_of[start] else -start - 1
            for start in repeat.starts
        }
        before = {
            values[start - 1] if start not in starts else -start - 1 for start in repeat.starts
        }
        assert len(after) > 1
        assert len(before) > 1


@settings(max_examples=150)
@given(files=FILES, tokens=st.integers(2, 8))
def test_what_is_there_twice_in_two_files_is_found(files, tokens):
    values = [number for file in files for number in file]
    starts = np.cumsum([0, *map(len, files)])
    sizes = np.ones(len(values), np.int64)
    found = repeats(np.array(values, np.uint64), sizes, starts, tokens)
    for one, first in enumerate(files):
        for other in range(one + 1, len(files)):
            second = files[other]
            for at in range(len(first) - tokens + 1):
                for place in range(len(second) - tokens + 1):
                    if first[at : at + tokens] == second[place : place + tokens]:
                        here, there = int(starts[one]) + at, int(starts[other]) + place
                        assert any(
                            any(s <= here and here + tokens <= s + r.length for s in r.starts)
                            and any(s < there + tokens and there < s + r.length for s in r.starts)
                            for r in found
                        )
