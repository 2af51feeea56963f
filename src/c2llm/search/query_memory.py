"""Vectors of questions that were asked before: who asks again waits for no model.

They lie beside those of the texts, in the vectors that all indexes of a user share
(`index/store/vector_cache.py`): under the model's fingerprint, and a hash of the question instead
of the question. Only what a command was started with is kept, not what is typed in between.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from c2llm.search.query.query_parsing import QueryKind, parse_query

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from c2llm.encoding.encoder_handle import EncoderHandle
    from c2llm.index.store.vector_cache import VectorCache

_FLOAT = "<f4"
"""Unlike vectors of texts they are not quantized: an answer is the same to the last bit."""
_LENGTH_OFF = 1e-3
"""A vector whose length is farther from 1 was written by no model, but by a failing disk."""


class QueryMemory:
    """Finds and keeps the vectors of one question.

    Args:
        cache: Where they are kept.
        question: The question as it was asked; None to keep none.
    """

    def __init__(self, cache: VectorCache, question: str | None = None) -> None:
        self._cache = cache
        self._question = question
        self._found: dict[str, NDArray[np.float32] | None] = {}
        self._new: dict[str, NDArray[np.float32]] = {}

    def has(self, handle: EncoderHandle) -> bool:
        """Whether the vector of the question by a model is known."""
        return self._question is not None and self.vector(handle, self._question) is not None

    def vector(self, handle: EncoderHandle, query: str) -> NDArray[np.float32] | None:
        """The vector of a query by a model, float32 (dim,), if it is one of the question."""
        if not self._keeps(handle, query):
            return None
        fingerprint = handle.fingerprint
        if fingerprint not in self._found:
            self._found[fingerprint] = self._read(handle)
        return self._found[fingerprint]

    def keep(self, handle: EncoderHandle, query: str, vector: NDArray[np.float32]) -> None:
        """Keep a vector if it is one of the question; written by `save`."""
        if self._keeps(handle, query):
            self._found[handle.fingerprint] = self._new[handle.fingerprint] = vector

    def save(self) -> None:
        """Write what is new: after the answer, since nobody waits for it."""
        for fingerprint, vector in self._new.items():
            self._cache.put(fingerprint, [self._key()], [vector.astype(_FLOAT).tobytes()])
        self._new.clear()

    def _keeps(self, handle: EncoderHandle, query: str) -> bool:
        # An encoder that was given has no files by which it is known to be the same one.
        return query == self._question and bool(handle.signature)

    def _key(self) -> bytes:
        query = parse_query(self._question or "")
        side = "document" if query.kind is QueryKind.CODE else "query"
        return blake2b(f"{side}\0{query.meaning}".encode("utf-8", "surrogateescape")).digest()

    def _read(self, handle: EncoderHandle) -> NDArray[np.float32] | None:
        key = self._key()
        kept = self._cache.get(handle.fingerprint, [key]).get(key)
        if kept is None:
            return None
        import numpy as np

        if len(kept) != handle.dim * np.dtype(_FLOAT).itemsize:
            return None
        vector = np.frombuffer(kept, _FLOAT).astype(np.float32)
        length = np.linalg.norm(vector.astype(np.float64))  # of what a model says it is 1
        return vector if abs(length - 1.0) < _LENGTH_OFF else None
