"""Texts in, vectors out, for many requests at once: the one object that routes ask.

    embedder = Embedder(lambda: Encoder.load("c2llm-mini"), InferenceSettings())
    embedder.start()
    embedded = await embedder.embed(["def f(): ..."])

A request is admitted (`admission.py`), tokenized, looked up (`cache.py`), queued (`fair_queue.py`)
and embedded by threads (`workers.py`). Cancelling the coroutine takes its texts out of the queue.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock, Thread

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.encoder import Encoder
from c2llm.encoding.tokens import PreparedText
from c2llm.errors import C2LLMError
from c2llm.serving.inference.admission import Admission, estimated_tokens
from c2llm.serving.inference.cache import EmbeddingCache, text_key
from c2llm.serving.inference.errors import (
    InferenceError,
    NotReadyError,
    QueueFullError,
    RequestTooLargeError,
)
from c2llm.serving.inference.events import Events, NoEvents
from c2llm.serving.inference.fair_queue import FairQueue, Waiting
from c2llm.serving.inference.settings import InferenceSettings
from c2llm.serving.inference.workers import HARMLESS, Workers

Vectors = NDArray[np.float32]

_INLINE_CHARACTERS = 4_000
"""Tokenizing no more takes less time than handing it to a thread."""
_PROBE_SECONDS = 1.0
"""A model that fails is tried again no more often."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of one request."""

    vectors: Vectors
    """Float32 (texts, dim), rows of unit length."""
    tokens: int
    """What the model read, or would have where a vector was known."""
    cut: list[int]
    """Positions of the texts of which the model read only the beginning."""


class _Job:
    """One request whose texts are in the queue; finished once, by the last text or by an error."""

    def __init__(self, texts: int, finish: Callable[[InferenceError | None], None]) -> None:
        self.rows: list[NDArray[np.float32] | None] = [None] * texts
        self._left, self._finish, self._lock = texts, finish, Lock()
        self.over = False

    def deliver(self, position: int, result: NDArray[np.float32] | InferenceError) -> bool:
        """Take what became of a text; whether this ended the request with an error."""
        with self._lock:
            if self.over:
                return False
            error = result if isinstance(result, InferenceError) else None
            if not isinstance(result, InferenceError):
                self.rows[position] = result
                self._left -= 1
            self.over = ends = error is not None or not self._left
        if ends:
            self._finish(error)
        return error is not None

    def leave(self) -> None:
        """Nobody waits for it any more."""
        with self._lock:
            self.over = True


