"""One engine out of several: the same model on each of several devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from c2llm.encoding.engines import Engine, Ids, TokenLevel, Vectors


class Replicas:
    """Gives each call to a replica that is free.

    An encoder makes batches of texts of like length, the longest first, and as many calls side by
    side as there are `streams`: a device that is done takes the next batch, so that slow and fast
    devices end together.

    Args:
        engines: The replicas, of the same weights.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.token_budget = min(engine.token_budget for engine in engines)
        self.streams = len(engines)
        self.token_level = all(engine.token_level for engine in engines)
        self._free: SimpleQueue[Engine] = SimpleQueue()
        for engine in engines:
            self._free.put(engine)

    @contextmanager
    def _one(self) -> Iterator[Engine]:
        engine = self._free.get()
        try:
            yield engine
        finally:
            self._free.put(engine)

    def run(self, input_ids: Ids, attention_mask: Ids) -> Vectors:
        """Unit vectors (B, dim) of token ids and mask, both (B, L)."""
        with self._one() as engine:
            return engine.run(input_ids, attention_mask)

    def tokens(self, input_ids: Ids, attention_mask: Ids) -> TokenLevel:
        """`run` with attention logits and token states."""
        with self._one() as engine:
            return engine.tokens(input_ids, attention_mask)

    def readout(self, context: NDArray[np.float32], weight_sum: NDArray[np.float32]) -> Vectors:
        """Unit vectors (B, dim) of averaged states (B, heads, queries, h)."""
        with self._one() as engine:
            return engine.readout(context, weight_sum)
