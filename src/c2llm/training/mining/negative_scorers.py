"""What scores documents for hard-negative mining: an encoder's cosine, or BM25.

Both give the scores of a block of queries against a group's documents, exactly. An encoder's
vectors are computed once, a block of texts at a time, and each block is on disk before the next
begins: mining that was interrupted goes on with the block it was in.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from c2llm.codebase.identifiers import fts_text
from c2llm.encoding.protocol import Progress, TextEncoder

Scores = NDArray[np.float32]

BLOCK = 1024
"""Texts that are embedded, and then kept on disk, at a time."""
_CELLS = 1 << 24
"""Scores held at once: 64 MB of float32."""


class Miner(Protocol):
    """Scores documents for queries; higher is nearer."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides its scores."""

    @property
    def is_cosine(self) -> bool:
        """Whether scores are at most 1, so that an absolute limit means something."""

    def prepare(
        self, queries: Sequence[str], documents: Sequence[str], work: Path, progress: Progress
    ) -> None:
        """Read all texts once; `work` keeps what is finished. `progress` counts texts."""

    def scores(
        self, queries: Sequence[int], documents: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], Scores]]:
        """Blocks of the queries with their scores (block, len(documents)), by position."""


class DenseMiner:
    """Cosine of an encoder's vectors, kept in float16.

    Args:
        encoder: any `TextEncoder`.
        longest: characters of a text that are read; hard negatives show in their beginnings.
    """

    is_cosine = True

    def __init__(self, encoder: TextEncoder, longest: int = 2000) -> None:
        self._encoder, self._longest = encoder, longest
        self._queries = self._documents = np.empty((0, encoder.dim), np.float16)

    @property
    def name(self) -> str:
        """The encoder's name."""
        return self._encoder.name

    @property
    def fingerprint(self) -> str:
        """The encoder's, and how much of a text it reads."""
        return f"{self._encoder.fingerprint}-{self._longest}"

    def prepare(
        self, queries: Sequence[str], documents: Sequence[str], work: Path, progress: Progress
    ) -> None:
        """Embed all texts, or load what was embedded before."""
        self._documents = self._embed(
            documents, work / "documents", self._encoder.encode_documents, progress
        )
        self._queries = self._embed(
            queries, work / "queries", self._encoder.encode_queries, progress
        )

    def _embed(
        self,
        texts: Sequence[str],
        folder: Path,
        encode: Callable[[Sequence[str]], NDArray[np.float32]],
        progress: Progress,
    ) -> NDArray[np.float16]:
        folder.mkdir(parents=True, exist_ok=True)
        vectors = np.empty((len(texts), self._encoder.dim), np.float16)
        for start in range(0, len(texts), BLOCK):
            chosen = texts[start : start + BLOCK]
            file = folder / f"{start // BLOCK:06d}.npy"
            if not file.exists():
                part = file.with_suffix(".part")
                with part.open("wb") as stream:
                    block = encode([text[: self._longest] for text in chosen])
                    np.save(stream, block.astype(np.float16), allow_pickle=False)
                part.replace(file)
            vectors[start : start + len(chosen)] = np.load(file, allow_pickle=False)
            progress(len(chosen))
        return vectors

    def scores(
        self, queries: Sequence[int], documents: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], Scores]]:
        """Exact cosines, one matrix product a block."""
        there = self._documents[np.asarray(documents)].astype(np.float32).T
        for block in _blocks(queries, len(documents)):
            yield block, self._queries[np.asarray(block)].astype(np.float32) @ there


class BM25Miner:
    """BM25 as Lucene computes it, over identifiers whole and split (k1 = 1.2, b = 0.75).

    Collection statistics are those of the group that is scored.
    """

    name = "bm25"
    fingerprint = "bm25-1"
    is_cosine = False

    _K1, _B = 1.2, 0.75

    def __init__(self) -> None:
        self._queries: list[list[str]] = []
        self._documents: list[Counter[str]] = []

    def prepare(
        self, queries: Sequence[str], documents: Sequence[str], work: Path, progress: Progress
    ) -> None:
        """Split all texts into terms; nothing is kept, it takes moments."""
        for text in documents:
            self._documents.append(Counter(fts_text(text).split()))
            progress(1)
        for text in queries:
            self._queries.append(fts_text(text).split())
            progress(1)

    def scores(
        self, queries: Sequence[int], documents: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], Scores]]:
        """Sums over the postings of each query's terms."""
        postings = self._postings(documents)
        for block in _blocks(queries, len(documents)):
            scores = np.zeros((len(block), len(documents)), np.float32)
            for row, query in zip(scores, block, strict=True):
                for term in self._queries[query]:
                    if term in postings:
                        positions, weights = postings[term]
                        row[positions] += weights  # a document is in a term's postings once
            yield block, scores

    def _postings(
        self, documents: Sequence[int]
    ) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]]:
        bags = [self._documents[i] for i in documents]
        lengths = np.array([bag.total() for bag in bags], np.float32)
        norms = self._K1 * (1 - self._B + self._B * lengths / max(1.0, float(lengths.mean())))
        found: dict[str, tuple[list[int], list[int]]] = {}
        for position, bag in enumerate(bags):
            for term, count in bag.items():
                places, counts = found.setdefault(term, ([], []))
                places.append(position)
                counts.append(count)
        postings = {}
        for term, (places, counts) in found.items():
            idf = math.log(1 + (len(bags) - len(places) + 0.5) / (len(places) + 0.5))
            tf = np.array(counts, np.float32)
            at = np.array(places)
            postings[term] = at, (idf * tf / (tf + norms[at])).astype(np.float32)
        return postings


def _blocks(queries: Sequence[int], width: int) -> Iterator[Sequence[int]]:
    size = max(1, _CELLS // max(1, width))
    for start in range(0, len(queries), size):
        yield queries[start : start + size]
