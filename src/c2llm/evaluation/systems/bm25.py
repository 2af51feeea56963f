"""BM25 over words as our own index has them."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np

from c2llm.codebase.identifiers import fts_text
from c2llm.encoding.protocol import Progress
from c2llm.errors import ModelError
from c2llm.evaluation.provenance import hash_source
from c2llm.evaluation.retrieval.retrieval_task import RetrievalTask
from c2llm.evaluation.systems.system import Ranking

BM25 = "bm25"


class LexicalSystem:
    """BM25 (bm25s, Lucene's variant, k1 = 1.5, b = 0.75).

    Tokens are identifiers whole and split at case changes, underscores and digits, in lower case,
    as our own index has them, less bm25s' 33 English stop words. Documents that share no token with
    a query are not ranked.
    """

    name = BM25

    def __init__(self) -> None:
        try:
            import bm25s
            from bm25s.stopwords import STOPWORDS_EN
        except ImportError as error:
            raise ModelError("bm25s is not installed; pip install 'c2llm[eval]'.") from error
        self._bm25s: Any = bm25s
        self._stop_words = frozenset(STOPWORDS_EN)
        made_by = hash_source("c2llm.codebase.identifiers", "c2llm.evaluation.systems.bm25")
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
