"""Ask one index or several: retrievers find candidates, the ranker orders them all in one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from c2llm.search.answer import Hit
from c2llm.search.answers.grouping import grouped
from c2llm.search.answers.hits import hits_of
from c2llm.search.query.query_parsing import Query, parse_query
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS, RankWeights
from c2llm.search.ranking.features import Corpus
from c2llm.search.ranking.ranker import Candidate, rank
from c2llm.search.request import Mode, SearchRequest
from c2llm.search.retrieval.pooling import pooled_corpora, pooled_statistics
from c2llm.search.retrieval.retrievers import retrieve, searched_terms
from c2llm.search.target import SearchTarget

_RECENT = 0.5
"""What having just been changed is worth where it is asked for."""
_WITHOUT_RECENCY: Mapping[str, float] = {}


def ask(
    targets: Sequence[SearchTarget],
    request: SearchRequest,
    *,
    weights: RankWeights = DEFAULT_WEIGHTS,
) -> list[Hit]:
    """The best hits of all the indexes together, the best first.

    Args:
        targets: The indexes, made ready for this request; the callers hold them open.
        request: What is asked; `k` and `granularity` count here, filters were taken by the targets.
        weights: What the features are worth.
    """
    query = parse_query(request.text)
    if any(one.recency for one in targets):
        weights = weights.with_feature("recent", _RECENT)
    k = request.k
    found = candidates_of(targets, query, k=k, mode=request.mode)
    if request.granularity == "chunk":
        ranked = rank(found.candidates, query, found.corpora, k, weights)
        return hits_of(targets, ranked, query, found.rarity)
    ranked = rank(found.candidates, query, found.corpora, 10 * k, weights)
    return grouped(targets, ranked, query, request.granularity, rarity=found.rarity)[:k]


@dataclass(frozen=True, slots=True)
class Candidates:
    """What the retrievers found in all the indexes."""

    candidates: list[Candidate]
    corpora: list[Corpus]

    @property
    def rarity(self) -> Mapping[str, float]:
        """Weight of each term of the query, the same in all the indexes."""
        return self.corpora[0].rarity if self.corpora else {}


def candidates_of(
    targets: Sequence[SearchTarget], query: Query, *, k: int, mode: Mode
) -> Candidates:
    """All that may be an answer, in no order."""
    wanted = max(200, 8 * k)
    readers = [one.reader for one in targets]
    # One index has the statistics of its own at hand.
    terms = searched_terms(readers, query)
    statistics = pooled_statistics(readers, terms) if len(targets) > 1 else None
    found = [
        retrieve(
            one.reader,
            query,
            terms,
            wanted=wanted,
            admitted=one.filters.admitted(one.reader.store),
            words=mode != "dense",
            vectors=one.vectors,
            recency=one.recency or _WITHOUT_RECENCY,
            number=number,
            statistics=statistics,
        )
        for number, one in enumerate(targets)
    ]
    candidates = [candidate for each in found for candidate in each.candidates]
    if statistics is None:
        return Candidates(candidates, [each.corpus for each in found])
    return Candidates(candidates, pooled_corpora(readers, query, found, statistics))
