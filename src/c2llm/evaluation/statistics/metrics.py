"""Scores of one ranked list against the relevant documents: NDCG, reciprocal rank, recall, AP.

Every function takes `ranked`, document keys with the best first, and `relevance`, the gain of each
relevant document (an absent key or a gain of 0 is not relevant). All return a float in [0, 1]; a
query without relevant documents scores 0, as in trec_eval. NDCG uses the gain itself and not
2^gain - 1: that is trec_eval's `ndcg_cut`, and therefore BEIR's and MTEB's; for binary relevance
the two are equal.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from math import log2
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def dcg(gains: Iterable[float]) -> float:
    """Discounted cumulative gain, sum of gain_i / log2(i + 1) for ranks i from 1.

    Source: Järvelin and Kekäläinen 2002, with the log2(rank + 1) discount of trec_eval.
    """
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains, 1))


def ndcg_at_k(ranked: Sequence[Key], relevance: Mapping[Key, float], k: int = 10) -> float:
    """DCG of the first `k` over the DCG of the best possible first `k`.

    Raises:
        ValueError: if k < 1, a gain is negative, or a document stands twice among the first k.
    """
    ideal = dcg(sorted(_relevant(relevance).values(), reverse=True)[: _checked(k)])
    if ideal == 0.0:
        return 0.0
    return dcg(_gains(ranked, relevance, k)) / ideal


def mrr(ranked: Sequence[Key], relevance: Mapping[Key, float], k: int | None = None) -> float:
    """Reciprocal rank of the first relevant document among the first `k` (all if None), else 0.

    The mean over queries is the MRR.

    Raises:
        ValueError: as `ndcg_at_k`.
    """
    for rank, gain in enumerate(_gains(ranked, relevance, k), 1):
        if gain > 0:
            return 1.0 / rank
    return 0.0


def recall_at_k(ranked: Sequence[Key], relevance: Mapping[Key, float], k: int = 10) -> float:
    """Share of the relevant documents that stand among the first `k`.

    Raises:
        ValueError: as `ndcg_at_k`.
    """
    total = len(_relevant(relevance))
    if total == 0:
        return 0.0
    return sum(gain > 0 for gain in _gains(ranked, relevance, k)) / total


def average_precision(
    ranked: Sequence[Key], relevance: Mapping[Key, float], k: int | None = None
) -> float:
    """Mean over all relevant documents of the precision at each one's rank, 0 where not found.

    With `k`, ranks beyond it count as not found (trec_eval's `map_cut`). The mean over queries is
    the MAP.

    Raises:
        ValueError: as `ndcg_at_k`.
    """
    total = len(_relevant(relevance))
    if total == 0:
        return 0.0
    found, precisions = 0, 0.0
    for rank, gain in enumerate(_gains(ranked, relevance, k), 1):
        if gain > 0:
            found += 1
            precisions += found / rank
    return precisions / total


def _gains(ranked: Sequence[Key], relevance: Mapping[Key, float], k: int | None) -> list[float]:
    top = ranked if k is None else ranked[: _checked(k)]
    if len(set(top)) != len(top):
        raise ValueError(f"the ranking holds {len(top)} entries but {len(set(top))} documents")
    return [relevance.get(key, 0.0) for key in top]


def _relevant(relevance: Mapping[Key, float]) -> dict[Key, float]:
    if any(gain < 0 for gain in relevance.values()):
        raise ValueError("a gain is negative: not relevant is 0")
    return {key: gain for key, gain in relevance.items() if gain > 0}


def _checked(k: int) -> int:
    if k < 1:
        raise ValueError(f"k is {k}, must be at least 1")
    return k
