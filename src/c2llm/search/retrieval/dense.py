"""Which chunks are near a query: as the store says, or by scanning all vectors in memory.

A store that searches vectors itself is asked. Those of any other are read and compared; where there
are very many, a graph beside the store says which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from c2llm.index.store.chunk_store import ChunkStore, LocalStore, SampledStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from c2llm.index.store.quantized import Codes
    from c2llm.search.retrieval.exact_scan import Matrix, Nearest, Vectors
    from c2llm.search.retrieval.hnsw import HnswGraph


_NEAREST = 1_000
"""Chunks that are compared with a query where not all are."""


class DenseRetriever:
    """Compares queries with the vectors of one index, read again whenever that has changed."""

    def __init__(self, store: ChunkStore) -> None:
        self._store = store
        self._matrices: dict[int, Matrix] = {}
        self._graphs: dict[int, tuple[int, HnswGraph | None]] = {}
        self._samples: dict[int, tuple[int, Codes]] = {}

    def similarities(
        self,
        model_id: int,
        query: Callable[[], NDArray[np.float32]],
        also: Sequence[int] = (),
    ) -> Vectors:
        """Similarity of a query to the chunks that have a vector: to all, or to the nearest.

        Args:
            model_id: The model's number in the index.
            query: Gives the query's vector, float32 (dim,); asked after the vectors have been read,
                since the model may still be loading.
            also: Ids of chunks that are compared in any case.
        """
        found = self._store.nearest(model_id, query, _NEAREST)
        if found is not None:
            return self._as_told(model_id, query(), found, also)
        graph = self._graph(model_id)
        if graph is not None:
            return graph.nearest(query(), _NEAREST, also)
        self._matrix(model_id)
        vector = query()
        return self._matrix(model_id).similarities(vector)

    def merged(
        self, model_id: int, query: NDArray[np.float32], groups: Sequence[Sequence[int]]
    ) -> list[float]:
        """Cosines of a query with the sums of the vectors of each group's chunks.

        A whole pools its parts as PMA pools windows, each with the same weight; the length of the
        sum does not matter to a cosine. A group without vectors has -1.
        """
        import numpy as np

        from c2llm.search.retrieval.exact_scan import read_codes

        wanted = sorted({chunk_id for group in groups for chunk_id in group})
        matrix = self._matrices.get(model_id)
        if matrix is not None and matrix.generation == self._store.generation():
            rows = np.flatnonzero(np.isin(matrix.ids, np.array(wanted, np.int64)))
            ids, vectors = matrix.ids[rows], matrix.codes.rows(rows)
        else:
            ids, codes = read_codes(self._store, model_id, wanted)
            vectors = codes.restored()
        at = {int(chunk_id): row for row, chunk_id in enumerate(ids)}
        cosines: list[float] = []
        for group in groups:
            parts = [at[chunk_id] for chunk_id in group if chunk_id in at]
            whole = vectors[parts].sum(axis=0) if parts else np.zeros_like(query)
            length = float(np.linalg.norm(whole))
            cosines.append(float(whole @ query) / length if length > 0 else -1.0)
        return cosines

    def _as_told(
        self,
        model_id: int,
        query: NDArray[np.float32],
        found: Sequence[tuple[int, float]],
        also: Sequence[int],
    ) -> Nearest:
        """What a store has found, and the similarities of other chunks that it holds."""
        import numpy as np

        from c2llm.search.retrieval.exact_scan import Nearest, compare_chunks

        compare = partial(compare_chunks, self._store, model_id, query)
        others = compare(sorted({*also}.difference(chunk_id for chunk_id, _ in found)))
        ids = np.array([chunk_id for chunk_id, _ in found], np.int64)
        cosines = np.array([cosine for _, cosine in found], np.float32)
        sample = self._sample(model_id)
        return Nearest(
            np.concatenate([ids, others.ids]),
            np.concatenate([cosines, others.similarities]),
            compare,
            None if sample is None else sample.dot(query),
        )

    def _sample(self, model_id: int) -> Codes | None:
        """Vectors that stand for all of a store that compares them itself."""
        store = self._store
        if not isinstance(store, SampledStore):
            return None
        generation = store.generation()
        known = self._samples.get(model_id)
        if known is None or known[0] != generation:
            from c2llm.index.store.quantized import unpack

            codes = unpack([packed for _, packed in store.sampled(model_id, _NEAREST)])
            known = self._samples[model_id] = generation, codes
        return known[1]

    def _matrix(self, model_id: int) -> Matrix:
        from c2llm.search.retrieval.exact_scan import Matrix

        known = self._matrices.get(model_id)
        if known is None or known.generation != self._store.generation():
            known = self._matrices[model_id] = Matrix.read(self._store, model_id)
        return known

    def _graph(self, model_id: int) -> HnswGraph | None:
        """The graph of a model that has more vectors than are scanned."""
        generation = self._store.generation()
        known = self._graphs.get(model_id)
        if known is None or known[0] != generation:
            graph: HnswGraph | None = None
            store = self._store
            if isinstance(store, LocalStore) and store.is_large(model_id):
                from c2llm.search.retrieval.hnsw import HnswGraph

                graph = HnswGraph.open(store, model_id)
            known = self._graphs[model_id] = (generation, graph)
        return known[1]
