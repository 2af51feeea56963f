"""What index and evaluation ask of an encoder; `Encoder` is one, a test's double another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Progress = Callable[[int], None]
"""Called with the number of texts that have just been finished."""


class TextEncoder(Protocol):
    """Text in, float32 rows of unit length out; prompts are the encoder's business."""

    @property
    def name(self) -> str:
        """What the user called the model."""

    @property
    def fingerprint(self) -> str:
        """Hash of weights and config: vectors of different fingerprints do not compare."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def encode_queries(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Vectors of queries, float32 of shape (len(texts), dim)."""

    def encode_documents(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Vectors of documents, float32 of shape (len(texts), dim)."""
