"""Batches hold one dataset and one language, repeat nothing, and depend on (seed, step) alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.errors import DataError
from c2llm.training.batches import BatchPlan
from c2llm.training.pair import Pair


def pairs(dataset: str, language: str, count: int, start: int = 0) -> list[Pair]:
    return [
        Pair(f"{dataset}{language}q{i}", f"{dataset}{language}d{i}", dataset, language)
        for i in range(start, start + count)
    ]


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(2, 60), min_size=1, max_size=5),
    batch_size=st.integers(2, 16),
    repeats=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_batches_are_pure_and_without_repetition(sizes, batch_size, repeats, seed):
    rows = []
    for group, size in enumerate(sizes):
        for i in range(size):  # documents repeat within a group
            rows.append(Pair(f"{group}-{i}", f"code {group}-{i // repeats}", f"set{group}", "go"))
    plan = BatchPlan(rows, batch_size, seed=seed, min_group=2)
    for step in range(20):
        batch = plan.batch(step)
        assert 1 <= len(batch) <= batch_size
        assert len({(p.dataset, p.language) for p in batch}) == 1
        texts = [t for p in batch for t in (p.query, p.document)]
        assert len(set(texts)) == len(texts)


def test_a_step_does_not_depend_on_the_steps_before_it():
    rows = pairs("a", "go", 50) + pairs("b", "c", 30)
    first = BatchPlan(rows, 8, seed=1, min_group=2)
    straight = [first.batch(step) for step in range(30)]
    resumed = BatchPlan(rows, 8, seed=1, min_group=2)
    assert [resumed.batch(step) for step in range(17, 30)] == straight[17:]
    assert BatchPlan(rows, 8, seed=2, min_group=2).batch(0) != straight[0]


def test_one_pass_over_a_group_sees_every_row_once():
    rows = pairs("a", "go", 64)
    plan = BatchPlan(rows, 8, seed=0, min_group=2)
    seen = Counter(p.query for step in range(8) for p in plan.batch(step))
    assert set(seen.values()) == {1} and len(seen) == 64


def test_small_groups_of_a_dataset_are_joined():
    plan = BatchPlan(pairs("a", "go", 5) + pairs("a", "c", 5) + pairs("a", "java", 50), 32)
    assert plan.groups == {("a", "java"): 50, ("a", ""): 10}


def test_weights_and_mixing_steer_the_draw():
    rows = pairs("big", "go", 900) + pairs("small", "go", 100)

    def share(**options):
        plan = BatchPlan(rows, 4, seed=0, min_group=2, **options)
        return sum(plan.batch(s)[0].dataset == "small" for s in range(1000)) / 1000

    assert share() == pytest.approx(0.1, abs=0.03)
    assert share(mixing=0.0) == pytest.approx(0.5, abs=0.05)
    assert share(weights={"small": 9.0}) == pytest.approx(0.5, abs=0.05)


def test_one_pair_is_too_few():
    with pytest.raises(DataError, match="at least 2"):
        BatchPlan(pairs("a", "go", 1), 8)
