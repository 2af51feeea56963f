"""Ask one index or several: retrievers find candidates, the ranker orders them all in one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from c2llm.search.answer import Hit, Sibling
from c2llm.search.answers.copies.siblings import BLOCK, Member, stepped_back
from c2llm.search.answers.grouping import grouped
from c2llm.search.answers.hits import hits_of
from c2llm.search.query.query_parsing import Query, parse_query
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS, RankWeights
from c2llm.search.ranking.features import Corpus
from c2llm.search.ranking.ranker import Candidate, Ranked, rank
from c2llm.search.request import Mode, SearchRequest
from c2llm.search.retrieval.pooling import pooled_corpora, pooled_statistics
from c2llm.search.retrieval.retrievers import asked_here, retrieve, searched_terms
from c2llm.search.target import SearchTarget

if TYPE_CHECKING:
    from c2llm.search.answers.facets import Facets

_RECENT = 0.5
"""What having just been changed is worth where it is asked for."""
_CHUNKS_A_UNIT = 10
"""Chunks that a function, a class or a file is looked for in."""
_WITHOUT_RECENCY: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class Found:
    """What all the indexes together answer."""

    hits: list[Hit]
    """The best first."""
    by_words: bool
    """A chunk that may answer has a word of the query, defines its name or is at its place."""
    words_outside: bool
    """None of them has, and some that may not answer do."""
    facets: Facets | None = None
    """What was ranked, counted, where the request asks for that."""


def ask(
    targets: Sequence[SearchTarget],
    request: SearchRequest,
    *,
    weights: RankWeights = DEFAULT_WEIGHTS,
) -> Found:
    """The best hits of all the indexes together.

    Args:
        targets: The indexes, made ready for this request; the callers hold them open.
        request: What is asked; number, offset and granularity count here, filters were taken by the
            targets.
        weights: What the features are worth.
    """
    query = asked_here([one.reader for one in targets], parse_query(request.text))
    if any(one.recency for one in targets):
        weights = weights.with_feature("recent", _RECENT)
    admitted = admitted_of(targets)
    found = candidates_of(targets, query, k=request.limit, mode=request.mode, admitted=admitted)
    last = request.offset + request.limit
    block = max(BLOCK, request.limit)
    of_chunks = request.granularity == "chunk" and not request.asks_records
    most = -(-last // block) * block
    if not of_chunks or any(one.left_out for one in targets):
        most = len(found.candidates)
    wanted = last if of_chunks else max(_CHUNKS_A_UNIT * last, most)
    parts = [
        rank(found.candidates, query, found.corpora, most, weights, explain=_explains(request))
    ]
    if request.offset and len(parts[0]) < wanted:
        parts += _deeper(targets, request, query, weights, parts[0], wanted, admitted)
    if of_chunks:
        ranked: list[Ranked] = []
        for part in map(partial(_answers, targets), parts):
            for start in range(0, len(part), block):
                ranked += _chunks(targets, request, query, part[start : start + block])
        hits = hits_of(targets, ranked[request.offset : last], query, found.rarity)
    else:
        every = [item for part in parts for item in part]
        hits = _units(targets, request, query, every, last, found.rarity)[request.offset : last]
    facets = None
    if request.facets:
        from c2llm.search.answers.facets import facets_of

        facets = facets_of(targets, found.candidates)
    return Found(hits, found.by_words, found.words_outside, facets)


def _explains(request: SearchRequest) -> bool:
    """Whether somebody asks what scores are made of: the request, or its budget for its lines."""
    return request.explain or request.max_tokens is not None


def _answers(targets: Sequence[SearchTarget], ranked: Sequence[Ranked]) -> list[Ranked]:
    """Those that may be answers by their lines."""
    return [
        item
        for item in ranked
        for facts in (item.candidate.facts,)
        if not targets[item.candidate.source].leaves_out(
            facts.path, facts.start_line, facts.end_line, facts.repository
        )
    ]


def _deeper(
    targets: Sequence[SearchTarget],
    request: SearchRequest,
    query: Query,
    weights: RankWeights,
    ranked: list[Ranked],
    most: int,
    admitted: Sequence[set[int] | None],
) -> list[list[Ranked]]:
    """More of a list that is at its end, part by part; what was there is left in its place.

    More candidates make other scores, so those that a longer list adds are put behind.
    """
    parts: list[list[Ranked]] = []
    known = {(item.candidate.source, item.candidate.facts.id) for item in ranked}
    least = ranked[-1].score if ranked else 0.0
    k = request.limit
    while len(known) < most:
        k = _wanted(k)
        found = candidates_of(targets, query, k=k, mode=request.mode, admitted=admitted)
        longer = rank(
            found.candidates,
            query,
            found.corpora,
            len(found.candidates),
            weights,
            explain=_explains(request),
        )
        more = [
            replace(item, score=min(item.score, least))
            for item in longer
            if (item.candidate.source, item.candidate.facts.id) not in known
        ]
        if not more:
            break
        parts.append(more)
        known |= {(item.candidate.source, item.candidate.facts.id) for item in more}
        least = more[-1].score
    return parts


def _chunks(
    targets: Sequence[SearchTarget], request: SearchRequest, query: Query, block: Sequence[Ranked]
) -> Sequence[Ranked]:
    """One block of the list, near copies behind what is different."""
    if request.siblings or len(block) < 2:
        return block
    texts: dict[tuple[int, int], str] = {}
    for number, one in enumerate(targets):
        ids = [item.candidate.facts.id for item in block if item.candidate.source == number]
        for stored in one.reader.store.chunks(ids):
            texts[number, stored.id] = stored.chunk.text
    members = []
    for item in block:
        facts, number = item.candidate.facts, item.candidate.source
        label = targets[number].reader.called(facts)
        place = Sibling(facts.path, facts.start_line, facts.end_line, facts.symbol, label)
        members.append(Member(place, texts.get((number, facts.id), ""), facts.language, query))
    return stepped_back(block, members)


def _units(
    targets: Sequence[SearchTarget],
    request: SearchRequest,
    query: Query,
    ranked: Sequence[Ranked],
    last: int,
    rarity: Mapping[str, float],
) -> list[Hit]:
    """Functions, classes, files or what has records, put together until there are enough.

    Always from the same parts of the list, whatever the offset, so that the pages make one list.
    """
    part = _CHUNKS_A_UNIT * request.limit
    gather = partial(grouped, granularity=request.granularity, rarity=rarity)
    whole_file = request.granularity == "file"
    if request.granularity == "chunk":
        from c2llm.search.answers.recorded_units import recorded_units

        gather = partial(recorded_units, rarity=rarity)
        part = max(1, len(ranked))  # a file may be an answer by any of its chunks, and once
    block = max(BLOCK, request.limit)
    units: list[Hit] = []
    known: set[tuple[str, str, int, int]] = set()
    for start in range(0, len(ranked), part):
        chunks = ranked[start : start + part]
        new: list[Hit] = []
        for hit in gather(targets, chunks, query):
            lines = (0, 0) if whole_file else (hit.start_line, hit.end_line)
            unit = (hit.repository, hit.path, *lines)
            if unit not in known and not _is_left_out(targets, hit):
                known.add(unit)
                new.append(hit)
        for first in range(0, len(new), block):
            units += _hits(request, query, new[first : first + block])
        if len(units) >= last:
            break
    return units


def _is_left_out(targets: Sequence[SearchTarget], hit: Hit) -> bool:
    for one in targets:
        own = one.reader.own_name(hit.repository)
        if own is not None and one.leaves_out(hit.path, hit.start_line, hit.end_line, own):
            return True
    return False


def _hits(request: SearchRequest, query: Query, block: Sequence[Hit]) -> Sequence[Hit]:
    """The same for functions, classes and files, of which the text is there.

    Near copies that were measured are told apart by what came of them.
    """
    if request.siblings or request.asks_records or len(block) < 2:
        return block
    members = [
        Member(
            Sibling(hit.path, hit.start_line, hit.end_line, hit.symbol, hit.repository),
            hit.text,
            hit.language,
            query,
        )
        for hit in block
    ]
    return stepped_back(block, members)


@dataclass(frozen=True, slots=True)
class Candidates:
    """What the retrievers found in all the indexes."""

    candidates: list[Candidate]
    corpora: list[Corpus]
    by_words: bool
    words_outside: bool
    """As in `Found`."""

    @property
    def rarity(self) -> Mapping[str, float]:
        """Weight of each term of the query, the same in all the indexes."""
        return self.corpora[0].rarity if self.corpora else {}


def candidates_of(
    targets: Sequence[SearchTarget],
    query: Query,
    *,
    k: int,
    mode: Mode,
    admitted: Sequence[set[int] | None] | None = None,
) -> Candidates:
    """All that may be an answer, in no order.

    Args:
        targets: The indexes.
        query: The query.
        k: How many answers are wanted.
        mode: Which retrievers take part.
        admitted: For each index what may answer, as `admitted_of` says; asked where it is None.
    """
    wanted = _wanted(k)
    admitted = admitted_of(targets) if admitted is None else admitted
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
            admitted=admitted[number],
            words=mode != "dense",
            fill=one.filters.fill(wanted),
            vectors=one.vectors,
            recency=one.recency or _WITHOUT_RECENCY,
            number=number,
            statistics=statistics,
        )
        for number, one in enumerate(targets)
    ]
    corpora = [each.corpus for each in found]
    if statistics is not None:
        corpora = pooled_corpora(readers, query, found, statistics)
    return Candidates(
        [candidate for each in found for candidate in each.candidates],
        corpora,
        any(each.by_words for each in found),
        any(each.words_outside for each in found),
    )


def _wanted(k: int) -> int:
    """Candidates of a retriever, for so many answers."""
    return max(200, 8 * k)


def admitted_of(targets: Sequence[SearchTarget]) -> list[set[int] | None]:
    """For each index the ids of the chunks that may answer, None for all."""
    text = next((one.filters.pattern for one in targets if one.filters.pattern is not None), None)
    if text is None:
        return [one.filters.admitted(one.reader.store, None) for one in targets]
    from c2llm.search.query.pattern import Pattern, PatternSearch

    with PatternSearch(Pattern.parse(text)) as search:
        return [one.filters.admitted(one.reader.store, search) for one in targets]
