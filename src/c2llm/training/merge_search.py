"""Weights of a merge, found on a development set.

Changed weights change every vector, so each trial embeds the whole set again: few trials have to
do. They are the models alone, their mean, and then steps from the best mixture towards one of the
models, s of its weight moved there: s = 1/2 towards each model, 1/4 towards each, … (a pattern
search on the simplex, Hooke and Jeeves 1961). A step that gains is tried again in the same size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from c2llm.errors import DataError, UsageError
from c2llm.modeling.model import C2LLMModel
from c2llm.modeling.tokenizer import derive_tokenizer
from c2llm.training.data.pair_sources import files_of, read_rows
from c2llm.training.data.training_pair import RowFormat
from c2llm.training.export.merge_sources import Weights
from c2llm.training.export.weight_merge import Method, average
from c2llm.training.objective.text_embedding import Embedder, MicroBatches, TextEmbedder, tokenize
from c2llm.training.run.validation import retrieval_scores

Shares = tuple[float, ...]
_SMALLEST = 1 / 16


@dataclass(frozen=True)
class Trial:
    """One mixture and its score."""

    weights: Shares
    ndcg_at_10: float


@dataclass(frozen=True)
class SearchReport:
    """What was tried, best first in `weights`."""

    weights: Shares
    ndcg_at_10: float
    best_single: float
    """The best model alone."""
    pairs: int
    trials: tuple[Trial, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return asdict(self)


def search_shares(
    count: int, score: Callable[[Shares], float], evaluations: int
) -> tuple[Shares, list[Trial]]:
    """Maximise `score` over mixtures of `count` models.

    Args:
        count: number of models.
        score: of a mixture whose shares sum to 1.
        evaluations: calls of `score` at most.

    Returns:
        The best mixture and all trials in order.
    """
    trials: dict[Shares, float] = {}

    def tried(shares: Shares) -> float | None:
        if shares not in trials:
            if len(trials) >= evaluations:
                return None
            trials[shares] = score(shares)
        return trials[shares]

    corners = [tuple(float(i == j) for j in range(count)) for i in range(count)]
    for shares in [tuple([1 / count] * count), *corners]:
        tried(shares)
    best = max(trials, key=lambda shares: trials[shares])
    size = 0.5
    while size >= _SMALLEST and len(trials) < evaluations:
        gained = False
        for corner in corners:
            moved = tuple(
                round((1 - size) * b + size * c, 6) for b, c in zip(best, corner, strict=True)
            )
            found = tried(moved)
            if found is not None and found > trials[best]:
                best, gained = moved, True
        if not gained:
            size /= 2
    return best, [Trial(shares, value) for shares, value in trials.items()]


class DevelopmentSet:
    """Pairs that are searched among each other with a model's current weights.

    Args:
        path: JSON Lines or Parquet, rows as in training; no test set, for the weights fit it.
        model: a folder with config and tokenizer.
        cap: read so many pairs at most.
        max_tokens: longest query and document.
    """

    def __init__(
        self, path: Path, model: Path, *, cap: int = 500, max_tokens: tuple[int, int] = (64, 256)
    ) -> None:
        row_format = RowFormat("", "", "", {}, {})
        rows = []
        for file in files_of(path.name, path.parent):
            for number, row in read_rows(file):
                rows.append(row_format.parse(row, f"{file}:{number}"))
        rows = list({row.document: row for row in rows}.values())[:cap]
        if len(rows) < 2:
            raise DataError(f"{path} has {len(rows)} pairs; a development set needs more.")
        self.pairs = len(rows)
        self._network = C2LLMModel.from_pretrained(model, dtype=torch.float32).eval()
        tokenizer = derive_tokenizer(model, split_identifiers=False)
        prompts = self._network.config.prompts
        queries = [f"{prompts['query']}{row.query}" for row in rows]
        documents = [f"{prompts['document']}{row.document}" for row in rows]
        self._batches = MicroBatches(
            tokenize(tokenizer, queries, max_tokens[0])
            + tokenize(tokenizer, documents, max_tokens[1]),
            budget=4096,
        )
        self._embed = TextEmbedder(
            Embedder(self._network), self._network, device=torch.device("cpu"), bf16=False
        )

    @torch.no_grad()
    def ndcg(self, tensors: dict[str, Tensor]) -> float:
        """NDCG@10 of the network with these weights."""
        self._network.load_state_dict(tensors)
        vectors = self._batches.restore(
            torch.cat([self._embed(chunk) for chunk in self._batches.chunks])
        )
        return retrieval_scores(vectors[: self.pairs], vectors[self.pairs :])[1]


def search_merge(
    models: Sequence[Weights],
    development: DevelopmentSet,
    *,
    method: Method = "linear",
    evaluations: int = 16,
    on_trial: Callable[[Trial], None] = lambda trial: None,
) -> SearchReport:
    """Find the weights of a merge.

    Raises:
        UsageError: if there are fewer evaluations than models and their mean need.
    """
    if evaluations <= len(models):
        raise UsageError(
            f"{len(models)} models and their mean need {len(models) + 1} evaluations, got "
            f"{evaluations}."
        )

    def score(shares: Shares) -> float:
        value = development.ndcg(average([m.tensors for m in models], shares, method))
        on_trial(Trial(shares, value))
        return value

    best, trials = search_shares(len(models), score, evaluations)
    singles = [t.ndcg_at_10 for t in trials if max(t.weights) == 1.0]
    value = next(t.ndcg_at_10 for t in trials if t.weights == best)
    return SearchReport(best, value, max(singles), development.pairs, tuple(trials))