class Embedder:
    """One model, loaded in the background, that embeds the texts of all requests.

    Args:
        load: Loads the model.
        settings: Limits.
        events: Who is told of the work.
        cache_file: Where vectors are kept on the disk, if the settings want that.
    """

    def __init__(
        self,
        load: Callable[[], Encoder],
        settings: InferenceSettings,
        events: Events | None = None,
        cache_file: Path | None = None,
    ) -> None:
        self.settings = settings
        self.events: Events = events or NoEvents()
        self._load, self._cache_file = load, cache_file
        self._encoder: Encoder | None = None
        self._error: str | None = None
        self._stopping = False
        self._loader: Thread | None = None
        self._start_lock = Lock()
        self._helpers = ThreadPoolExecutor(2, thread_name_prefix="c2llm-tokenize")
        self._probed, self._probe_lock = 0.0, Lock()

    def start(self) -> None:
        """Load the model in the background; until then `embed` raises NotReadyError."""
        with self._start_lock:
            if self._loader is None:
                self._loader = Thread(target=self._prepare, name="c2llm-load", daemon=True)
                self._loader.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the model is loaded or cannot be; whether it is."""
        self.start()
        assert self._loader is not None
        self._loader.join(seconds)
        return self._encoder is not None

    def stop(self, seconds: float = 30.0) -> bool:
        """Take no more, finish what waits; whether that was done in so many seconds."""
        self._stopping = True
        if self._encoder is None:
            self._helpers.shutdown(wait=False)
            return True
        self._queue.close()
        done = self._workers.join(seconds)
        self._helpers.shutdown(wait=False)
        self._cache.close()
        return done

    @property
    def encoder(self) -> Encoder:
        """The model.

        Raises:
            NotReadyError: It is not there (yet).
        """
        if self._encoder is None:
            raise NotReadyError(self._error or "The model is being loaded; try again in a moment.")
        return self._encoder

    @property
    def queued(self) -> int:
        """Texts that wait."""
        return 0 if self._encoder is None else len(self._queue)

    @property
    def held_tokens(self) -> int:
        """Tokens of the requests that are in the works."""
        return 0 if self._encoder is None else self._admission.held

    @property
    def tokens_per_second(self) -> float | None:
        """The speed as measured on what was embedded last."""
        return None if self._encoder is None else self._admission.tokens_per_second

    @property
    def cached(self) -> int:
        """Vectors in memory."""
        return 0 if self._encoder is None else len(self._cache)

    @property
    def healthy(self) -> bool:
        """Whether texts are embedded, as far as is known."""
        return self._encoder is not None and not self._stopping and self._workers.healthy

    def health(self) -> str | None:
        """None if texts are embedded, otherwise why not; blocks while a failing model is tried.

        A model that failed at everything is tried again here, so that a server to which nobody
        sends requests any more, since it is ill, can get well.
        """
        if self._stopping:
            return "The server is stopping."
        if self._encoder is None:
            return self._error or "The model is being loaded."
        if not self._workers.healthy:
            with self._probe_lock:
                if time.monotonic() - self._probed >= _PROBE_SECONDS:
                    self._workers.try_harmless()
                    self._probed = time.monotonic()
            if not self._workers.healthy:
                return "The model fails at every text."
        return None

    async def embed(self, texts: Sequence[str], *, as_queries: bool = False) -> Embedded:
        """Vectors of the texts of one request.

        Raises:
            NotReadyError: The model is not loaded, or the server is stopping.
            QueueFullError: Too much waits already.
            RequestTooLargeError: More texts or tokens than one request may have.
            InferenceError: The model failed.
        """
        encoder = self.encoder
        if self._stopping:
            raise NotReadyError("The server is stopping.")
        if len(texts) > self.settings.most_texts:
            raise self._too_large(f"{len(texts):,} texts", f"{self.settings.most_texts:,}")
        try:
            held = self._admission.reserve(sum(map(estimated_tokens, texts)))
        except QueueFullError:
            self.events.refused("queue_full")
            raise
        try:
            asked = partial(self._look_up, encoder, texts, as_queries)
            if sum(map(len, texts)) <= _INLINE_CHARACTERS and not self._cache.on_disk:
                prepared, keys, known = asked()
            else:
                loop = asyncio.get_running_loop()
                prepared, keys, known = await loop.run_in_executor(self._helpers, asked)
            tokens = sum(text.tokens for text in prepared)
            if tokens > self.settings.most_tokens:
                raise self._too_large(f"{tokens:,} tokens", f"{self.settings.most_tokens:,}")
            missing = {k: text for k, text in zip(keys, prepared, strict=True) if k not in known}
            self.events.looked_up(len(known), len(missing))
            held = self._admission.exchange(held, sum(t.tokens for t in missing.values()))
            if missing:
                rows = await self._run(list(missing.values()))
                new = dict(zip(missing, rows, strict=True))
                known.update(new)
                if self._cache.on_disk:
                    loop = asyncio.get_running_loop()
                    await loop.run_in_executor(self._helpers, self._cache.put, new)
                else:
                    self._cache.put(new)
        finally:
            self._admission.release(held)
        vectors = np.empty((len(keys), encoder.dim), np.float32)
        for row, key in enumerate(keys):
            vectors[row] = known[key]
        return Embedded(vectors, tokens, [i for i, text in enumerate(prepared) if text.cut])

    def _look_up(
        self, encoder: Encoder, texts: Sequence[str], as_queries: bool
    ) -> tuple[list[PreparedText], list[bytes], dict[bytes, NDArray[np.float32]]]:
        """Texts with their tokens, their keys, and the vectors that are known of these."""
        prepared = encoder.prepare(texts, as_queries=as_queries)
        keys = [text_key(text.text, text.prompt) for text in prepared]
        return prepared, keys, self._cache.get(list(dict.fromkeys(keys)))

    async def _run(self, texts: list[PreparedText]) -> list[NDArray[np.float32]]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def settle(error: InferenceError | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def finish(error: InferenceError | None) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, error)

        job = _Job(len(texts), finish)
        try:
            self._queue.put(Waiting(text, job, i) for i, text in enumerate(texts))
        except RuntimeError as error:
            raise NotReadyError("The server is stopping.") from error
        try:
            await done
        except asyncio.CancelledError:
            job.leave()
            self.events.left(self._queue.remove(lambda waiting: waiting.job is job))
            raise
        return [row for row in job.rows if row is not None]

    def _deliver(self, waiting: Waiting, result: NDArray[np.float32] | InferenceError) -> None:
        job = waiting.job
        assert isinstance(job, _Job)
        if job.deliver(waiting.position, result):
            self._queue.remove(lambda other: other.job is job)

    def _prepare(self) -> None:
        try:
            encoder = self._load()
            settings = self.settings
            count = encoder.streams if settings.batching else 1
            self._admission = Admission(encoder.batch_tokens, count, settings.queue_seconds)
            self._queue = FairQueue(encoder.batch_tokens, count, batching=settings.batching)
            self._cache = EmbeddingCache.opened(
                encoder.fingerprint,
                encoder.dim,
                settings.cache_bytes,
                self._cache_file,
                settings.disk_cache_bytes,
            )
            self._workers = Workers(
                encoder, self._queue, count, self._deliver, self._admission.ran, self.events
            )
            self._warm_up(encoder)
            self._workers.start()
            self._encoder = encoder
        except C2LLMError as error:
            self._error = str(error)
        except Exception as error:
            said = " ".join(str(error).split())[:200]
            self._error = f"The model cannot be loaded ({type(error).__name__}: {said})."

    def _warm_up(self, encoder: Encoder) -> None:
        """Run a full batch: the first one is slow, the second tells the speed."""
        words = " ".join([HARMLESS] * 30)
        text = encoder.prepare([words])[0]
        batch = [text] * max(1, encoder.batch_tokens // max(1, text.tokens))
        for first in (True, False):
            start = time.perf_counter()
            encoder.encode_prepared(batch)
            if not first:
                seconds = time.perf_counter() - start
                self._admission.ran(len(batch) * text.tokens, seconds)

    def _too_large(self, found: str, most: str) -> RequestTooLargeError:
        self.events.refused("too_large")
        return RequestTooLargeError(
            f"The request has {found}, and one request may have {most}; send it in parts."
        )
