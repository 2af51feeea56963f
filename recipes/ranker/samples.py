"""What the ranker sees of each question of the benchmark, as arrays: what weights are fitted on.

The candidates of all questions lie one after another in the order of question, file and line, so
that a whole ranking is a few array operations and a fit takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from c2llm.evaluation.repositories.repo_questions import Question, Repository
from c2llm.search.pipeline import candidates_of
from c2llm.search.query.query_parsing import Query, QueryKind, parse_query
from c2llm.search.ranking.feature_weights import FACTORS, RankWeights
from c2llm.search.ranking.features import FEATURES
from c2llm.search.ranking.ranker import feature_extractors, trust_in_vectors, weigh
from c2llm.search.request import SearchRequest

if TYPE_CHECKING:
    from c2llm.encoding.protocol import TextEncoder
    from c2llm.evaluation.repositories.repo_trees import Tree
    from c2llm.search.code_index import CodeIndex
    from c2llm.search.pipeline import Candidates
    from c2llm.search.request import Mode

K = 10
COLUMNS = ("lexical", "dense", *FEATURES)
"""Of a candidate: both retrievers and the features, scaled by the trust in the vectors."""
CONTRASTS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Slopes of that trust that a fit chooses from."""
KINDS = (QueryKind.QUESTION, QueryKind.NAME)
"""Kinds of query that the benchmark asks; the weights of the others are set by hand."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """One question: n candidates by file and line."""

    repository: str
    category: str
    kind: int
    """Position in `KINDS`."""
    columns: Floats
    """(n, len(COLUMNS))."""
    factors: Floats
    """(n, len(FACTORS)), 1 where a factor applies."""
    asked: Floats
    """(n,), 1 where the query asks for the file's role."""
    files: Ints
    """(n,), numbers of the files."""
    targets: tuple[Ints, ...]
    """For each target the rows that answer it."""
    part: str = ""
    """Of a tree of functions the part that stays together in a fold; "" for a repository."""


def sample(
    index: CodeIndex,
    repository: Repository,
    question: Question,
    mode: Mode,
    share: float,
    several: Sequence[RankWeights],
) -> list[Sample]:
    """The candidates of a question, once for each of some weights that differ in `contrast`.

    Args:
        index: Of the repository.
        repository: Whose question it is.
        question: The question.
        mode: `lexical` or `hybrid`.
        share: The vectors' share of the retrievers that coherence is told from.
        several: The weights.
    """
    query = parse_query(question.text)
    found = candidates_of(
        [index.target(SearchRequest(question.text, mode=mode))], query, k=K, mode=mode
    )
    trusts = [trust_in_vectors(found.corpora, query, weights) for weights in several]
    return [_sample(repository, question, query, found, share, trust) for trust in trusts]


def _sample(
    repository: Repository,
    question: Question,
    query: Query,
    found: Candidates,
    share: float,
    trust: float,
) -> Sample:
    candidates = found.candidates
    extractors = feature_extractors(candidates, query, found.corpora)
    scored = weigh(candidates, query, extractors, share, trust)
    scored.sort(key=lambda item: (item.file, item.candidate.facts.start_line))
    fused_scores = np.array(
        [[item.candidate.lexical, item.candidate.dense] for item in scored], float
    )
    fused_scores = fused_scores.reshape(len(scored), 2)
    has = np.array([item.candidate.dense_rank > 0 for item in scored])
    floor = fused_scores[has, 1].min() if has.any() else 0.0
    fused_scores[:, 1] = (
        np.where(fused_scores[:, 1] > floor, fused_scores[:, 1] - floor, 0.0) if has.any() else 0.0
    )
    fused_scores *= np.array([2.0 - trust, trust]) / np.maximum(fused_scores.max(axis=0), 1e-9)
    prefix = f"{repository.benchmark_root}/" if repository.benchmark_root else ""
    targets = []
    for target in question.targets:
        rows = [
            row
            for row, item in enumerate(scored)
            for facts in (item.candidate.facts,)
            if prefix + facts.path == target.path
            and (
                target.start_line is None
                or target.end_line is None
                or (facts.start_line <= target.end_line and target.start_line <= facts.end_line)
            )
        ]
        targets.append(np.array(rows, np.int64))
    return Sample(
        repository=repository.name,
        category=question.category,
        kind=KINDS.index(query.kind) if query.kind in KINDS else 0,
        columns=np.hstack([fused_scores, np.array([item.row for item in scored])]),
        factors=np.array([[item.demoted == name for name in FACTORS] for item in scored], float),
        asked=np.array([item.asked for item in scored], float),
        files=np.array([item.candidate.facts.file_id for item in scored]),
        targets=tuple(targets),
    )


def samples_of(
    repository: Repository,
    tree: Tree,
    home: Path,
    encoder: TextEncoder | None,
    table: TextEncoder | None = None,
    *,
    several: Sequence[RankWeights],
    parts: int = 0,
) -> list[list[Sample]]:
    """For each of some weights the candidates of all questions of one repository.

    Args:
        repository: Its questions.
        tree: Its files.
        home: Where its index is kept.
        encoder: Whose vectors take part; None for words alone.
        table: The table model beside it, whose vectors take part too, as in a search.
        several: Weights that differ in `contrast`.
        parts: Into how many parts a tree of functions is divided for the folds; 0 for a repository,
            which is one.
    """
    from c2llm.evaluation.repositories.repo_benchmark import environment
    from c2llm.search.code_index import CodeIndex
    from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS

    share = 0.0 if encoder is None else DEFAULT_WEIGHTS.dense[QueryKind.QUESTION]
    mode: Mode = "lexical" if encoder is None else "hybrid"
    with environment("C2LLM_HOME", str(home)):
        index = (
            CodeIndex.open(tree.root, embed="none")
            if encoder is None
            else CodeIndex.open(tree.root, encoder.name, encoder=encoder, table=table, embed="all")
        )
        with index:
            found = [
                sample(index, repository, question, mode, share, several)
                for question in repository.questions
            ]
    return [
        [
            replace(one, part=f"{repository.name} {at % parts}" if parts else "")
            for at, one in enumerate(of_weights)
            if len(one.columns)
        ]
        for of_weights in zip(*found, strict=True)
    ]


