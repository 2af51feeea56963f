"""Ranks of answers, held against every order of what ties written out."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from c2llm.training.run.validation import retrieval_scores, scores_of_answers


def test_ties_count_as_the_mean_over_all_orders():
    row = [0.9, 0.5, 0.5, 0.5 + 1e-8, 0.1]
    reciprocals, gains = scores_of_answers(torch.tensor([row]), torch.tensor([2]))
    ranks = [order.index(2) + 2 for order in itertools.permutations([1, 2, 3])]
    assert reciprocals.item() == pytest.approx(sum(1 / r for r in ranks) / len(ranks))
    wanted = sum(1 / math.log2(1 + r) for r in ranks) / len(ranks)
    assert gains.item() == pytest.approx(wanted)


def test_one_vector_for_everything_finds_nothing():
    same = torch.nn.functional.normalize(torch.ones(200, 8), dim=1)
    mrr, ndcg = retrieval_scores(same, same)
    assert mrr < 0.05
    assert ndcg < 0.05


def test_no_number_is_not_found():
    _, gains = scores_of_answers(torch.full((2, 3), math.nan), torch.tensor([0, 1]))
    assert gains.tolist() == [0.0, 0.0]


def test_the_tenth_counts_and_the_eleventh_does_not():
    similarity = torch.linspace(1, 0, 20)[None].repeat(2, 1)
    reciprocals, gains = scores_of_answers(similarity, torch.tensor([9, 10]))
    assert gains.tolist() == [pytest.approx(1 / math.log2(11)), 0.0]
    assert reciprocals.tolist() == pytest.approx([1 / 10, 1 / 11])
