"""Vectors that outlive a run: an interrupted evaluation goes on, a changed ranker embeds nothing.

Vectors are kept by the hash of their text, in one SQLite file for each model, and written while
they are made. They belong to the model's fingerprint and to the code that runs it: a few probe
texts are kept with their vectors, and a file whose probes come out otherwise today is left alone
and a new one begun. So a change of the encoding code costs nothing as long as the vectors stay.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.protocol import Progress, TextEncoder
from c2llm.errors import DataError
from c2llm.evaluation.provenance import short_hash
from c2llm.index.store.vector_file import VectorFile

Vectors = NDArray[np.float32]
Kind = Literal["query", "document"]

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


class CachedEncoder:
    """An encoder that looks into a file before it computes.

    Args:
        encoder: the model.
        folder: where its file lies or is made.

    Raises:
        DataError: if the file cannot be used.
    """

    def __init__(self, encoder: TextEncoder, folder: Path) -> None:
        self._encoder = encoder
        self.computed = 0
        """Texts that were not in the file."""
        self.reused = 0
        """Texts that were."""
        self.characters = 0
        """Characters of the computed texts."""
        self.seconds = 0.0
        """Time they took."""
        self._asked: tuple[list[str], Vectors] | None = None
        probes = encoder.encode_documents(PROBES)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"Vectors cannot be kept in {folder} ({error.strerror}).") from error
        for number in count():
            self.path = folder / f"{short_hash(encoder.fingerprint)}-{number}.sqlite"
            self._file = VectorFile(self.path)
            if _has_probes(self._file, probes):
                break
            self._file.close()

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
        return self._encode(texts, "document", self._encoder.encode_documents, progress)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _encode(
        self,
        texts: Sequence[str],
        kind: Kind,
        encode: Callable[[Sequence[str]], Vectors],
        progress: Progress | None,
    ) -> Vectors:
        keys = [_key(kind, text) for text in texts]
        known = {key: np.frombuffer(row, np.float32) for key, row in self._file.get(keys).items()}
        missing = dict(
            sorted(
                ((key, text) for key, text in zip(keys, texts, strict=True) if key not in known),
                key=lambda item: -len(item[1]),
            )
        )
        self.reused += len(texts) - len(missing)
        if progress is not None:
            progress(len(texts) - len(missing))
        for block in _blocks(missing):
            begun = time.perf_counter()
            vectors = encode([missing[key] for key in block])
            self.seconds += time.perf_counter() - begun
            self.computed += len(block)
            self.characters += sum(len(missing[key]) for key in block)
            self._file.put(block, [row.tobytes() for row in vectors])
            known.update(zip(block, vectors, strict=True))
            if progress is not None:
                progress(len(block))
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        return np.stack([known[key] for key in keys])


def _has_probes(file: VectorFile, probes: Vectors) -> bool:
    """Whether the file's probes are these; a new file gets them."""
    kept = [np.frombuffer(row, np.float32) for row in file.probes()]
    if not kept:
        file.put_probes([row.tobytes() for row in probes])
        return True
    if len(kept) != len(probes) or any(len(row) != probes.shape[1] for row in kept):
        return False
    return bool(((np.stack(kept) * probes).sum(axis=1) >= SAME).all())


def _key(kind: Kind, text: str) -> bytes:
    content = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=16).digest()


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
