"""Dense retrieval at size: a graph of near neighbours (HNSW) in place of the exact scan.

Malkov and Yashunin, arXiv 1603.09320, as usearch has it, over the same bytes that the scan reads.
The graph finds a few hundred chunks, and those are compared again with the query in floats, so that
it decides who is looked at and never the order. It is a file beside the index that can be thrown
away at any time: chunks that came after it are scanned exactly, chunks that are gone are left out
(ids are never used twice), and when too many of either have come together it is made anew.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c2llm.index.store.chunk_store import LocalStore
from c2llm.index.store.private import check_file, make_file
from c2llm.index.store.quantized import quantize, unpack
from c2llm.search.retrieval.exact_scan import Nearest, compare_chunks

_MOST_NEW = 0.1
"""Share of chunks that may be newer than the graph, and of its own that may be gone."""
_PART_BYTES = 1 << 20
_CONNECTIVITY, _BUILD_EXPANSION, _SEARCH_EXPANSION = 16, 64, 512


class HnswGraph:
    """The graph of one model's vectors, opened where it lies."""

    def __init__(self, store: LocalStore, graph: Any, last: int, model_id: int) -> None:
        self._store = store
        self._graph = graph
        self._last = last
        self._model_id = model_id

    @classmethod
    def open(cls, store: LocalStore, model_id: int) -> HnswGraph | None:
        """The graph, if there is one of this model's vectors that is not too old."""
        path = graph_file(store, model_id)
        if not path.exists():
            return None
        known = (store.graph_note(model_id) or "").split()
        if len(known) != 4 or known[0] != _stamp(path):
            return None
        last, size, checksum = map(int, known[1:])
        check_file(path)
        # A graph with one wrong byte may send usearch anywhere in memory. It is a cache: all
        # vectors are scanned then, and the next `index` makes it anew.
        if _checksum(path) != checksum:
            return None
        from usearch.index import Index

        try:
            graph = Index.restore(str(path), view=True)
        except Exception:  # usearch raises whatever its C++ does
            return None
        if graph is None:
            return None
        old, new = store.chunks_until(last)
        if len(graph) != size or new > _MOST_NEW * size or size - old > _MOST_NEW * size:
            return None
        return cls(store, graph, last, model_id)

    def nearest(self, query: NDArray[np.float32], limit: int, also: Sequence[int]) -> Nearest:
        """Similarities to a query, float32 (dim,), of the nearest chunks and of those named."""
        codes = quantize(query[None]).codes[0]
        self._graph.expansion_search = _SEARCH_EXPANSION
        found = self._graph.search(codes, limit).keys
        newer = self._store.chunks_after(self._last)
        compare = partial(compare_chunks, self._store, self._model_id, query)
        seen = compare(sorted({*map(int, found), *newer, *also}))
        return Nearest(seen.ids, seen.similarities, compare)


def build_graph(store: LocalStore, model_id: int) -> bool:
    """Make the graph anew if there are enough vectors for one and the present one is too old.

    Returns:
        Whether one was made.
    """
    last = store.covered(model_id)[0]
    if not store.is_large(model_id) or HnswGraph.open(store, model_id) is not None:
        return False
    from usearch.index import Index

    path = graph_file(store, model_id)
    part = path.with_name(path.name + ".part")
    graph: Any = None
    for rows in store.vectors_in_parts(model_id, last):
        ids = np.fromiter((row[0] for row in rows), np.uint64, len(rows))
        codes = unpack([row[1] for row in rows]).codes
        if graph is None:
            graph = Index(
                ndim=codes.shape[1],
                metric="cos",  # the step sizes do not matter to it
                dtype="i8",
                connectivity=_CONNECTIVITY,
                expansion_add=_BUILD_EXPANSION,
            )
        graph.add(ids, codes)
    if graph is None:
        return False
    make_file(part)
    graph.save(str(part))
    checksum = _checksum(part)
    part.replace(path)
    store.note_graph(model_id, f"{_stamp(path)} {last} {len(graph)} {checksum}")
    return True


def graph_file(store: LocalStore, model_id: int) -> Path:
    """Where the graph of a model's vectors lies."""
    return store.path.with_name(f"{store.path.name}.{model_id}.usearch")


def _checksum(path: Path) -> int:
    """CRC-32 of the file; 0.1 s for a graph of 300,000 chunks."""
    checksum = 0
    with path.open("rb") as stream:
        while part := stream.read(_PART_BYTES):
            checksum = zlib.crc32(part, checksum)
    return checksum


def _stamp(path: Path) -> str:
    """Tells a file from another one that a later build has put in its place."""
    status = os.stat(path)  # noqa: PTH116
    return f"{status.st_size}-{status.st_mtime_ns}"
