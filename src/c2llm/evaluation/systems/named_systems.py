"""Systems by the names of the command line: words, vectors of our models and of others'."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.protocol import Progress, TextEncoder
from c2llm.evaluation.provenance import hash_source
from c2llm.evaluation.retrieval.retrieval_task import RetrievalTask
from c2llm.evaluation.systems.bm25 import BM25, LexicalSystem
from c2llm.evaluation.systems.openai_encoder import OpenAIEncoder
from c2llm.evaluation.systems.peers import MINILM, SentenceTransformerEncoder, packaged_minilm
from c2llm.evaluation.systems.ripgrep import RIPGREP, RipgrepSystem
from c2llm.evaluation.systems.system import Ranking, System

PEER_PREFIX = "st:"
ENDPOINT_PREFIX = "openai:"

# Queries scored at once: 64 rows against 100,000 documents are 26 MB of float32.
_QUERY_BLOCK = 64


class DenseSystem:
    """Cosine of an encoder's vectors over all documents, exact.

    Vectors are kept by text: tasks that share a corpus (`mxeval`, `mxeval_code`) encode it once,
    and where a model has one prompt for both sides, code that asks is the code that is found.
    """

    def __init__(
        self, encoder: TextEncoder, fingerprint: str | None = None, name: str | None = None
    ) -> None:
        self._encoder = encoder
        self._name = name or encoder.name
        self._fingerprint = fingerprint or encoder.fingerprint
        self._queries: dict[str, NDArray[np.float32]] = {}
        self._documents = self._queries if _one_prompt(encoder) else {}

    @property
    def name(self) -> str:
        """The encoder's name, or another where a report shows it in several ways."""
        return self._name

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


def _one_prompt(encoder: TextEncoder) -> bool:
    """Whether a text has one vector, as query and as document; not known of others' models."""
    folder = getattr(encoder, "folder", None)
    return folder is not None and folder.query_prompt == folder.document_prompt


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


def is_peer(spec: str) -> bool:
    """Whether a name on the command line is another's model, and none of c2llm's kind."""
    return spec == MINILM or spec.startswith((PEER_PREFIX, ENDPOINT_PREFIX))


def load_encoder(spec: str) -> TextEncoder:
    """An encoder by what the command line calls it.

    Args:
        spec: `all-MiniLM-L6-v2` (from its package), `st:FOLDER` (sentence-transformers),
            `openai:URL#MODEL` (an embeddings endpoint), or else a c2llm model, shipped or in a
            folder.

    Raises:
        UsageError: for a model that is not there.
        ModelError: for one that cannot be loaded.
    """
    if spec == MINILM:
        return packaged_minilm()
    if spec.startswith(PEER_PREFIX):
        return SentenceTransformerEncoder(Path(spec.removeprefix(PEER_PREFIX)))
    if spec.startswith(ENDPOINT_PREFIX):
        return OpenAIEncoder(spec.removeprefix(ENDPOINT_PREFIX))
    from c2llm.encoding.encoder import Encoder

    return Encoder.load(spec)


def load_system(spec: str) -> System:
    """A system by what the command line calls it: `bm25`, `ripgrep`, or an encoder's name.

    Raises:
        UsageError: for a model that is not there.
        ModelError: for one that cannot be loaded, or a library that is not installed.
    """
    if spec == BM25:
        return LexicalSystem()
    if spec in (RIPGREP, "rg"):
        return RipgrepSystem()
    encoder = load_encoder(spec)
    if is_peer(spec):
        return DenseSystem(encoder)
    made_by = f"{encoder.fingerprint} {hash_source('c2llm.encoding')}"
    return DenseSystem(encoder, hashlib.sha256(made_by.encode()).hexdigest()[:24])
