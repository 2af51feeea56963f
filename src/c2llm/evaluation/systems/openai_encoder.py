"""Any OpenAI-compatible embeddings endpoint behind our encoder protocol.

What comes back is not trusted: its size is bounded, every vector is checked for number, length and
finite values, and rows are put in the order that their `index` tells. Redirects are refused, so
that the key goes nowhere but to the host that was named.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from http.client import HTTPException, HTTPMessage
from ipaddress import ip_address
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.protocol import Progress
from c2llm.errors import ModelError, UsageError

KEY = "C2LLM_EMBEDDINGS_KEY"
"""Environment variable of the key for any endpoint."""
OPENAI_KEY = "OPENAI_API_KEY"
"""Its fallback, for OpenAI's own host alone: it is no other host's business."""
_OPENAI_HOST = "api.openai.com"

# What common servers take at once: OpenAI 300,000 tokens, text-embeddings-inference 32 texts.
MAX_TEXTS = 32
MAX_CHARACTERS = 200_000
ATTEMPTS = 6
"""Tries of a request that fails for a reason that may pass: together about a minute of waiting."""
LONGEST_WAIT = 60.0
"""Seconds; a server that asks for more waits in vain."""
_TIMEOUT = 120.0
# 32 vectors of 8,192 numbers written out take 6 MB.
_MAX_RESPONSE = 64 * 2**20
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_TOO_LARGE = frozenset({400, 413, 422})


class OpenAIEncoder:
    """Vectors from `POST URL/embeddings`, with the model's own prompts, if it has any.

    Args:
        spec: `URL#MODEL`, such as `http://localhost:8080/v1#nomic-embed-code`.
        sleep: waits that many seconds between tries.

    Raises:
        UsageError: for a spec that is no such thing, or a key that would travel unencrypted.
    """

    def __init__(self, spec: str, sleep: Callable[[float], None] = time.sleep) -> None:
        url, _, model = spec.partition("#")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not model:
            raise UsageError(
                f"{spec!r} is no endpoint; give openai:URL#MODEL, such as "
                "openai:http://localhost:8080/v1#nomic-embed-code."
            )
        if parts.username or parts.password or parts.query:
            raise UsageError(f"Put the key into {KEY}, not into the address of the endpoint.")
        self._key = os.environ.get(KEY, "")
        if not self._key and parts.hostname == _OPENAI_HOST:
            self._key = os.environ.get(OPENAI_KEY, "")
        if self._key and parts.scheme == "http" and not _is_this_machine(parts.hostname):
            raise UsageError(f"The key would travel unencrypted to {parts.hostname}; use https.")
        base = url.rstrip("/")
        self._url = base if base.endswith("/embeddings") else f"{base}/embeddings"
        self._model = model
        self._sleep = sleep
        self._width = 0

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model

    @property
    def fingerprint(self) -> str:
        """Hash of address and model; what the server has behind them cannot be known."""
        return "api-" + hashlib.sha256(f"{self._url}#{self._model}".encode()).hexdigest()[:24]

    @cached_property
    def dim(self) -> int:
        """Length of a vector; asks the server if nothing has been asked yet."""
        if not self._width:
            self._embed(["dimension"])
        return self._width

    def encode_queries(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Vectors of queries, float32 (len(texts), dim), rows of unit length."""
        return self._encode(texts, progress)

    def encode_documents(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Vectors of documents, float32 (len(texts), dim), rows of unit length."""
        return self._encode(texts, progress)

    def _encode(self, texts: Sequence[str], progress: Progress | None) -> NDArray[np.float32]:
        parts: list[NDArray[np.float32]] = []
        for batch in batches(texts):
            parts.append(self._embed(batch))
            if progress is not None:
                progress(len(batch))
        return np.concatenate(parts) if parts else np.empty((0, self.dim), np.float32)

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of one request's texts; a batch that is refused as too large is halved."""
        # Servers refuse an empty text.
        body = {"model": self._model, "input": [text or " " for text in texts]}
        status, answer = self._ask(json.dumps(body).encode())
        if status in _TOO_LARGE and len(texts) > 1:
            half = len(texts) // 2
            return np.concatenate([self._embed(texts[:half]), self._embed(texts[half:])])
        if status != 200:
            raise ModelError(f"{self._url} answers {status} to {self._model}: {_said(answer)}")
        vectors = parse_embeddings(answer, len(texts), self._url)
        if self._width not in (0, vectors.shape[1]):
            raise ModelError(
                f"{self._url} gives vectors of {vectors.shape[1]} numbers after {self._width}."
            )
        self._width = vectors.shape[1]
        return vectors

    def _ask(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer, after as many tries as it takes."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        for attempt in range(1, ATTEMPTS + 1):
            request = Request(self._url, data=body, headers=headers, method="POST")
            told: str | None = None
            try:
                with _OPENER.open(request, timeout=_TIMEOUT) as response:
                    return response.status, _bounded(response, self._url)
            except HTTPError as error:
                with error:
                    if error.code not in _PASSING or attempt == ATTEMPTS:
                        return error.code, error.read(4096)
                    told = error.headers.get("Retry-After")
            except (URLError, OSError, HTTPException) as error:
                if attempt == ATTEMPTS or not _may_pass(error):
                    reason = getattr(error, "reason", error)
                    raise ModelError(
                        f"{self._url} does not answer ({reason}); is the server running?"
                    ) from error
            self._sleep(wait(attempt, told))
        raise AssertionError("every try returns or raises")


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Texts in order, in batches of at most `MAX_TEXTS` and `MAX_CHARACTERS` (or one text)."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (len(batch) == MAX_TEXTS or size + len(text) > MAX_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def wait(attempt: int, told: str | None) -> float:
    """Seconds before the next try: what the server asks for, else 1, 2, 4, ... with some chance.

    Args:
        attempt: tries so far.
        told: the header `Retry-After`; a date or nonsense counts as nothing.
    """
    try:
        asked = float(told) if told is not None else -1.0
    except ValueError:
        asked = -1.0
    if math.isfinite(asked) and asked >= 0:
        return min(asked, LONGEST_WAIT)
    return min(2.0 ** (attempt - 1) * random.uniform(0.8, 1.2), LONGEST_WAIT)


def parse_embeddings(answer: bytes, count: int, url: str) -> NDArray[np.float32]:
    """Unit vectors (count, dim) from the body of an answer, in the order of the texts.

    Raises:
        ModelError: for anything but `count` vectors of one length, of finite numbers, not all 0.
    """
    try:
        rows = json.loads(answer)["data"]
        numbered = sorted((_index(row, i), row["embedding"]) for i, row in enumerate(rows))
        if [i for i, _ in numbered] != list(range(count)):
            raise ValueError(f"{len(numbered)} vectors for {count} texts")
        if not all(isinstance(v, list) and all(map(_is_number, v)) for _, v in numbered):
            raise ValueError("an embedding is no list of numbers")
        vectors = np.array([vector for _, vector in numbered], dtype=np.float64)
    except (
        AttributeError,
        KeyError,
        OverflowError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise ModelError(
            f"{url} does not answer as an embeddings endpoint does ({str(error)[:120]})."
        ) from error
    if vectors.ndim != 2 or not vectors.shape[1] or not np.isfinite(vectors).all():
        raise ModelError(f"{url} gives vectors that are empty or not finite.")
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    if not largest.all():
        raise ModelError(f"{url} gives a vector of zeros, which has no direction.")
    vectors = vectors / largest  # so that squares neither overflow nor vanish
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit


def _index(row: Any, position: int) -> int:
    index = row.get("index", position)
    if not isinstance(index, int) or isinstance(index, bool):
        raise ValueError("an index is no number")
    return index


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bounded(response: Any, url: str) -> bytes:
    content: bytes = response.read(_MAX_RESPONSE + 1)
    if len(content) > _MAX_RESPONSE:
        raise ModelError(f"{url} answers with more than {_MAX_RESPONSE // 2**20} MiB.")
    return content


def _said(answer: bytes) -> str:
    """The message in an error's body, or its first words; never more than a line."""
    text = answer.decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        text = error if isinstance(error, str) else str(error["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        pass  # the words themselves, then
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words[:200] or "nothing more."


def _may_pass(error: BaseException) -> bool:
    """Whether another try may help: not where the name or the certificate is wrong."""
    import socket
    import ssl

    reason = getattr(error, "reason", error)
    return not isinstance(reason, ssl.SSLCertVerificationError | socket.gaierror)


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


_OPENER = build_opener(_NoRedirect())
