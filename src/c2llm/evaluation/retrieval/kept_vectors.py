"""Vectors that outlive a run: an interrupted evaluation goes on, a changed ranker embeds nothing.

They lie in a `VectorCache` of the evaluation's own, as whole float32 rows, and are written while
they are made. They belong to the model's fingerprint and to the code that runs it: a few probe
texts are kept with their vectors, and where those come out otherwise today, nothing that was made
with them is used. So a change of the encoding code costs nothing as long as the vectors stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.protocol import Progress, TextEncoder
from c2llm.index.store.vector_cache import VectorCache

Vectors = NDArray[np.float32]

PROBES = (
    "def read_config(path):\n    return json.loads(path.read_text())",
    "where are retries backed off",
    "class HttpClient { private int maxRetries; void sendRequest(Request r) throws IOException; }",
    "\n".join(f"total_{i} = total_{i} + values[{i}] * weights[{i}]" for i in range(200)),
)
"""Texts that tell whether the code still gives the vectors of the file; the last is a long one."""
SAME = 0.999
"""Cosine of a probe above which it is the same; int8 activations move a vector by less."""

# Of texts in one transaction: some seconds of a small model, which is what a kill loses.
_CHARACTERS = 64_000
_MOST_TEXTS = 256
_NO_LIMIT = 1 << 62


class CachedEncoder:
    """An encoder that looks into a file before it computes.

    Args:
        encoder: the model.
        folder: where the file lies or is made; where it cannot be, everything is computed.
    """

    def __init__(self, encoder: TextEncoder, folder: Path) -> None:
        self._encoder = encoder
        self.computed = 0
        """Texts that were not in the file."""
        self.reused = 0
        """Texts that were."""
        self._asked: tuple[list[str], Vectors] | None = None
        self._cache = VectorCache(folder / "vectors.sqlite", _NO_LIMIT)
        probes = encoder.encode_documents(PROBES)
        keys = [_key(text) for text in PROBES]
        for number in count():
            self.model = f"{encoder.fingerprint} {number}"
            kept = self._read(keys)
            if len(kept) < len(keys):
                self._write(keys, probes)
                break
            if _same(np.stack([kept[key] for key in keys]), probes):
                break

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The encoder's name."""
        return self._encoder.name

    @property
    def fingerprint(self) -> str:
        """The encoder's fingerprint."""
        return self._encoder.fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._encoder.dim

    def encode_queries(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """Vectors of queries, not from the file: their time is measured.

        Those of the last call are remembered: a question whose search was timed is searched for
        again, deeper, to find ten files.
        """
        if self._asked is None or self._asked[0] != list(texts):
            vectors = self._encoder.encode_queries(texts, progress=progress)
            self._asked = (list(texts), vectors)
        elif progress is not None:
            progress(len(texts))
        return self._asked[1]

    def encode_documents(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> Vectors:
        """Vectors of documents, float32 (len(texts), dim), from the file as far as it has them."""
        keys = [_key(text) for text in texts]
        known = self._read(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        self.reused += len(texts) - len(missing)
        if progress is not None:
            progress(len(texts) - len(missing))
        for block in _blocks(dict(sorted(missing.items(), key=lambda item: -len(item[1])))):
            vectors = self._encoder.encode_documents([missing[key] for key in block])
            self.computed += len(block)
            self._write(block, vectors)
            known.update(zip(block, vectors, strict=True))
            if progress is not None:
                progress(len(block))
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        return np.stack([known[key] for key in keys])

    def close(self) -> None:
        """Close the file."""
        self._cache.close()

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        found = self._cache.get(self.model, keys)
        return {key: np.frombuffer(row, np.float32) for key, row in found.items()}

    def _write(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        self._cache.put(self.model, keys, [row.tobytes() for row in vectors])


def _same(kept: Vectors, probes: Vectors) -> bool:
    return kept.shape == probes.shape and bool(((kept * probes).sum(axis=1) >= SAME).all())


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _blocks(texts: dict[bytes, str]) -> Iterator[list[bytes]]:
    block: list[bytes] = []
    characters = 0
    for key, text in texts.items():
        block.append(key)
        characters += len(text)
        if characters >= _CHARACTERS or len(block) >= _MOST_TEXTS:
            yield block
            block, characters = [], 0
    if block:
        yield block
