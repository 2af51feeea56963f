"""A teacher model's vectors of the texts of a batch, computed once and kept on disk.

Several teachers are one whose vectors are theirs side by side, each times the root of its factor:
its scores are the sums of their scores. A table is looked up again instead, which takes no longer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from c2llm.encoding.encoder import Encoder
from c2llm.training.network.frozen_backbone import StateCache

Encode = Callable[[list[str]], NDArray[np.float32]]


class Teacher:
    """Any `Encoder`, with its own prompts and tokenizer, or several.

    Args:
        name: shipped name, folder or hub id.
        folder: where vectors are kept (float16).
        further: further models and the factors of their scores.

    Raises:
        UsageError: if there is no such model.
    """

    def __init__(self, name: str, folder: Path, further: Mapping[str, float] | None = None) -> None:
        self._members = [_Member(name, folder, 1.0)]
        for number, (other, factor) in enumerate((further or {}).items(), 1):
            self._members.append(_Member(other, folder / f"further{number}", factor))

    def queries(self, texts: list[str]) -> Tensor:
        """Vectors (n, d) of queries, float32; unit vectors where there is one teacher."""
        return torch.cat([member.queries(texts) for member in self._members], dim=1)

    def documents(self, texts: list[str]) -> Tensor:
        """Vectors (n, d) of documents, likewise."""
        return torch.cat([member.documents(texts) for member in self._members], dim=1)


class _Member:
    """One model, the factor of its scores, and what is kept of it."""

    def __init__(self, name: str, folder: Path, factor: float) -> None:
        self._encoder, self._root = Encoder.load(name), math.sqrt(factor)
        self._kept: dict[str, StateCache] = {}
        if self._encoder.folder.engine != "table":
            dim = self._encoder.dim
            self._kept = {kind: StateCache(folder / kind, dim) for kind in ("queries", "documents")}

    def queries(self, texts: list[str]) -> Tensor:
        return self._vectors(self._kept.get("queries"), texts, self._encoder.encode_queries)

    def documents(self, texts: list[str]) -> Tensor:
        return self._vectors(self._kept.get("documents"), texts, self._encoder.encode_documents)

    def _vectors(self, cache: StateCache | None, texts: list[str], encode: Encode) -> Tensor:
        if cache is None:
            return self._root * torch.from_numpy(encode(texts))

        def compute(keys: list[list[int]]) -> list[Tensor]:
            missing = [bytes(key).decode("utf-8", "surrogatepass") for key in keys]
            return list(torch.from_numpy(encode(missing))[:, None])

        keys = [list(text.encode("utf-8", "surrogatepass")) for text in texts]
        return self._root * torch.cat(cache.states(keys, compute))
