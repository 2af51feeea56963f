"""Hidden states of a frozen backbone, on disk: computed once, read in every later pass.

FOLDER/states.f16   token states of all texts, one after the other, float16, rows of width h
FOLDER/index.bin    a record of 32 bytes a text: 16 of the hash of its token ids, where its states
                    begin and how many they are (two unsigned 64-bit integers)

States are written before the record that names them, so a cache that was cut off by `kill -9` is
whole up to its last record. Float16 keeps 11 bits of a normalised state; a state is rounded before
its first use too, so that a vector does not depend on whether its states were cached.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

_RECORD = struct.Struct("<16sQQ")

Compute = Callable[[list[list[int]]], list[Tensor]]
"""States (length, h) of each of some token id lists."""


class StateCache:
    """Token states by token ids.

    Args:
        folder: made if it is not there; what it holds must come from the same backbone.
        width: h.
    """

    def __init__(self, folder: Path, width: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._states_path, self._index_path = folder / "states.f16", folder / "index.bin"
        self._width = width
        self._places: dict[bytes, tuple[int, int]] = {}
        end = self._read_index()
        # What a crash left behind the last record is written over.
        for path, size in (
            (self._states_path, end * width * 2),
            (self._index_path, len(self._places) * _RECORD.size),
        ):
            with path.open("ab") as file:
                file.truncate(size)
        self._end = end
        self._mapped: np.memmap[tuple[int, int], np.dtype[np.float16]] | None = None

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, ids: list[int]) -> bool:
        return _key(ids) in self._places

    def states(self, texts: Sequence[list[int]], compute: Compute) -> list[Tensor]:
        """States (length, h), float32, of each text; what is missing is computed and kept."""
        keys = [_key(ids) for ids in texts]
        missing = {k: ids for k, ids in zip(keys, texts, strict=True) if k not in self._places}
        if missing:
            self._append(list(missing), compute(list(missing.values())))
        return [self._read(key) for key in keys]

    def _append(self, keys: list[bytes], states: list[Tensor]) -> None:
        records = []
        with self._states_path.open("ab") as file:
            for key, rows in zip(keys, states, strict=True):
                file.write(rows.detach().to(torch.float16).cpu().contiguous().numpy().tobytes())
                records.append((key, self._end, len(rows)))
                self._end += len(rows)
        with self._index_path.open("ab") as file:
            for key, start, length in records:
                file.write(_RECORD.pack(key, start, length))
                self._places[key] = start, length
        self._mapped = None

    def _read(self, key: bytes) -> Tensor:
        if self._mapped is None:
            self._mapped = np.memmap(
                self._states_path, np.float16, "r", shape=(self._end, self._width)
            )
        start, length = self._places[key]
        return torch.from_numpy(self._mapped[start : start + length].astype(np.float32))

    def _read_index(self) -> int:
        """Read the records whose states are there; returns the end of those, in tokens."""
        end = 0
        if not self._index_path.exists() or not self._states_path.exists():
            return end
        available = self._states_path.stat().st_size // (2 * self._width)
        raw = self._index_path.read_bytes()
        for key, start, length in _RECORD.iter_unpack(
            raw[: len(raw) // _RECORD.size * _RECORD.size]
        ):
            if start != end or start + length > available:
                break
            self._places[key] = start, length
            end = start + length
        return end


def _key(ids: list[int]) -> bytes:
    return hashlib.blake2b(np.array(ids, dtype=np.int64).tobytes(), digest_size=16).digest()
