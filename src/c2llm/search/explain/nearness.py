"""How near single lines are to a query, and a query's single words to a chunk, by the vectors.

Attention says which tokens were pooled and not what for, and taking a line out changes little where
another says the same. A line embedded alone tells best what it carries (docs/explanations.md has
the comparison), and all lines of a hit together cost what the hit costs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from c2llm.encoding.encoder_handle import EncoderHandle
from c2llm.index.store.chunk_store import ChunkStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HAS_WORD = re.compile(r"\w")
_TOKENS_AT_ONCE = 512
"""Lines are short: one call for each would cost more than what it computes."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A model whose vectors took part in a search."""

    model_id: int
    handle: EncoderHandle
    query: NDArray[np.float32]
    """The query's vector (dim,)."""
    weight: float
    """Of its cosines beside those of the other."""
    is_table: bool


class Nearness:
    """Compares texts with one query by the models of one index.

    Args:
        store: The index.
        judges: The models.
        as_code: Whether the query is code, which is embedded as code is.
    """

    def __init__(self, store: ChunkStore, judges: Sequence[Judge], *, as_code: bool) -> None:
        self._store = store
        self._judges = judges
        self._as_code = as_code
        self._known: dict[tuple[int, str], float] = {}

    def of_texts(self, texts: Sequence[str], *, quick: bool = False) -> list[float]:
        """The cosine of each text with the query; -1, the least, for what has no word.

        Args:
            texts: Lines of code, each embedded alone and once, whatever surrounds it.
            quick: By table models alone; -1 where there is none.
        """
        judges = [judge for judge in self._judges if judge.is_table or not quick]
        wanted = [text.strip() for text in texts]
        cosines = [0.0 if judges else -1.0] * len(wanted)
        total = sum(judge.weight for judge in judges)
        for judge in judges:
            self._learn(judge, wanted)
            for row, text in enumerate(wanted):
                known = self._known.get((judge.model_id, text), -1.0)
                cosines[row] += judge.weight / total * known
        return cosines

    def of_words(self, words: Sequence[str], chunk_ids: Sequence[int]) -> dict[int, list[float]]:
        """For each chunk that has a vector the cosine of each word of the query with it."""
        from c2llm.search.retrieval.exact_scan import read_codes

        totals: dict[int, list[float]] = {}
        if not words or not chunk_ids:
            return totals
        for judge in self._judges:
            ids, codes = read_codes(self._store, judge.model_id, chunk_ids)
            if not len(ids):
                continue
            encoder = judge.handle.get()
            encode = encoder.encode_documents if self._as_code else encoder.encode_queries
            cosines = codes.restored() @ encode(list(words)).T
            for chunk_id, row in zip(ids, cosines, strict=True):
                known = totals.setdefault(int(chunk_id), [0.0] * len(words))
                for place, cosine in enumerate(row):
                    known[place] += judge.weight * float(cosine)
        return totals

    def _learn(self, judge: Judge, texts: Iterable[str]) -> None:
        new = [
            text
            for text in dict.fromkeys(texts)
            if _HAS_WORD.search(text) and (judge.model_id, text) not in self._known
        ]
        if not new:
            return
        from c2llm.encoding.encoder import Encoder

        encoder = judge.handle.get()
        if isinstance(encoder, Encoder) and not judge.is_table:
            encoder = encoder.adapted(token_budget=_TOKENS_AT_ONCE)
        cosines = encoder.encode_documents(new) @ judge.query
        for text, cosine in zip(new, cosines, strict=True):
            self._known[judge.model_id, text] = float(cosine)
