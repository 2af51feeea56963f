"""What is kept, and what is said of it: a gain beyond chance that costs little elsewhere."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from c2llm.errors import DataError
from c2llm.training.adapt.adapt_comparison import Scores, compare
from c2llm.training.adapt.paired_intervals import paired_intervals

HALF = np.full(40, 0.5)


def scores(name, own, general=HALF):
    return Scores(name, np.asarray(own, float), np.asarray(general, float))


def around(mean, n, spread, seed=0):
    """n scores whose differences from a half have exactly this mean."""
    drawn = np.random.default_rng(seed).normal(0, spread, n)
    return 0.5 + mean + drawn - drawn.mean()


def test_the_better_one_that_remembers_is_kept():
    before = scores("before", HALF)
    after, half = scores("after", around(0.2, 40, 0.1)), scores("half", around(0.1, 40, 0.1))
    found = compare([before, after, half], 0.02)
    assert (found.kept, found.verdict) == ("after", "better")
    assert found.words.startswith("better: 'after' has +0.200 NDCG@10 on 40 questions")
    forgets = scores("after", after.own, HALF - 0.1)
    found = compare([before, forgets, half], 0.02)
    assert found.kept == "half"  # what the trained one forgets, the mean of weights keeps
    assert found.candidates["after"]["forgets_too_much"]
    found = compare([before, forgets], 0.02)
    assert (found.kept, found.verdict) == ("before", "forgets too much")
    assert "loses 0.100 on the general set, where 0.02 is allowed" in found.words


def test_a_gain_within_chance_is_not_kept():
    """The mean of 18 questions is above zero, their interval is not."""
    before = scores("before", np.full(18, 0.5))
    found = compare([before, scores("after", around(0.011, 18, 0.13))], 0.02)
    assert (found.kept, found.verdict, found.questions) == ("before", "cannot tell", 18)
    gain = found.candidates["after"]["own_gain"]
    assert gain["low"] < 0 < gain["mean"] == 0.011 < gain["high"]
    assert found.words.startswith("cannot tell: 'after' has +0.011 NDCG@10 on 18 questions")
    assert f"About {found.questions_needed} questions would show" in found.words
    assert "name more repositories" in found.words
    enough = found.questions_needed
    again = compare(
        [scores("before", np.full(enough, 0.5)), scores("after", around(0.011, enough, 0.13))], 0.02
    )
    assert again.kept == "after"


def test_a_loss_beyond_chance_is_called_worse():
    found = compare([scores("before", HALF), scores("after", around(-0.2, 40, 0.1))], 0.02)
    assert (found.kept, found.verdict, found.questions_needed) == ("before", "worse", None)
    assert found.words.startswith("worse: 'after' has -0.200")
    nearly = scores("half", around(-0.001, 40, 0.1))
    found = compare([scores("before", HALF), scores("after", HALF - 0.2), nearly], 0.02)
    assert found.verdict == "cannot tell"
    assert found.candidates["after"]["verdict"] == "worse"


@pytest.mark.parametrize("n", range(6))
def test_few_questions_never_tell(n):
    """All of up to five better: as likely as not that chance gave one of them its sign."""
    before, after = scores("before", np.zeros(n)), scores("after", np.ones(n))
    found = compare([before, after], 0.02)
    assert (found.kept, found.verdict, found.questions) == ("before", "cannot tell", n)
    unchanged = [np.zeros(100), np.r_[np.ones(n), np.zeros(100 - n)]]  # few that changed
    assert compare([scores("before", unchanged[0]), scores("after", unchanged[1])], 1).kept == (
        "before"
    )


def test_six_better_of_six_do_tell():
    found = compare([scores("before", np.zeros(6)), scores("after", np.ones(6))], 0.02)
    assert found.kept == "after"


def test_equal_is_not_better():
    same = scores("before", [0.5, 1.0, 0.0])
    found = compare([same, scores("after", same.own)], 0.02)
    assert (found.kept, found.verdict) == ("before", "cannot tell")
    assert found.candidates["after"]["own_gain"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert found.words.startswith("cannot tell: all 3 questions")


def test_scores_of_other_questions_are_refused():
    with pytest.raises(DataError, match="'after' are of other questions"):
        compare([scores("before", HALF), scores("after", HALF[:1])], 0.02)


def test_intervals_are_those_of_all_signs_written_out():
    drawn = np.random.default_rng(3).normal(0.1, 1, (2, 9))
    norms = np.sqrt((drawn**2).sum(1))
    largest = sorted(
        max(abs(row @ np.array(signs)) / norm for row, norm in zip(drawn, norms, strict=True))
        for signs in itertools.product([1, -1], repeat=9)
    )
    reach = largest[int(np.ceil(0.95 * 512)) - 1]
    for row, norm, found in zip(drawn, norms, paired_intervals(drawn), strict=True):
        half = reach * norm / 9
        assert found.mean == pytest.approx(row.mean(), abs=1e-4)
        assert (found.low, found.high) == pytest.approx(
            (row.mean() - half, row.mean() + half), abs=1e-4
        )


def test_of_candidates_without_a_gain_one_in_twenty_sets_has_one_above_or_below_zero():
    rng = np.random.default_rng(5)
    told = 0
    for _ in range(200):
        trained = rng.normal(0, 1, 60)
        candidates = [share * trained + rng.normal(0, 0.5, 60) for share in (1, 0.5, 0.25)]
        intervals = paired_intervals(np.array(candidates))
        told += any(interval.is_above or interval.is_below for interval in intervals)
    assert 2 <= told <= 18


def test_more_candidates_make_each_interval_wider():
    rng = np.random.default_rng(7)
    rows = rng.normal(0.2, 1, (3, 50))
    alone, among = paired_intervals(rows[:1])[0], paired_intervals(rows)[0]
    assert among.low < alone.low < alone.mean == among.mean < alone.high < among.high
