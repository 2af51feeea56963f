"""A teacher model's vectors of the texts of a batch, computed once and kept on disk."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from c2llm.encoding.encoder import Encoder
from c2llm.training.frozen import StateCache


class Teacher:
    """Any `Encoder`, with its own prompts and tokenizer.

    Args:
        name: shipped name, folder or hub id.
        folder: where vectors are kept (float16).

    Raises:
        UsageError: if there is no such model.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._encoder = Encoder.load(name)
        self.dim = int(self._encoder.encode_queries(["x"]).shape[1])
        self._queries = StateCache(folder / "queries", self.dim)
        self._documents = StateCache(folder / "documents", self.dim)

    def queries(self, texts: list[str]) -> Tensor:
        """Unit vectors (n, d) of queries."""
        return self._vectors(self._queries, texts, self._encoder.encode_queries)

    def documents(self, texts: list[str]) -> Tensor:
        """Unit vectors (n, d) of documents."""
        return self._vectors(self._documents, texts, self._encoder.encode_documents)

    def _vectors(self, cache: StateCache, texts: list[str], encode: object) -> Tensor:
        def compute(keys: list[list[int]]) -> list[Tensor]:
            missing = [bytes(key).decode("utf-8", "surrogatepass") for key in keys]
            return list(torch.from_numpy(encode(missing))[:, None])  # type: ignore[operator]

        keys = [list(text.encode("utf-8", "surrogatepass")) for text in texts]
        return torch.cat(cache.states(keys, compute))
