"""The ranker with all its rules, with none, and without each: what tells what a rule does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from c2llm.evaluation.repositories.repo_questions import Question
from c2llm.evaluation.repositories.repo_scores import K, chunk_rank, ndcg_of_ranks
from c2llm.search.answer import Sibling
from c2llm.search.answers.copies.siblings import BLOCK, Member, stepped_back
from c2llm.search.code_index import CodeIndex
from c2llm.search.explain.why import Why
from c2llm.search.pipeline import candidates_of
from c2llm.search.query.query_parsing import Query, parse_query
from c2llm.search.ranking.chunk_facts import Facts
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS, FACTORS, NO_FEATURES, RankWeights
from c2llm.search.ranking.features import FEATURES, Corpus
from c2llm.search.ranking.ranker import (
    Candidate,
    Ranked,
    feature_extractors,
    ordered,
    trust_in_vectors,
    weigh,
)
from c2llm.search.request import Mode, SearchRequest
from c2llm.search.retrieval.retrievers import asked_here
from c2llm.search.target import SearchTarget

ALL, NONE = "all rules", "no rules"
NEAR_COPIES = "near copies"
_NO_REASON = Why(())


@dataclass(frozen=True, slots=True)
class Variant:
    """A ranker."""

    weights: RankWeights
    copies_step_back: bool = True


def _variants() -> dict[str, Variant]:
    shipped = DEFAULT_WEIGHTS
    found = {ALL: Variant(shipped), NONE: Variant(NO_FEATURES, copies_step_back=False)}
    for name in FEATURES:
        if any(row[FEATURES.index(name)] for row in shipped.features.values()):
            found[name] = Variant(shipped.with_feature(name, 0.0))
    for name in FACTORS:
        factors = {**shipped.factors, name: 1.0}
        found[f"demotion: {name}"] = Variant(replace(shipped, factors=factors))
    found["asked for"] = Variant(replace(shipped, asked=1.0))
    found["one file after another"] = Variant(replace(shipped, saturation=1.0))
    found[NEAR_COPIES] = Variant(shipped, copies_step_back=False)
    return found


VARIANTS: Mapping[str, Variant] = MappingProxyType(_variants())
"""`ALL` and `NONE`, and by the name of a rule the ranker that lacks it."""
RULES = tuple(name for name in VARIANTS if name not in (ALL, NONE))


def scores_under(
    index: CodeIndex,
    question: Question,
    mode: Mode,
    *,
    variants: Mapping[str, Variant] = VARIANTS,
    prefix: str = "",
    unimported: str | None = None,
) -> dict[str, float]:
    """NDCG@10 of the chunk list of one question under each variant of the ranker.

    The retrievers are asked once, and the candidates weighed once, since no variant changes that.

    Args:
        index: what is asked.
        question: what is asked and what answers it.
        mode: `lexical` or `hybrid`.
        variants: the rankers.
        prefix: the searched root relative to the repository, "" or ending in `/`.
        unimported: a path that counts as one that nobody imports.
    """
    request = SearchRequest(question.text, K, mode)
    with index.believed():
        targets = [index.target(request)]
        query = asked_here([targets[0].reader], parse_query(request.text))
        found = candidates_of(targets, query, k=K, mode=mode)
        corpora: Sequence[Corpus] = found.corpora
        if unimported is not None:
            facts = [candidate.facts for candidate in found.candidates]
            corpora = [_unimported(corpus, facts, unimported) for corpus in corpora]
        orders = _Orders(targets[0], found.candidates, query, corpora)
        best = {name: orders.best(variant) for name, variant in variants.items()}
    return {
        name: ndcg_of_ranks(chunk_rank(target, hits, prefix) for target in question.targets)
        for name, hits in best.items()
    }


class _Orders:
    """The candidates of one question in the order of each variant; weighed once for all."""

    def __init__(
        self,
        target: SearchTarget,
        candidates: Sequence[Candidate],
        query: Query,
        corpora: Sequence[Corpus],
    ) -> None:
        self._query = query
        self._reader = target.reader
        trust = trust_in_vectors(corpora, query, DEFAULT_WEIGHTS)
        extractors = feature_extractors(candidates, query, corpora)
        share = DEFAULT_WEIGHTS.dense[query.kind]
        self._scored = weigh(candidates, query, extractors, share, trust)
        self._members: dict[int, Member] = {}

    def best(self, variant: Variant) -> list[Facts]:
        """The first ten, as a search shows them."""
        block = [
            Ranked(item.candidate, item.score, _NO_REASON)
            for item in ordered(self._scored, self._query, variant.weights, BLOCK)
        ]
        if variant.copies_step_back and len(block) > 1:
            block = list(stepped_back(block, self._members_of(block)))
        return [item.candidate.facts for item in block[:K]]

    def _members_of(self, block: Sequence[Ranked]) -> list[Member]:
        facts = [item.candidate.facts for item in block]
        new = {one.id: one for one in facts if one.id not in self._members}
        for stored in self._reader.store.chunks(new):
            one = new[stored.id]
            place = Sibling(one.path, one.start_line, one.end_line, one.symbol, self._reader.label)
            text = stored.chunk.text
            self._members[one.id] = Member(place, text, one.language, self._query)
        return [self._members[one.id] for one in facts]


def _unimported(corpus: Corpus, candidates: Sequence[Facts], path: str) -> Corpus:
    """The corpus without the imports of one file by others; what it imports itself stays."""
    files = {facts.file_id for facts in candidates if facts.path == path}
    links = {
        file_id: {
            other: imports
            for other, imports in others.items()
            if not (file_id in files and not imports) and not (other in files and imports)
        }
        for file_id, others in corpus.links.items()
    }
    return replace(corpus, links={file_id: others for file_id, others in links.items() if others})
