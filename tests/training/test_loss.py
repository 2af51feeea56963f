"""InfoNCE against its definition."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from c2llm.training.loss import info_nce


def unit(rows: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(rows, 6, generator=generator, dtype=torch.float64), dim=-1)


def by_hand(queries: torch.Tensor, documents: torch.Tensor, temperature: float) -> float:
    total = 0.0
    for i, query in enumerate(queries):
        scores = [math.exp(float(query @ document) / temperature) for document in documents]
        total -= math.log(scores[i] / sum(scores))
    return total / len(queries)


def test_is_the_mean_negative_log_likelihood_of_the_own_document():
    q, d = unit(4, 0), unit(7, 1)  # three hard negatives behind the four positives
    assert info_nce(q, d, 0.2).item() == pytest.approx(by_hand(q, d, 0.2), rel=1e-5)


def test_symmetric_averages_both_directions_over_the_positives():
    q, d = unit(4, 0), unit(6, 1)
    want = (by_hand(q, d, 0.05) + by_hand(d[:4], q, 0.05)) / 2
    assert info_nce(q, d, 0.05, symmetric=True).item() == pytest.approx(want, rel=1e-4)


def test_fewer_documents_than_queries_is_refused():
    with pytest.raises(ValueError, match="4 queries need as many documents, got 3"):
        info_nce(unit(4, 0), unit(3, 1))
