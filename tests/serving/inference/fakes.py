"""An encoder whose batches a test watches, holds up, or lets fail."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from threading import Event

import numpy as np

from c2llm.encoding.tokens import PreparedText


class FakeEncoder:
    """A token a word; the vector of a text is made from its hash."""

    fingerprint = "fake"
    name = "fake"
    dim = 8

    def __init__(self, *, batch_tokens: int = 8, streams: int = 1) -> None:
        self.batch_tokens, self.streams = batch_tokens, streams
        self.batches: list[list[str]] = []
        self.go = Event()
        self.go.set()
        self.entered = Event()
        self.raises: Callable[[list[str]], BaseException | None] = lambda batch: None

    def prepare(self, texts: Sequence[str], *, as_queries: bool = False) -> list[PreparedText]:
        prompt = "query: " if as_queries else ""
        found = []
        for text in texts:
            words = max(1, len(text.split()))
            ids = None if text.startswith("long ") else np.zeros(words, np.int64)
            found.append(PreparedText(text, prompt, ids, words, cut=text.startswith("cut ")))
        return found

    def encode_prepared(self, texts: Sequence[PreparedText]) -> np.ndarray:
        batch = [text.text for text in texts]
        self.entered.set()
        assert self.go.wait(20)
        self.batches.append(batch)
        if (error := self.raises(batch)) is not None:
            raise error
        return np.stack([self.vector(text.prompt + text.text) for text in texts])

    def vector(self, text: str) -> np.ndarray:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        vector = np.frombuffer(digest[: self.dim], np.uint8).astype(np.float32) - 127.5
        return vector / np.linalg.norm(vector)

    def hold(self) -> None:
        """Let the next batch wait in the model until `go` is set."""
        self.go.clear()
        self.entered.clear()
