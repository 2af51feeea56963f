"""The metrics against values worked by hand and a slow oracle written from the definitions."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.evaluation.statistics.metrics import average_precision, mrr, ndcg_at_k, recall_at_k

RANKED = ["a", "b", "c", "d", "e"]


def test_ndcg_binary_by_hand():
    # Found at ranks 2 and 4 of three: (1/log2(3) + 1/log2(5)) / (1 + 1/log2(3) + 1/2).
    score = ndcg_at_k(RANKED, {"b": 1, "d": 1, "z": 1}, k=10)
    assert score == pytest.approx((0.6309297536 + 0.4306765581) / 2.1309297536, abs=1e-9)


def test_ndcg_graded_uses_the_gain_itself():
    # Found gains 0, 3, 1; ideal 3, 1. (3/log2(3) + 1/2) / (3 + 1/log2(3)).
    score = ndcg_at_k(RANKED, {"b": 3, "c": 1}, k=3)
    assert score == pytest.approx((3 * 0.6309297536 + 0.5) / 3.6309297536, abs=1e-9)


def test_ndcg_ideal_holds_no_more_than_k():
    assert ndcg_at_k(["a", "b"], {"a": 1, "b": 1, "c": 1}, k=2) == pytest.approx(1.0)


def test_rank_metrics_by_hand():
    relevance = {"b": 1.0, "e": 1.0, "z": 1.0}
    assert mrr(RANKED, relevance) == 0.5
    assert mrr(RANKED, relevance, k=1) == 0.0
    assert recall_at_k(RANKED, relevance, k=4) == pytest.approx(1 / 3)
    assert recall_at_k(RANKED, relevance, k=5) == pytest.approx(2 / 3)
    assert average_precision(RANKED, relevance) == pytest.approx((1 / 2 + 2 / 5) / 3)
    assert average_precision(RANKED, relevance, k=4) == pytest.approx((1 / 2) / 3)


@pytest.mark.parametrize("metric", [ndcg_at_k, mrr, recall_at_k, average_precision])
def test_nothing_relevant_and_nothing_ranked_score_zero(metric):
    assert metric(RANKED, {}) == 0.0
    assert metric(RANKED, {"a": 0.0}) == 0.0
    assert metric([], {"a": 1.0}) == 0.0


@pytest.mark.parametrize("metric", [ndcg_at_k, mrr, recall_at_k, average_precision])
def test_a_repeated_document_is_refused(metric):
    with pytest.raises(ValueError, match="3 entries but 2 documents"):
        metric(["a", "b", "a"], {"a": 1.0})


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="k is 0"):
        ndcg_at_k(RANKED, {"a": 1.0}, k=0)
    with pytest.raises(ValueError, match="negative"):
        ndcg_at_k(RANKED, {"a": -1.0})


rankings = st.permutations(range(12)).flatmap(
    lambda order: st.integers(0, 12).map(lambda size: list(order)[:size])
)
relevances = st.dictionaries(st.integers(0, 14), st.integers(0, 4).map(float), max_size=8)


@given(rankings, relevances, st.integers(1, 15))
def test_all_metrics_equal_the_oracle(ranked, relevance, k):
    assert ndcg_at_k(ranked, relevance, k) == pytest.approx(
        oracle_ndcg(ranked, relevance, k), abs=1e-12
    )
    hits = [rank for rank in range(1, len(ranked) + 1) if relevance.get(ranked[rank - 1], 0) > 0]
    total = len([gain for gain in relevance.values() if gain > 0])
    within = [rank for rank in hits if rank <= k]
    assert mrr(ranked, relevance, k) == (1 / within[0] if within else 0.0)
    assert recall_at_k(ranked, relevance, k) == (len(within) / total if total else 0.0)
    precision_at = [len([r for r in hits if r <= rank]) / rank for rank in within]
    expected = sum(precision_at) / total if total else 0.0
    assert average_precision(ranked, relevance, k) == pytest.approx(expected, abs=1e-12)


@given(rankings, relevances, st.integers(1, 15))
def test_scores_stay_between_zero_and_one(ranked, relevance, k):
    for metric in (ndcg_at_k, mrr, recall_at_k, average_precision):
        assert 0.0 <= metric(ranked, relevance, k) <= 1.0 + 1e-12


def oracle_ndcg(ranked, relevance, k):
    """From the definition: natural logarithms, and an ideal list of every judged document."""

    def discounted(keys):
        total = 0.0
        for position in range(min(k, len(keys))):
            total += relevance.get(keys[position], 0.0) * log(2) / log(position + 2)
        return total

    ideal = discounted(sorted(relevance, key=lambda key: -relevance[key]))
    return discounted(ranked) / ideal if ideal > 0 else 0.0
