"""Ask one index or several: retrievers find candidates, the ranker orders them all in one list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from c2llm.search.answer import Hit
from c2llm.search.query.filters import NO_FILTERS, Filters
from c2llm.search.query.query_parsing import Query, parse_query
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS, RankWeights
from c2llm.search.ranking.features import Corpus
from c2llm.search.ranking.ranker import Candidate, Ranked, rank
from c2llm.search.retrieval.retrievers import IndexReader, find

if TYPE_CHECKING:
    from c2llm.search.request import Mode, SearchRequest
    from c2llm.search.retrieval.exact_scan import Vectors

__all__ = ["IndexReader", "SearchTarget", "ask"]

_RECENT = 0.5
"""What having just been changed is worth where it is asked for."""
_WITHOUT_RECENCY: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class SearchTarget:
    """One index and how it is asked."""

    source: IndexReader
    filters: Filters = NO_FILTERS
    vectors: Callable[[Sequence[int]], Vectors] | None = None
    """Gives the similarities for the dense retriever; None where no vectors take part."""
    merged: Callable[[Sequence[Sequence[int]]], list[float]] | None = None
    """For groups of chunk ids how near the query is to the merged vectors of each, as cosines."""
    recency: Mapping[str, float] | None = None
    """For a path how recently it was changed, 1 now and 0 long ago."""


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
        return hits_of(targets, rank(found.candidates, query, found.corpora, k, weights))
    ranked = rank(found.candidates, query, found.corpora, 10 * k, weights)
    from c2llm.search.answers.grouping import grouped

    return grouped(targets, ranked, query, request.granularity)[:k]


@dataclass(frozen=True, slots=True)
class Candidates:
    """What the retrievers found in all the indexes."""

    candidates: list[Candidate]
    corpora: list[Corpus]


def candidates_of(asked: Sequence[SearchTarget], query: Query, *, k: int, mode: Mode) -> Candidates:
    """All that may be an answer, in no order."""
    wanted = max(200, 8 * k)
    found = [
        find(
            one.source,
            query,
            wanted=wanted,
            admitted=one.filters.admitted(one.source.store),
            words=mode != "dense",
            vectors=one.vectors,
            recency=one.recency or _WITHOUT_RECENCY,
            number=number,
        )
        for number, one in enumerate(asked)
    ]
    candidates = [candidate for each in found for candidate in each.candidates]
    return Candidates(candidates, [each.corpus for each in found])


def hits_of(asked: Sequence[SearchTarget], ranked: Sequence[Ranked]) -> list[Hit]:
    """The answers with their text, which is read for them alone."""
    text_of: dict[tuple[int, int], str] = {}
    for number, one in enumerate(asked):
        ids = [item.candidate.facts.id for item in ranked if item.candidate.source == number]
        for stored in one.source.store.chunks(ids):
            text_of[number, stored.id] = stored.chunk.text
    return [
        hit_of(item, asked[item.candidate.source].source.label, text_of[key])
        for item in ranked
        if (key := (item.candidate.source, item.candidate.facts.id)) in text_of
    ]


def hit_of(item: Ranked, label: str, text: str) -> Hit:
    """A chunk as an answer."""
    facts = item.candidate.facts
    return Hit(
        path=facts.path,
        start_line=facts.start_line,
        end_line=facts.end_line,
        language=facts.language,
        kind=facts.kind,
        symbol=facts.symbol,
        score=item.score,
        text=text,
        why=item.why,
        repository=label,
    )
