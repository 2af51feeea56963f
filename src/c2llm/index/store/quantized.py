"""Vectors in eight bits: a step size and one signed byte a dimension.

Every vector has its own step, its largest component over 127, so that no component is off by more
than half of that. The query stays in floats when it is compared: its own error would be as large
again. What is lost is measured by `benchmarks/vector_search.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from c2llm.errors import IndexCorruptError

_STEPS = np.float32(127)
_STEP_BYTES = 4
_STEP = struct.Struct("<f")
_LARGEST_STEP = 1.0
"""That of a vector of unit length is 1/127 at most."""
_BLOCK = 4_096
"""Rows turned to floats at once: they stay in the processor's cache, which makes this as fast as a
product of a matrix of floats four times the size."""


@dataclass(frozen=True, slots=True)
class Codes:
    """n vectors of `dim` dimensions; row i is `steps[i] * codes[i]`."""

    steps: NDArray[np.float32]
    """(n,)."""
    codes: NDArray[np.int8]
    """(n, dim)."""

    def __len__(self) -> int:
        return len(self.steps)

    def dot(self, query: NDArray[np.float32]) -> NDArray[np.float32]:
        """Products (n,) with a vector (dim,) of floats."""
        products = np.empty(len(self), np.float32)
        for start in range(0, len(self), _BLOCK):
            block = self.codes[start : start + _BLOCK].astype(np.float32)
            np.matmul(block, query, out=products[start : start + _BLOCK])
        products *= self.steps
        return products

    def rows(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some of the vectors (len(numbers), dim) as floats."""
        return Codes(self.steps[numbers], self.codes[numbers]).restored()

    def restored(self) -> NDArray[np.float32]:
        """The vectors (n, dim) as floats."""
        rows: NDArray[np.float32] = self.codes.astype(np.float32) * self.steps[:, None]
        return rows


def quantize(vectors: NDArray[np.float32]) -> Codes:
    """Codes of float32 vectors (n, dim)."""
    steps = np.abs(vectors).max(axis=1, initial=0) / _STEPS
    safe = np.where(steps > 0, steps, 1).astype(np.float32)
    codes = np.rint(vectors / safe[:, None]).astype(np.int8)
    return Codes(steps.astype(np.float32), codes)


def packed_size(dim: int) -> int:
    """Bytes of a packed vector."""
    return _STEP_BYTES + dim


def is_packed(row: bytes) -> bool:
    """Whether this may be a packed vector."""
    return len(row) > _STEP_BYTES and 0 <= float(_STEP.unpack_from(row)[0]) <= _LARGEST_STEP


def pack(vectors: NDArray[np.float32]) -> list[bytes]:
    """One string of `4 + dim` bytes for each row of float32 vectors (n, dim)."""
    coded = quantize(vectors)
    steps = coded.steps.astype("<f4")
    return [step.tobytes() + row.tobytes() for step, row in zip(steps, coded.codes, strict=True)]


def unpack(packed: Sequence[bytes]) -> Codes:
    """The codes of packed vectors, all of one width.

    Raises:
        IndexCorruptError: One has a step that no vector of unit length has.
    """
    if not packed:
        return Codes(np.empty(0, np.float32), np.empty((0, 0), np.int8))
    rows = np.frombuffer(b"".join(packed), np.int8).reshape(len(packed), -1)
    steps = np.ascontiguousarray(rows[:, :_STEP_BYTES]).view("<f4")[:, 0].astype(np.float32)
    if not (steps.min() >= 0 and steps.max() <= _LARGEST_STEP):  # so that NaN is none either
        raise IndexCorruptError(
            "A vector of the index is damaged; rebuild it with: c2llm index --rebuild PATH."
        )
    return Codes(steps, np.ascontiguousarray(rows[:, _STEP_BYTES:]))
