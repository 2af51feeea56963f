"""What Prometheus reads at `/metrics`: one registry for each application."""

from __future__ import annotations

import time
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from c2llm.serving.http_guard import Application, Message, Receive, Scope, Send
from c2llm.serving.inference.embedder import Embedder

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_TOKENS = (16, 64, 256, 512, 1_024, 4_096, 16_384, 65_536)
_OTHER = "other"
"""The route of a request that no route answers: paths are a client's choice and without end."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """Counters of one application; listens to an embedder (`inference/events.py`)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        asked = ("method", "route", "status")
        of: Any = {"registry": self.registry}
        self.requests = Counter("c2llm_requests", "Requests answered", asked, **of)
        self.request_seconds = Histogram(
            "c2llm_request_seconds", "Whole requests", ("route",), buckets=_SECONDS, **of
        )
        self.running = Gauge("c2llm_requests_running", "Requests in the works", **of)
        self.refusals = Counter("c2llm_refused", "Requests not admitted", ("reason",), **of)
        self.stage_seconds = Histogram(
            "c2llm_stage_seconds", "Stages of embedding", ("stage",), buckets=_SECONDS, **of
        )
        self.texts = Counter("c2llm_embedded_texts", "Texts embedded", **of)
        self.tokens = Counter("c2llm_embedded_tokens", "Tokens embedded, without padding", **of)
        self.padded = Counter("c2llm_padded_tokens", "Tokens embedded, with padding", **of)
        self.batch_texts = Histogram("c2llm_batch_texts", "Texts of a batch", buckets=_TEXTS, **of)
        self.batch_tokens = Histogram(
            "c2llm_batch_tokens", "Padded tokens of a batch", buckets=_TOKENS, **of
        )
        self.failures = Counter("c2llm_failed_batches", "Batches that raised", **of)
        self.hung_up = Counter("c2llm_abandoned_texts", "Texts whose client hung up", **of)
        self.cache = Counter("c2llm_cache_lookups", "Texts looked up", ("result",), **of)

    def watch(self, embedder: Embedder) -> None:
        """Tell the state of an embedder's queue and cache too."""
        for name, text, read in (
            ("c2llm_queue_texts", "Texts that wait", lambda: embedder.queued),
            ("c2llm_queue_tokens", "Tokens of admitted requests", lambda: embedder.held_tokens),
            ("c2llm_cache_vectors", "Vectors in memory", lambda: embedder.cached),
            (
                "c2llm_tokens_per_second",
                "Speed as measured on the last batches",
                lambda: embedder.tokens_per_second or 0.0,
            ),
            ("c2llm_ready", "1 if texts are embedded", lambda: float(embedder.healthy)),
        ):
            Gauge(name, text, registry=self.registry).set_function(read)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)

    def looked_up(self, found: int, missed: int) -> None:
        """So many texts were asked for in the cache."""
        self.cache.labels("hit").inc(found)
        self.cache.labels("miss").inc(missed)

    def refused(self, reason: str) -> None:
        """A request was not admitted."""
        self.refusals.labels(reason).inc()

    def waited(self, seconds: float) -> None:
        """A text has left the queue after so long."""
        self.stage_seconds.labels("queue").observe(seconds)

    def ran(self, texts: int, tokens: int, padded: int, seconds: float) -> None:
        """A batch was embedded."""
        self.stage_seconds.labels("batch").observe(seconds)
        self.texts.inc(texts)
        self.tokens.inc(tokens)
        self.padded.inc(padded)
        self.batch_texts.observe(texts)
        self.batch_tokens.observe(padded)

    def failed(self, texts: int) -> None:
        """A batch of so many texts raised."""
        self.failures.inc()

    def left(self, texts: int) -> None:
        """A client hung up."""
        self.hung_up.inc(texts)


class RequestMetrics:
    """An application in front of another that counts its requests by route, not by path."""

    def __init__(self, application: Application, *, metrics: Metrics) -> None:
        self._application, self._metrics = application, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        status, counted = 500, False
        start = time.perf_counter()

        def count() -> None:
            nonlocal counted
            if not counted:
                counted = True
                route = getattr(scope.get("route"), "path", _OTHER)
                method = scope["method"] if scope["method"] in _METHODS else _OTHER
                self._metrics.requests.labels(method, route, str(status)).inc()
                self._metrics.request_seconds.labels(route).observe(time.perf_counter() - start)

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif not message.get("more_body", False):
                count()  # before the client has the answer, so that it can look
            await send(message)

        self._metrics.running.inc()
        try:
            await self._application(scope, receive, watched)
        finally:
            self._metrics.running.dec()
            count()
