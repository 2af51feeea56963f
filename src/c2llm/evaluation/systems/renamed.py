"""An encoder under another name, where a report shows one model in several ways."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.protocol import Progress, TextEncoder


class Renamed:
    """The same vectors and fingerprint; what differs is what reports call it."""

    def __init__(self, encoder: TextEncoder, name: str) -> None:
        self._encoder = encoder
        self.name = name

    @property
    def fingerprint(self) -> str:
        """The encoder's."""
        return self._encoder.fingerprint

    @property
    def dim(self) -> int:
        """The encoder's."""
        return self._encoder.dim

    def encode_queries(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """The encoder's."""
        return self._encoder.encode_queries(texts, progress=progress)

    def encode_documents(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """The encoder's."""
        return self._encoder.encode_documents(texts, progress=progress)
