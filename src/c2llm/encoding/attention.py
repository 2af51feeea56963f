"""What the pooling attended to: weights per token, tied to the characters of the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.long_text import Counted


@dataclass(frozen=True, slots=True)
class TokenAttention:
    """The attention that made one vector."""

    offsets: NDArray[np.int64]
    """Character span of each token in the text as it was given (T, 2).

    Special tokens and those of the model's prompt have the empty span (0, 0): they take part in the
    vector and therefore in the weights, but stand for no character of the text.
    """
    weights: NDArray[np.float32]
    """(heads, queries, T); each row sums to 1 over all T tokens."""


def attention_weights(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax over the last axis: (heads, queries, T) logits of real tokens to weights."""
    if not logits.shape[-1]:
        return logits
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True), dtype=np.float64)
    weights: NDArray[np.float64] = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return weights.astype(np.float32)


class AttentionRecord:
    """Keeps the logits of a long text's tokens while their states are pooled and forgotten."""

    def __init__(self) -> None:
        self._offsets: list[NDArray[np.int64]] = []
        self._logits: list[NDArray[np.float32]] = []

    def pass_on(self, parts: Iterable[Counted]) -> Iterator[Counted]:
        """The same parts, noted as they pass."""
        for part in parts:
            self._offsets.append(part.offsets)
            self._logits.append(part.logits)
            yield part

    def attention(self) -> TokenAttention:
        """Weights over all tokens that have passed."""
        logits = np.concatenate(self._logits, axis=-1)
        return TokenAttention(np.concatenate(self._offsets), attention_weights(logits))
