"""How well a model finds each validation document among all, as training goes."""

from __future__ import annotations

import torch
from torch import Tensor


def retrieval_scores(queries: Tensor, documents: Tensor) -> tuple[float, float]:
    """MRR and NDCG@10 where document i is the one answer to query i.

    With one relevant document NDCG@10 is 1 / log2(1 + rank) down to rank 10 (Järvelin and
    Kekäläinen 2002). Ties count for the own document.

    Args:
        queries: unit vectors (n, d).
        documents: unit vectors (n, d).
    """
    ranks = []
    for start in range(0, len(queries), 1024):
        similarity = queries[start : start + 1024] @ documents.T
        own = similarity.gather(1, torch.arange(start, start + len(similarity))[:, None])
        ranks.append((similarity > own).sum(1) + 1)
    rank = torch.cat(ranks).float()
    gain = torch.where(rank <= 10, 1 / torch.log2(1 + rank), torch.zeros_like(rank))
    return round((1 / rank).mean().item(), 4), round(gain.mean().item(), 4)
