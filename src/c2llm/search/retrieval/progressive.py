"""Two models side by side, and answers of the large one before it has seen the whole repository.

A table model has a vector for every chunk within a second. The large model embeds the chunks that
matter to the question at hand, and for all others its cosine is estimated from the table's: on the
chunks that have both, a straight line from one to the other is fitted. The more chunks have been
embedded the less is estimated, and when all are, nothing is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from c2llm.search.retrieval.exact_scan import Nearest, Vectors

_RANK_OFFSET = 60
"""Of reciprocal rank fusion (Cormack, Clarke and Büttcher 2009)."""
_LEXICAL_WEIGHT = 0.3
"""Of the words' ranks beside the table's when candidates are chosen."""
_LEAST_PAIRS = 8
"""Fewer points say too little of a line."""
MODEL_SHARE = 0.75
"""Of the model's cosine beside the table's; docs/ranking.md weighs these numbers."""


def candidates_to_embed(lexical: Sequence[int], table: Vectors | None, limit: int) -> list[int]:
    """Ids of the chunks that the large model should see first for a query, the best first.

    Args:
        lexical: Ids from the lexical retriever, the best first.
        table: Similarities to the query by the table model, if there is one.
        limit: How many.
    """
    if table is None:
        return list(lexical[:limit])
    score: dict[int, float] = {}
    nearest = _nearest(table, len(lexical) or 4 * limit)
    for ids, weight in ((lexical, _LEXICAL_WEIGHT), (nearest, 1.0)):
        for rank, chunk_id in enumerate(ids, 1):
            score[chunk_id] = score.get(chunk_id, 0.0) + weight / (_RANK_OFFSET + rank)
    return sorted(score, key=lambda chunk_id: (-score[chunk_id], chunk_id))[:limit]


def leading(ids: Sequence[int], lengths: Mapping[int, int], budget: int) -> list[int]:
    """The first of the chunks that have no more than `budget` characters together; one at least."""
    kept: list[int] = []
    for chunk_id in ids:
        budget -= lengths.get(chunk_id, 0)
        if budget < 0 and kept:
            break
        kept.append(chunk_id)
    return kept


def blend(deep: Vectors, table: Vectors) -> Vectors:
    """The large model's cosines, where it has none those that the table's make likely.

    Args:
        deep: Of the chunks that the large model has embedded.
        table: Of all chunks.
    """
    if not len(deep.ids):
        return table
    _, at_deep, at_table = np.intersect1d(
        deep.ids, table.ids, assume_unique=True, return_indices=True
    )
    x, y = table.similarities[at_table], deep.similarities[at_deep]
    slope, offset = _line(x, y)
    # Less than the line says by one standard error: what is measured stands before what is guessed.
    error = float((y - slope * x - offset).std()) if len(x) else 0.0

    def joined(some: Vectors) -> Vectors:
        """The deep vectors, and estimates of those of these that have none."""
        rest = ~np.isin(some.ids, deep.ids)
        if not rest.any():
            return deep
        estimated = (slope * some.similarities[rest] + (offset - error)).astype(np.float32)
        return Vectors(
            np.concatenate([deep.ids, some.ids[rest]]),
            np.concatenate([deep.similarities, estimated]),
        )

    every = joined(table)
    if not isinstance(table, Nearest):
        return every
    return Nearest(every.ids, every.similarities, lambda ids: joined(table.compare(ids)))


def together(model: Vectors, table: Vectors) -> Vectors:
    """The weighted mean of both cosines of each chunk; the model's where the table has not all.

    Two encoders err differently; docs/ranking.md has what that is worth. Beside a graph of
    neighbours, which knows the nearest chunks of each alone, it is the model's.

    Args:
        model: In any order.
        table: By rising id, as a scan gives them.
    """
    if isinstance(model, Nearest) or isinstance(table, Nearest):
        return model
    ids, similarities = model.ids, model.similarities
    if len(ids) == len(table.ids) and not np.array_equal(ids, table.ids):
        order = np.argsort(ids)
        ids, similarities = ids[order], similarities[order]
    if not np.array_equal(ids, table.ids):
        return model
    of_model, of_table = np.float32(MODEL_SHARE), np.float32(1.0 - MODEL_SHARE)
    return Vectors(ids, of_model * similarities + of_table * table.similarities)


def _nearest(table: Vectors, limit: int) -> list[int]:
    order = np.lexsort((table.ids, -table.similarities))[:limit]
    return [int(chunk_id) for chunk_id in table.ids[order]]


def _line(x: NDArray[np.float32], y: NDArray[np.float32]) -> tuple[float, float]:
    """Slope and offset of the least squares line from x to y, never a falling one."""
    if not len(x):
        return 1.0, 0.0
    if len(x) < _LEAST_PAIRS:
        return 1.0, float(y.mean() - x.mean())
    spread = float(((x - x.mean()) ** 2).mean())
    slope = float(((x - x.mean()) * (y - y.mean())).mean()) / spread if spread > 0 else 0.0
    slope = max(slope, 0.0)
    return slope, float(y.mean() - slope * x.mean())
