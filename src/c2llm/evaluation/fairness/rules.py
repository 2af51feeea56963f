"""The ranker with all its rules, with none, and without each: what tells what a rule does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from c2llm.evaluation.repositories.repo_questions import Question
from c2llm.evaluation.repositories.repo_scores import K, chunk_rank, ndcg_of_ranks
from c2llm.search.answers.copies.siblings import BLOCK
from c2llm.search.code_index import CodeIndex
from c2llm.search.pipeline import candidates_of, near_copies_back
from c2llm.search.query.query_parsing import parse_query
from c2llm.search.ranking.chunk_facts import Facts
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS, FACTORS, NO_FEATURES, RankWeights
from c2llm.search.ranking.features import FEATURES, Corpus
from c2llm.search.ranking.ranker import Ranked, rank
from c2llm.search.request import Mode, SearchRequest
from c2llm.search.retrieval.retrievers import asked_here

ALL, NONE = "all rules", "no rules"
NEAR_COPIES = "near copies"


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

    The retrievers are asked once, since no variant changes what they find.

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
        scores = {}
        stepped: dict[tuple[int, ...], Sequence[Ranked]] = {}
        for name, variant in variants.items():
            ranked: Sequence[Ranked] = rank(
                found.candidates, query, corpora, BLOCK, variant.weights
            )
            if variant.copies_step_back:
                # Many rules make no difference to a question, and then to its near copies neither.
                order = tuple(item.candidate.facts.id for item in ranked)
                if order not in stepped:
                    stepped[order] = near_copies_back(targets, request, query, ranked)
                ranked = stepped[order]
            best = [item.candidate.facts for item in ranked[:K]]
            scores[name] = ndcg_of_ranks(
                chunk_rank(target, best, prefix) for target in question.targets
            )
    return scores


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
