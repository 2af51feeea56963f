"""What the vectors of an index say of a question, whichever index it is.

A table model has a vector for every chunk, and the large model embeds the chunks that matter to the
question; `retrieval/progressive.py` makes one similarity of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from c2llm.search.query.query_parsing import QueryKind, parse_query

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from c2llm.encoding.encoder_handle import EncoderHandle
    from c2llm.index.build.tree_vectors import Embed
    from c2llm.search.explain.nearness import Nearness
    from c2llm.search.query_memory import QueryMemory
    from c2llm.search.retrieval.dense import DenseRetriever
    from c2llm.search.retrieval.exact_scan import Vectors

_CANDIDATES = 32
"""Chunks that a search embeds at most on its own: some two seconds of a small model."""
_CANDIDATES_BESIDE_TABLE = 24
"""The same where a table model has vectors of the others; docs/ranking.md weighs the number."""
_CHARACTERS_BESIDE_TABLE = 10_000
"""And no more of them than hold so much text, since time goes by text: many small functions or some
large chunks."""


class QuestionVectors:
    """What an index does with the vectors of a question; it makes the attributes."""

    _store: Any
    """A `ChunkStore`; which one is the index's own matter."""
    _dense: DenseRetriever
    _encoder: EncoderHandle
    _table: EncoderHandle | None
    _embed: Embed
    _memory: QueryMemory
    _query_vectors: dict[str, tuple[str, str, NDArray[np.float32]]]
    """For each model the query that was embedded last, its fingerprint then, and the vector."""

    def _number(self, handle: EncoderHandle) -> int:
        """The number that the store knows a model by."""
        raise NotImplementedError

    def _lacks_some(self) -> bool:
        """Whether some chunk has no vector of the large model."""
        return bool(self._store.lacks_vectors(self._number(self._encoder)))

    def _embed_candidates(self, chunk_ids: Sequence[int]) -> None:
        """Give these chunks vectors of the large model."""
        raise NotImplementedError

    def _text_lengths(self, chunk_ids: Sequence[int]) -> Mapping[int, int]:
        """How many characters the chunks have."""
        raise NotImplementedError

    def _similarities(self, query: str, candidates: Sequence[int]) -> Vectors:
        """Similarity of the query to every chunk that has a vector, the candidates among them."""
        from c2llm.search.retrieval.progressive import (
            blend,
            candidates_to_embed,
            leading,
            together,
        )

        table = self._table
        model_id = self._number(self._encoder)
        vector = partial(self._query_vector, self._encoder, query)
        nearest: Vectors | None = None
        if table is not None:
            of_table = partial(self._query_vector, table, query)
            nearest = self._dense.similarities(self._number(table), of_table, candidates)
        if self._embed == "candidates" and self._lacks_some():
            limit = _CANDIDATES if nearest is None else _CANDIDATES_BESIDE_TABLE
            chosen = candidates_to_embed(candidates, nearest, limit)
            if nearest is not None:
                lengths = self._text_lengths(chosen)
                chosen = leading(chosen, lengths, _CHARACTERS_BESIDE_TABLE)
            self._embed_candidates(chosen)
            model_id = self._number(self._encoder)  # the first vectors of all give it one
            deep = self._dense.similarities(model_id, vector, candidates)
            return deep if nearest is None else together(blend(deep, nearest), nearest)
        deep = self._dense.similarities(model_id, vector, candidates)
        return deep if nearest is None else together(deep, nearest)

    def _merged(self, query: str, groups: Sequence[Sequence[int]]) -> list[float]:
        """Similarity of the query to groups of chunks as wholes, by models that cover them all."""
        covering = [self._table] if self._table is not None else []
        if not covering or not self._lacks_some():
            covering.append(self._encoder)
        found = [
            self._dense.merged(self._number(one), self._query_vector(one, query), groups)
            for one in covering
        ]
        return [sum(cosines) / len(cosines) for cosines in zip(*found, strict=True)]

    def _nearness(self, query: str) -> Nearness:
        """What compares single lines with the query, and its words with chunks."""
        from c2llm.search.explain.nearness import Judge, Nearness
        from c2llm.search.retrieval.progressive import MODEL_SHARE

        weights = [(self._encoder, MODEL_SHARE)]
        if self._table is not None:
            weights.append((self._table, 1.0 - MODEL_SHARE))
        judges = [
            Judge(self._number(one), one, self._query_vector(one, query), weight, one.is_table)
            for one, weight in weights
        ]
        as_code = parse_query(query).kind is QueryKind.CODE
        return Nearness(self._store, judges, as_code=as_code)

    def _query_vector(self, handle: EncoderHandle, query: str) -> NDArray[np.float32]:
        """The query's vector, float32 (dim,); pasted code looks for documents like itself."""
        known = self._query_vectors.get(handle.model)
        if known is not None and known[:2] == (query, handle.fingerprint):
            return known[2]
        kept = self._memory.vector(handle, query)
        if kept is not None:
            return kept
        encoder = handle.get()
        parsed = parse_query(query)
        is_code = parsed.kind is QueryKind.CODE
        encode = encoder.encode_documents if is_code else encoder.encode_queries
        vector: NDArray[np.float32] = encode([parsed.meaning])[0]
        self._query_vectors[handle.model] = query, handle.fingerprint, vector
        self._memory.keep(handle, query, vector)
        return vector
