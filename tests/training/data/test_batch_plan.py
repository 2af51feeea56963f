"""Batches hold one dataset and one language, repeat nothing, and depend on (seed, step) alone."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.errors import DataError, UsageError
from c2llm.training.data.batch_plan import BatchPlan
from c2llm.training.data.batch_texts import draw_texts, known_answers
from c2llm.training.data.training_pair import Pair

PROMPTS = {"query": "Q: ", "document": "Doc:"}
DRAW = {"header_probability": 1.0, "hard_negatives": 0, "draw": "x"}


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


def test_a_fixed_mix_ignores_how_many_rows_there_are():
    rows = pairs("big", "go", 700) + pairs("big", "c", 200) + pairs("small", "go", 100)
    plan = BatchPlan(rows, 4, weights={"big": 1, "small": 3}, fixed=True, min_group=2)
    drawn = Counter((p.dataset, p.language) for p in (plan.batch(s)[0] for s in range(2000)))
    assert drawn["small", "go"] / 2000 == pytest.approx(0.75, abs=0.04)
    assert drawn["big", "go"] / drawn["big", "c"] == pytest.approx(3.5, rel=0.4)


def test_no_row_answers_the_query_of_another_in_its_batch():
    rows = [
        Pair(f"q{i}", f"d{i}", "a", "go", also_positive=(f"d{(i + 1) % 40}",)) for i in range(40)
    ]
    rows += [Pair("q0", f"other {i}", "a", "go") for i in range(5)]
    rows += [Pair(f"asks {i}", "d3", "a", "go") for i in range(5)]
    plan = BatchPlan(rows, 8, min_group=2)
    for step in range(30):
        batch = plan.batch(step)
        for p in batch:
            others = [o for o in batch if o is not p]
            assert all(p.query != o.query and p.query not in o.positives for o in others)
            assert not {t for o in others for t in o.positives} & set(p.positives)


def test_batches_divide_among_ranks_and_are_filled_up_where_rows_repeat():
    plan = BatchPlan(pairs("a", "go", 50), 12, multiple=4, min_group=2)
    assert {len(plan.batch(s)) % 4 for s in range(20)} == {0}
    same = [Pair("q", f"d{i}", "a", "go") for i in range(10)]
    batch = BatchPlan(same, 8, multiple=4, min_group=2).batch(0)
    assert len(batch) == 4
    known = known_answers(batch, draw_texts(batch, PROMPTS, Random(0), **DRAW))
    assert known is not None and known.sum() == 12  # all but the diagonal
    with pytest.raises(UsageError, match=r"3 processes do not divide optim\.batch_size=8: take 9"):
        BatchPlan(same, 8, multiple=3)


def test_drawn_texts_have_prompts_instructions_and_sampled_negatives():
    negatives = tuple(f"n{i}" for i in range(10))
    row = Pair("q", "d", "a", "go", "head", negatives, ("e",), "Do it.", tuple(range(11)))
    drawn = [
        draw_texts([row], PROMPTS, Random(0), **{**DRAW, "hard_negatives": 3, "draw": str(i)})[0]
        for i in range(40)
    ]
    assert {r.query for r in drawn} == {"Do it.\nq"}
    assert {r.document for r in drawn} == {"Doc:head\nd", "Doc:head\ne"}
    assert {n for r in drawn for n in r.negatives} == {f"Doc:n{i}" for i in range(10)}
    assert all(len(set(r.negatives)) == 3 for r in drawn)
    for r in drawn:  # scores stand beside their texts
        assert [f"n{int(s) - 1}" for s in r.scores[1:]] == list(r.plain[1:])


def test_a_negative_that_answers_another_row_is_known_to():
    batch = [
        Pair("q0", "d0", "a", "go", negatives=("n", "d1")),
        Pair("q1", "d1", "a", "go", negatives=("m", "k")),
    ]
    rows = draw_texts(batch, PROMPTS, Random(0), **{**DRAW, "hard_negatives": 2})
    known = known_answers(batch, rows)
    columns = ["d0", "d1", *rows[0].plain[1:], *rows[1].plain[1:]]
    assert known.nonzero().tolist() == [[1, columns.index("d1", 2)]]


def test_one_pair_is_too_few():
    with pytest.raises(DataError, match="at least 2"):
        BatchPlan(pairs("a", "go", 1), 8)
