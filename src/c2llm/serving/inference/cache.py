"""Vectors of texts that were embedded before, in memory and, if wanted, on the disk.

A vector is known by the model's fingerprint and the hash of what the model read, its prompt
included. It is kept whole: shorter ones are cut from it. What was used last stays; the bytes are
bounded, with what the keys and Python's objects take. The memory is shared by all threads; the
disk by all servers of the user, and by the next start.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from c2llm.index.store.vector_cache import VectorCache

Vector = NDArray[np.float32]

_ENTRY_BYTES = 300
"""What an entry takes beside its numbers: key, array object, links of the dictionary."""


def text_key(text: str, prompt: str) -> bytes:
    """The hash of what the model reads of a text."""
    digest = hashlib.blake2b(prompt.encode("utf-8", "surrogatepass"), digest_size=20)
    digest.update(b"\0")
    digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.digest()


class EmbeddingCache:
    """Vectors of one model by `text_key`.

    Args:
        fingerprint: The model's.
        dim: Numbers of a vector.
        most_bytes: What the memory may take; 0 keeps nothing in it.
        disk: A file that is shared with other processes, or None.
    """

    def __init__(
        self, fingerprint: str, dim: int, most_bytes: int, disk: VectorCache | None = None
    ) -> None:
        self._fingerprint, self._dim = fingerprint, dim
        self._most = most_bytes // (_ENTRY_BYTES + 4 * dim)
        self._vectors: OrderedDict[bytes, Vector] = OrderedDict()
        self._lock = Lock()
        self._disk, self._disk_lock = disk, Lock()

    @classmethod
    def opened(
        cls, fingerprint: str, dim: int, most_bytes: int, file: Path | None, disk_bytes: int
    ) -> EmbeddingCache:
        """A cache with a file on the disk behind it, where one is wanted."""
        disk = VectorCache(file, disk_bytes) if file is not None and disk_bytes else None
        return cls(fingerprint, dim, most_bytes, disk)

    @property
    def on_disk(self) -> bool:
        """Whether a look-up may wait for the disk."""
        return self._disk is not None

    def __len__(self) -> int:
        return len(self._vectors)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Vector]:
        """The vectors that are known."""
        found: dict[bytes, Vector] = {}
        with self._lock:
            for key in keys:
                if (vector := self._vectors.get(key)) is not None:
                    self._vectors.move_to_end(key)
                    found[key] = vector
        missing = [key for key in keys if key not in found]
        if self._disk is not None and missing:
            with self._disk_lock:
                packed = self._disk.get(self._fingerprint, missing)
            known = {
                key: np.frombuffer(row, "<f4").astype(np.float32)
                for key, row in packed.items()
                if len(row) == 4 * self._dim
            }
            self._keep(known)
            found.update(known)
        return found

    def put(self, vectors: Mapping[bytes, Vector]) -> None:
        """Keep vectors."""
        self._keep(vectors)
        if self._disk is not None and vectors:
            packed = [np.asarray(v, dtype="<f4").tobytes() for v in vectors.values()]
            with self._disk_lock:
                self._disk.put(self._fingerprint, list(vectors), packed)

    def close(self) -> None:
        """Close the file."""
        if self._disk is not None:
            with self._disk_lock:
                self._disk.close()

    def _keep(self, vectors: Mapping[bytes, Vector]) -> None:
        if not self._most:
            return
        with self._lock:
            for key, vector in vectors.items():
                # A copy: a row of a batch would keep the whole batch in memory.
                self._vectors[key] = vector.copy()
                self._vectors.move_to_end(key)
            while len(self._vectors) > self._most:
                self._vectors.popitem(last=False)
