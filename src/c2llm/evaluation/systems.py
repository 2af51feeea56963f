"""What is compared: anything that ranks the documents of a task for each of its queries."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from c2llm.codebase.identifiers import fts_text
from c2llm.encoding.protocol import Progress, TextEncoder
from c2llm.errors import ModelError
from c2llm.evaluation.peers import MINILM, SentenceTransformerEncoder, packaged_minilm
from c2llm.evaluation.provenance import hash_source
from c2llm.evaluation.retrieval_task import RetrievalTask

Ranking = NDArray[np.int64]
"""Positions of documents, best first."""

BM25 = "bm25"
PEER_PREFIX = "st:"

# Queries scored at once: 64 rows against 100,000 documents are 26 MB of float32.
_QUERY_BLOCK = 64


class System(Protocol):
    """Ranks documents; equal scores keep the order of the corpus."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides its rankings."""

    def rank(self, task: RetrievalTask, depth: int, progress: Progress) -> list[Ranking]:
        """For each query the best `depth` documents or fewer; `progress` counts texts."""


class DenseSystem:
    """Cosine of an encoder's vectors over all documents, exact.

    Vectors are kept by text: tasks that share a corpus (`mxeval`, `mxeval_code`) encode it once.
    """

    def __init__(self, encoder: TextEncoder, fingerprint: str | None = None) -> None:
        self._encoder = encoder
        self._fingerprint = fingerprint or encoder.fingerprint
        self._queries: dict[str, NDArray[np.float32]] = {}
        self._documents: dict[str, NDArray[np.float32]] = {}

    @property
    def name(self) -> str:
        """The encoder's name."""
        return self._encoder.name

    @property
    def fingerprint(self) -> str:
        """Hash of the encoder, and of its code where that is ours."""
        return self._fingerprint

    def rank(self, task: RetrievalTask, depth: int, progress: Progress) -> list[Ranking]:
        """Nearest documents of each query."""
        documents = _vectors(
            [document.text for document in task.documents],
            self._documents,
            lambda texts: self._encoder.encode_documents(texts, progress=progress),
            progress,
        )
        queries = _vectors(
            [query.text for query in task.queries],
            self._queries,
            lambda texts: self._encoder.encode_queries(texts, progress=progress),
            progress,
        )
        rankings: list[Ranking] = []
        for start in range(0, len(queries), _QUERY_BLOCK):
            scores = queries[start : start + _QUERY_BLOCK] @ documents.T
            rankings.extend(np.argsort(-scores, axis=1, kind="stable")[:, :depth])
        return rankings


def _vectors(
    texts: Sequence[str],
    known: dict[str, NDArray[np.float32]],
    encode: Callable[[Sequence[str]], NDArray[np.float32]],
    progress: Progress,
) -> NDArray[np.float32]:
    new = [text for text in dict.fromkeys(texts) if text not in known]
    if new:
        known.update(zip(new, encode(new), strict=True))
    progress(len(texts) - len(new))
    return np.stack([known[text] for text in texts])


class LexicalSystem:
    """BM25 (bm25s, Lucene's variant, k1 = 1.5, b = 0.75).

    Tokens are identifiers whole and split at case changes, underscores and digits, in lower case,
    as our own index has them, less bm25s' 33 English stop words. Documents that share no token with
    a query are not ranked.
    """

    name = "bm25"

    def __init__(self) -> None:
        try:
            import bm25s
            from bm25s.stopwords import STOPWORDS_EN
        except ImportError as error:
            raise ModelError("bm25s is not installed; pip install 'c2llm[eval]'.") from error
        self._bm25s: Any = bm25s
        self._stop_words = frozenset(STOPWORDS_EN)
        made_by = hash_source("c2llm.codebase.identifiers", "c2llm.evaluation.systems")
        self._fingerprint = f"bm25s{version('bm25s')}-{made_by[:24]}"

    @property
    def fingerprint(self) -> str:
        """Hash of the library's version and of the code that makes tokens."""
        return self._fingerprint

    def rank(self, task: RetrievalTask, depth: int, progress: Progress) -> list[Ranking]:
        """Best documents of each query with a score above 0."""
        corpus = [self._tokens(document.text) for document in task.documents]
        progress(len(corpus))
        retriever = self._bm25s.BM25(method="lucene", k1=1.5, b=0.75)
        retriever.index(corpus, show_progress=False)
        rankings: list[Ranking] = []
        for query in task.queries:
            tokens = self._tokens(query.text)
            # bm25s looks at the type of the first token, so it must not get an empty list.
            scores = retriever.get_scores(tokens) if tokens else np.zeros(len(corpus), np.float32)
            order = np.argsort(-scores, kind="stable")[:depth]
            rankings.append(order[scores[order] > 0.0])
            progress(1)
        return rankings

    def _tokens(self, text: str) -> list[str]:
        return [token for token in fts_text(text).split() if token not in self._stop_words]


def is_peer(spec: str) -> bool:
    """Whether a name on the command line is another's model, and none of c2llm's kind."""
    return spec == MINILM or spec.startswith(PEER_PREFIX)


def load_encoder(spec: str) -> TextEncoder:
    """An encoder by what the command line calls it.

    Args:
        spec: `all-MiniLM-L6-v2` (from its package), `st:FOLDER` (sentence-transformers), or else a
            c2llm model, shipped or in a folder.

    Raises:
        UsageError: for a model that is not there.
        ModelError: for one that cannot be loaded.
    """
    if spec == MINILM:
        return packaged_minilm()
    if spec.startswith(PEER_PREFIX):
        return SentenceTransformerEncoder(Path(spec.removeprefix(PEER_PREFIX)))
    from c2llm.encoding.encoder import Encoder

    return Encoder.load(spec)


def load_system(spec: str) -> System:
    """A system by what the command line calls it: `bm25`, or an encoder as in `load_encoder`.

    Raises:
        UsageError: for a model that is not there.
        ModelError: for one that cannot be loaded, or a library that is not installed.
    """
    if spec == BM25:
        return LexicalSystem()
    encoder = load_encoder(spec)
    if isinstance(encoder, SentenceTransformerEncoder):
        return DenseSystem(encoder)
    made_by = f"{encoder.fingerprint} {hash_source('c2llm.encoding')}"
    return DenseSystem(encoder, hashlib.sha256(made_by.encode()).hexdigest()[:24])
