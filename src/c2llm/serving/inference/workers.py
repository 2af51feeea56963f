"""Threads that embed batch after batch, and go on whatever a batch does to them.

A batch that raises, for want of memory or anything else, is halved until the text that does it
stands alone, and that is tried once more. If it fails again while a harmless text is embedded, its
request alone is answered with an error; if the harmless one fails too, the model is what fails.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.tokens import PreparedText
from c2llm.serving.inference.errors import InferenceError, RequestTooLargeError, TextFailedError
from c2llm.serving.inference.events import Events
from c2llm.serving.inference.fair_queue import FairQueue, Waiting

Vectors = NDArray[np.float32]

logger = logging.getLogger(__name__)

HARMLESS = "a"
"""A text that any model embeds, if it embeds any."""


class BatchEncoder(Protocol):
    """What workers ask of a model; `Encoder` is one, a test's double another."""

    def prepare(self, texts: Sequence[str], *, as_queries: bool = False) -> list[PreparedText]:
        """Texts whose tokens are counted."""

    def encode_prepared(self, texts: Sequence[PreparedText]) -> Vectors:
        """Their vectors, float32 (len(texts), dim)."""


class Workers:
    """Takes batches from a queue and hands on what became of each text.

    Args:
        encoder: The model.
        queue: Where texts wait.
        count: Batches that run side by side.
        deliver: Called with a text and its vector, or what it raised.
        learn: Called with the tokens and seconds of a batch.
        events: Who is told.
    """

    def __init__(
        self,
        encoder: BatchEncoder,
        queue: FairQueue,
        count: int,
        deliver: Callable[[Waiting, Vectors | InferenceError], None],
        learn: Callable[[int, float], None],
        events: Events,
    ) -> None:
        self._encoder, self._queue, self._deliver = encoder, queue, deliver
        self._learn, self._events = learn, events
        self.healthy = True
        """Whether the last batch, or the harmless text after it, was embedded."""
        self._threads = [
            Thread(target=self._work, name=f"c2llm-batch-{i}", daemon=True) for i in range(count)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> bool:
        """Wait until the closed queue has run out; whether it has, in so many seconds."""
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def try_harmless(self) -> bool:
        """Whether the model embeds anything at all; says so in `healthy` too."""
        try:
            vectors = self._encoder.encode_prepared(self._encoder.prepare([HARMLESS]))
            self.healthy = bool(np.isfinite(vectors).all())
        except BaseException:
            self.healthy = False
        return self.healthy

    def _work(self) -> None:
        while batch := self._queue.take():
            now = time.monotonic()
            for text in batch:
                self._events.waited(now - text.since)
            self._run(batch)

    def _run(self, batch: list[Waiting], *, again: bool = True) -> None:
        start = time.perf_counter()
        try:
            vectors = self._encoder.encode_prepared([waiting.text for waiting in batch])
            if vectors.shape[0] != len(batch) or not np.isfinite(vectors).all():
                raise ValueError("The model gave vectors that are not finite.")
        except BaseException as error:  # whatever it is, the thread has to go on
            self._events.failed(len(batch))
            self._recover(batch, error, again=again)
            return
        seconds = time.perf_counter() - start
        self.healthy = True
        tokens = sum(waiting.tokens for waiting in batch)
        padded = len(batch) * max(waiting.tokens for waiting in batch)
        self._learn(tokens, seconds)
        self._events.ran(len(batch), tokens, padded, seconds)
        for waiting, vector in zip(batch, vectors, strict=True):
            self._deliver(waiting, vector)

    def _recover(self, batch: list[Waiting], error: BaseException, *, again: bool) -> None:
        out_of_memory = _is_memory(error)
        if out_of_memory:
            _free_memory()
        said = " ".join(str(error).split())[:160] or type(error).__name__
        logger.warning("a batch of %d texts failed: %s: %s", len(batch), type(error).__name__, said)
        error.__traceback__ = None  # its frames hold the arrays of the batch
        if len(batch) > 1:
            middle = len(batch) // 2
            self._run(batch[:middle])
            self._run(batch[middle:])
        elif again:
            self._run(batch, again=False)
        elif not self.try_harmless():
            self._deliver(
                batch[0],
                InferenceError(f"The model fails at every text ({said}); see the server's log."),
            )
        elif out_of_memory:
            self._deliver(
                batch[0],
                RequestTooLargeError(
                    f"A text of {batch[0].tokens:,} tokens does not fit into the memory; send it "
                    "in parts."
                ),
            )
        else:
            self._deliver(
                batch[0], TextFailedError(f"The model fails at this text and at no other ({said}).")
            )


def _is_memory(error: BaseException | None) -> bool:
    """Whether memory ran out; each library says so in its own way."""
    while error is not None:
        said = str(error).lower()
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            return True
        if any(w in said for w in ("out of memory", "bad_alloc", "bad allocation")):
            return True
        if "failed to allocate memory" in said or "can't allocate memory" in said:
            return True
        error = error.__cause__
    return False


def _free_memory() -> None:
    """Give what torch keeps for later back to the device."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
