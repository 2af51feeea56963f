"""Dense retrieval: an exact scan of all vectors of an index.

Exact because it costs little: 100,000 vectors of 384 dimensions take some 10 ms, and no neighbour
is lost. Imported only by searches that have vectors, since numpy takes longer than a lexical
search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from c2llm.index.store.chunk_store import ChunkStore
from c2llm.index.store.quantized import Codes, unpack

_NO_SPREAD = 1e-6
"""Cosines that differ by less than this differ by rounding."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """The similarity of every chunk that has a vector to one query."""

    ids: NDArray[np.int64]
    """Chunk ids, (n,)."""
    similarities: NDArray[np.float32]
    """Cosines, (n,)."""

    def best(self, limit: int) -> list[tuple[int, float]]:
        """Ids and cosines of the nearest chunks, the nearest first, ties by id."""
        ids, similarities = self.ids, self.similarities
        if len(ids) > limit:
            # Nothing that ties with the last one may be lost, or ties would not fall by id.
            least = np.partition(similarities, len(ids) - limit)[len(ids) - limit]
            keep = similarities >= least
            ids, similarities = ids[keep], similarities[keep]
        order = np.lexsort((ids, -similarities))[:limit]
        return [(int(ids[i]), float(similarities[i])) for i in order]

    def contrast(self) -> float | None:
        """By how many standard deviations the nearest chunk's cosine lies above the mean of all.

        None where that cannot be told: without chunks, or where all are alike.
        """
        if not len(self.similarities):
            return None
        spread = float(self.similarities.std())
        if spread < _NO_SPREAD:
            return None
        return float(self.similarities.max() - self.similarities.mean()) / spread

    def of(self, chunk_ids: Iterable[int]) -> dict[int, float]:
        """The cosines of these chunks, as far as they have a vector."""
        at = np.flatnonzero(np.isin(self.ids, np.array(sorted(chunk_ids), np.int64)))
        return {int(self.ids[i]): float(self.similarities[i]) for i in at}


@dataclass(frozen=True, slots=True)
class Nearest(Vectors):
    """The similarities of the nearest chunks; others are compared when they are asked for."""

    compare: Callable[[Sequence[int]], Vectors]
    """Similarities of chunks by id, as far as they have a vector."""
    sample: NDArray[np.float32] | None = None
    """Similarities of chunks that stand for all, None where there are no such."""

    def contrast(self) -> float | None:
        """As of all chunks, by a sample of them; None without one."""
        if self.sample is None or not len(self.sample) or not len(self.similarities):
            return None
        spread = float(self.sample.std())
        if spread < _NO_SPREAD:
            return None
        return float(self.similarities.max() - self.sample.mean()) / spread

    def of(self, chunk_ids: Iterable[int]) -> dict[int, float]:
        """The cosines of these chunks, as far as they have a vector."""
        wanted = set(chunk_ids)
        known = Vectors.of(self, wanted)
        rest = sorted(wanted - known.keys())
        return known | Vectors.of(self.compare(rest), rest) if rest else known


@dataclass(frozen=True, slots=True)
class Matrix:
    """All vectors of one model, as they were at one generation of the index."""

    model_id: int
    generation: int
    ids: NDArray[np.int64]
    """Chunk ids, rising, (n,)."""
    codes: Codes

    @classmethod
    def read(cls, store: ChunkStore, model_id: int) -> Matrix:
        """Read the vectors; the generation is read first, so a write in between is noticed."""
        generation = store.generation()
        ids, codes = read_codes(store, model_id)
        # Each model's vectors lie in an order of their own; sorted once, two models' are in step.
        order = np.argsort(ids)
        sorted_codes = Codes(codes.steps[order], codes.codes[order])
        return cls(model_id, generation, ids[order], sorted_codes)

    def similarities(self, query: NDArray[np.float32]) -> Vectors:
        """Compare all vectors with that of a query, float32 (dim,)."""
        if not len(self.ids):
            return Vectors(self.ids, np.empty(0, np.float32))
        return Vectors(self.ids, self.codes.dot(query))


def compare_chunks(
    store: ChunkStore, model_id: int, query: NDArray[np.float32], chunk_ids: Sequence[int]
) -> Vectors:
    """Similarities of chunks to a query, float32 (dim,), as far as they have a vector."""
    ids, codes = read_codes(store, model_id, chunk_ids)
    return Vectors(ids, codes.dot(query) if len(ids) else np.empty(0, np.float32))


def read_codes(
    store: ChunkStore, model_id: int, only: Sequence[int] | None = None
) -> tuple[NDArray[np.int64], Codes]:
    """Ids (n,) and vectors of the chunks, or of these, that have one of the model."""
    packed = store.vectors(model_id, only)
    ids = np.fromiter((row[0] for row in packed), np.int64, len(packed))
    return ids, unpack([row[1] for row in packed])
