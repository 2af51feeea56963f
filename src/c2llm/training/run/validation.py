"""How well a model finds each validation document among all, as training goes."""

from __future__ import annotations

import torch
from torch import Tensor

_TIED = 1e-6
"""Cosines no further apart are equal: float32 products of equal vectors differ by less."""


def retrieval_scores(queries: Tensor, documents: Tensor) -> tuple[float, float]:
    """MRR and NDCG@10 where document i is the one answer to query i.

    Args:
        queries: unit vectors (n, d).
        documents: unit vectors (n, d).
    """
    reciprocals, gains = [], []
    for start in range(0, len(queries), 1024):
        similarity = queries[start : start + 1024] @ documents.T
        answers = torch.arange(start, start + len(similarity))
        of_rows = scores_of_answers(similarity, answers)
        reciprocals.append(of_rows[0])
        gains.append(of_rows[1])
    mrr, ndcg = torch.cat(reciprocals).mean(), torch.cat(gains).mean()
    return round(mrr.item(), 4), round(ndcg.item(), 4)


def scores_of_answers(similarity: Tensor, answers: Tensor) -> tuple[Tensor, Tensor]:
    """Reciprocal rank and NDCG@10 of each query that has one answer.

    With one relevant document NDCG@10 is 1 / log2(1 + rank) down to rank 10 (Järvelin and
    Kekäläinen 2002). Documents that score as the answer does share their places: the mean over all
    orders counts (McSherry and Najork 2008), so a model that has one vector for everything finds
    nothing. What is not a number is not found.

    Args:
        similarity: (rows, n).
        answers: (rows,), the column of each row's answer.

    Returns:
        Two of (rows,), float64.
    """
    own = similarity.gather(1, answers[:, None])
    above = (similarity > own + _TIED).sum(1)
    tied = ((similarity - own).abs() <= _TIED).sum(1)
    places = torch.arange(1, similarity.shape[1] + 1, dtype=torch.float64)
    gains = torch.where(places <= 10, 1 / torch.log2(1 + places), torch.zeros(()).double())
    return _mean_over_places(1 / places, above, tied), _mean_over_places(gains, above, tied)


def _mean_over_places(values: Tensor, above: Tensor, tied: Tensor) -> Tensor:
    """Mean of what places above + 1 to above + tied are worth; 0 where none is tied."""
    summed = torch.cat([values.new_zeros(1), values.cumsum(0)])
    return (summed[above + tied] - summed[above]) / tied.clamp(min=1)