class Samples:
    """All questions in one block of rows."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples
        sizes = [len(one.columns) for one in samples]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        self.columns: Floats = np.concatenate([one.columns for one in samples])
        self.factors: Floats = np.concatenate([one.factors for one in samples])
        self.asked: Floats = np.concatenate([one.asked for one in samples])
        self.question: Ints = np.repeat(np.arange(len(samples)), sizes)
        files = np.concatenate([one.files for one in samples])
        new = np.ones(len(files), bool)
        new[1:] = (files[1:] != files[:-1]) | (self.question[1:] != self.question[:-1])
        self.file_start: Ints = np.flatnonzero(new)
        """(files,), first row of each file of each question."""
        self.file: Ints = np.cumsum(new) - 1
        self.file_question: Ints = self.question[self.file_start]
        self.first_file: Ints = np.searchsorted(self.file_question, np.arange(len(samples)))
        self.kind: Ints = np.array([one.kind for one in samples])
        self.repositories = sorted({one.repository for one in samples})
        of = {name: number for number, name in enumerate(self.repositories)}
        self.repository: Ints = np.array([of[one.repository] for one in samples])
        self.weight: Floats = 1.0 / np.bincount(self.repository)[self.repository]
        """(questions,), such that each repository counts as much as another, and all trees of
        functions together as much as all repositories."""
        self.of_functions = np.array([bool(one.part) for one in samples])
        for kind in (self.of_functions, ~self.of_functions):
            if kind.any():
                self.weight[kind] /= self.weight[kind].sum()
        units = sorted({one.part or one.repository for one in samples})
        at = {name: number for number, name in enumerate(units)}
        self.unit: Ints = np.array([at[one.part or one.repository] for one in samples])
        """(questions,), what stays together when the questions are divided into folds."""
        rows: list[Ints] = []
        ids: list[Ints] = []
        owners: list[int] = []
        for number, (one, start) in enumerate(zip(samples, starts[:-1], strict=True)):
            for target in one.targets:
                rows.append(target + start)
                ids.append(np.full(len(target), len(owners)))
                owners.append(number)
        self.target_rows: Ints = np.concatenate(rows)
        self.target_ids: Ints = np.concatenate(ids)
        self.target_question: Ints = np.array(owners)
        answers = np.zeros(len(self.file_start))
        answers[self.file[self.target_rows]] = 1.0
        found = np.bincount(self.file_question, answers, len(samples))
        self.share: Floats = answers / np.maximum(found, 1.0)[self.file_question]
        """(files,), of each question's answers that are candidates at all this file is so much."""
        self.answered = found > 0
        counts = np.bincount(self.target_question, minlength=len(samples))
        gains = 1.0 / np.log2(np.arange(2, K + 2))
        self.ideal: Floats = np.array([gains[: min(K, count)].sum() for count in counts])

    def ndcg(self, scores: Floats, saturation: float) -> Floats:
        """NDCG@10 of each question's chunk list, as `repos.ndcg_of_ranks` has it.

        Args:
            scores: (rows,), before a file's further chunks are made to count less.
            saturation: What each further chunk of a file is multiplied by.
        """
        order = np.lexsort((-scores, self.file))
        place = np.empty(len(scores), np.int64)
        place[order] = np.arange(len(scores)) - self.file_start[self.file[order]]
        final = scores * saturation**place
        order = np.lexsort((-final, self.question))
        first = np.searchsorted(self.question, np.arange(len(self.samples)))
        rank = np.empty(len(scores), np.int64)
        rank[order] = np.arange(len(scores)) - first[self.question[order]]
        best = np.full(len(self.target_question), K)
        np.minimum.at(best, self.target_ids, rank[self.target_rows])
        gain = np.where(best < K, 1.0 / np.log2(best + 2), 0.0)
        total = np.bincount(self.target_question, gain, len(self.samples))
        scored: Floats = np.minimum(1.0, total / self.ideal)
        return scored

    def macro(self, scores: Floats) -> float:
        """Mean over repositories of the means over their questions, and over both kinds of tree."""
        return float((scores * self.weight).sum() / self.weight.sum())

    def macro_of(self, scores: Floats, functions: bool) -> float | None:
        """The same over the trees of functions alone, or the repositories; None without any."""
        of_kind = self.of_functions == functions
        weight = self.weight * of_kind
        return float((scores * weight).sum() / weight.sum()) if of_kind.any() else None


def columns_of(weights: RankWeights, hybrid: bool) -> Floats:
    """The weights of `KINDS` as an array (kinds, columns)."""
    rows = []
    for kind in KINDS:
        share = weights.dense[kind] if hybrid else 0.0
        rows.append([1.0 - share, share, *weights.features[kind]])
    return np.array(rows)
