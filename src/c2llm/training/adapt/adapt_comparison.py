"""Before and after an adaptation, on held-out code of the user and on a general set.

What is compared is what would be served: exported models, int8 where the model was. Each query has
one answer, and all documents of its set are searched. A candidate counts only if it forgets little:
its general NDCG@10 may lie `tolerance` below that of the model before. Of those the best on the
user's code is kept, and that is the model before unless another is better.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.protocol import TextEncoder

BEFORE = "before"
_RESAMPLES = 2000


@dataclass(frozen=True)
class Scores:
    """NDCG@10 of one candidate, query by query."""

    name: str
    own: NDArray[np.float64]
    general: NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """All candidates beside each other."""

    kept: str
    tolerance: float
    candidates: dict[str, dict[str, Any]]
    """Name -> NDCG@10 of both sets, and the gain over `before` with its 95 % interval."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return asdict(self)


def ndcg_of_pairs(encoder: TextEncoder, file: Path) -> NDArray[np.float64]:
    """NDCG@10 of each query of a pair file among all its documents (0 below rank 10)."""
    with file.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    if not rows:
        return np.zeros(0)
    queries = encoder.encode_queries([row["query"] for row in rows])
    # As search embeds code: below the words of its path and its signature.
    texts = [f"{row['header']}\n{row['positive']}" for row in rows]
    similarity = queries @ encoder.encode_documents(texts).T
    rank = (similarity > similarity.diagonal()[:, None]).sum(1) + 1
    gains: NDArray[np.float64] = np.where(rank <= 10, 1 / np.log2(1 + rank), 0.0)
    return gains


def compare(candidates: Sequence[Scores], tolerance: float) -> Comparison:
    """Choose among candidates; the first is the model before.

    Args:
        candidates: scores on the same pairs.
        tolerance: general NDCG@10 that may be lost.
    """
    before = candidates[0]
    told: dict[str, dict[str, Any]] = {}
    best = before
    for scores in candidates:
        loss = _mean(before.general) - _mean(scores.general)
        allowed = scores is before or loss <= tolerance
        told[scores.name] = {
            "own_ndcg_at_10": round(_mean(scores.own), 4),
            "general_ndcg_at_10": round(_mean(scores.general), 4),
            "own_gain": _interval(scores.own - before.own),
            "general_gain": _interval(scores.general - before.general),
            "forgets_too_much": not allowed,
        }
        if allowed and _mean(scores.own) > _mean(best.own):
            best = scores
    return Comparison(best.name, tolerance, told)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _interval(differences: NDArray[np.float64]) -> dict[str, float]:
    """Mean and 95 % interval of paired differences (percentile bootstrap over queries)."""
    if not len(differences):
        return {"mean": 0.0, "low": 0.0, "high": 0.0}
    rng = np.random.default_rng(17)
    drawn = rng.integers(0, len(differences), (_RESAMPLES, len(differences)))
    low, high = np.percentile(differences[drawn].mean(1), [2.5, 97.5])
    mean = float(differences.mean())
    return {"mean": round(mean, 4), "low": round(float(low), 4), "high": round(float(high), 4)}
