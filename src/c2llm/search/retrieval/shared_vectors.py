"""The vectors of a catalog, in memory once for all threads of a process, whoever may see which.

A catalog has hundreds of thousands of vectors, and its file changes with nearly every answer, since
the large model embeds what each question needs. So what an answer has written is added to what is
in memory, and all is read again only when somebody else has written.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from c2llm.index.store.quantized import Codes
from c2llm.search.retrieval.dense import DenseRetriever
from c2llm.search.retrieval.exact_scan import Matrix, Vectors, read_codes

if TYPE_CHECKING:
    from c2llm.index.store.catalog.catalog_store import CatalogStore
    from c2llm.index.store.catalog.visible_store import VisibleStore

_MOST_CATALOGS = 4
_BLOCK = 4_096


@dataclass(slots=True)
class _Shared:
    """The vectors of one catalog by all models that were asked for."""

    lock: RLock = field(default_factory=RLock)
    generation: int = -1
    """Of the catalog, when the vectors were as they are in memory."""
    matrices: dict[int, Matrix] = field(default_factory=dict)


_shared: dict[Hashable, _Shared] = {}
_shared_lock = RLock()


def _of(store: CatalogStore) -> _Shared:
    # Of two stores of one file or one Milvus; one that has neither is known by itself.
    key: Hashable = getattr(store, "path", None) or getattr(store, "location", None) or id(store)
    with _shared_lock:
        found = _shared.pop(key, None) or _Shared()
        _shared[key] = found
        while len(_shared) > _MOST_CATALOGS:
            del _shared[next(iter(_shared))]
        return found


def forget_vectors() -> None:
    """Let go of the vectors of all catalogs, as in a server that has nothing to do."""
    with _shared_lock:
        _shared.clear()


@contextmanager
def adding(store: CatalogStore, model: str, chunk_ids: Sequence[int]) -> Iterator[None]:
    """Around what writes vectors of these chunks by a model, and nothing else, in one write."""
    shared = _of(store)
    with shared.lock:
        before = store.generation()
        yield
        known = store.model_id(model)
        if shared.generation != before or store.generation() != before + 1 or known is None:
            return  # somebody else has written, too
        shared.generation = before + 1
        matrix = shared.matrices.get(known[0])
        if matrix is not None:
            shared.matrices[known[0]] = _with_more(matrix, *read_codes(store, known[0], chunk_ids))


def _with_more(matrix: Matrix, ids: NDArray[np.int64], codes: Codes) -> Matrix:
    new = ~np.isin(ids, matrix.ids)
    if not new.any():
        return matrix
    if not len(matrix.ids):
        order = np.argsort(ids)
        more = Codes(codes.steps[order], codes.codes[order])
        return Matrix(matrix.model_id, matrix.generation, ids[order], more)
    at = np.concatenate([matrix.ids, ids[new]])
    order = np.argsort(at, kind="stable")
    steps = np.concatenate([matrix.codes.steps, codes.steps[new]])[order]
    rows = np.concatenate([matrix.codes.codes, codes.codes[new]])[order]
    return Matrix(matrix.model_id, matrix.generation, at[order], Codes(steps, rows))


class CatalogVectors(DenseRetriever):
    """Compares queries with the vectors of what may be seen of a catalog."""

    def __init__(self, store: VisibleStore) -> None:
        super().__init__(store)
        self._visible = store
        self._rows: dict[int, tuple[Matrix, int, NDArray[np.int64] | None]] = {}

    def seen(self, model_id: int) -> int:
        """How many of the chunks that may be seen have a vector."""
        matrix = self._whole(model_id)
        rows = self._rows_of(model_id, matrix)
        return len(matrix.ids) if rows is None else len(rows)

    def similarities(
        self,
        model_id: int,
        query: Callable[[], NDArray[np.float32]],
        also: Sequence[int] = (),
    ) -> Vectors:
        """Similarity of a query to the chunks that may be seen and have a vector."""
        if self._visible.is_whole and self._finds_itself(model_id, query):
            return super().similarities(model_id, query, also)
        matrix = self._whole(model_id)
        rows = self._rows_of(model_id, matrix)
        if rows is None:
            return matrix.similarities(query())
        return Vectors(matrix.ids[rows], _dot(matrix.codes, rows, query()) if len(rows) else _NONE)

    def _finds_itself(self, model_id: int, query: Callable[[], NDArray[np.float32]]) -> bool:
        """Whether the store searches vectors itself, as one on a server does."""
        return self._visible.nearest(model_id, query, 1) is not None

    def _matrix(self, model_id: int) -> Matrix:
        matrix = self._whole(model_id)
        rows = self._rows_of(model_id, matrix)
        if rows is None:
            return matrix
        codes = Codes(matrix.codes.steps[rows], matrix.codes.codes[rows])
        return Matrix(model_id, matrix.generation, matrix.ids[rows], codes)

    def _whole(self, model_id: int) -> Matrix:
        """All vectors of the model, those too that may not be seen."""
        catalog = self._visible.catalog
        shared = _of(catalog)
        with shared.lock:
            generation = catalog.generation()
            if shared.generation != generation:
                shared.matrices.clear()
                shared.generation = generation
            matrix = shared.matrices.get(model_id)
            if matrix is None:
                matrix = shared.matrices[model_id] = Matrix.read(catalog, model_id)
            return matrix

    def _rows_of(self, model_id: int, matrix: Matrix) -> NDArray[np.int64] | None:
        """The rows of what may be seen; None for all."""
        visible = self._visible.visible_ids()
        if visible is None:
            return None
        changes = self._visible.changes
        known = self._rows.get(model_id)
        if known is None or known[0] is not matrix or known[1] != changes:
            seen = np.fromiter(visible, np.int64, len(visible))
            rows = np.flatnonzero(np.isin(matrix.ids, seen))
            known = self._rows[model_id] = (matrix, changes, rows)
        return known[2]


_NONE = np.empty(0, np.float32)


def _dot(codes: Codes, rows: NDArray[np.int64], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Products (len(rows),) of some vectors with one (dim,) of floats."""
    products = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK]
        products[start : start + _BLOCK] = codes.codes[part].astype(np.float32) @ query
    products *= codes.steps[rows]
    return products
