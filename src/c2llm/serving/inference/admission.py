"""Which requests are taken: so many that none waits longer than a bounded time.

The bound is in seconds, since a table embeds in a second what a large model takes an hour for; the
speed is measured on what was embedded last. A request counts with its tokens, whether they are of
one text or of a thousand; but batches take turns among requests (`fair_queue.py`), so that of a
large request no more counts than its turn, and it does not keep the small ones out.
"""

from __future__ import annotations

import math
from threading import Lock

from c2llm.serving.inference.errors import QueueFullError

_BYTES_PER_TOKEN = 4
_TURNS = 4
"""Batches that a large request counts with."""
_LEAST_BATCHES = 8
"""There is room for so many batches a worker, however slow the model is."""
_NEWEST = 0.05
"""Weight of the last batch in the measured speed."""


def estimated_tokens(text: str) -> int:
    """About as many tokens as a text has, by its length, at once and before it is tokenized."""
    return 2 + len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN


class Admission:
    """Room for tokens; each request that is admitted holds some until it is answered.

    Args:
        batch_tokens: Padded tokens of a batch.
        workers: Batches that run side by side.
        seconds: How long a request may have to wait.
    """

    def __init__(self, batch_tokens: int, workers: int, seconds: float) -> None:
        self._turn = _TURNS * batch_tokens
        self._least = _LEAST_BATCHES * batch_tokens * workers
        self._workers, self._seconds = workers, seconds
        self._lock = Lock()
        self._held = 0
        self._tokens_per_second: float | None = None

    @property
    def held(self) -> int:
        """Tokens that requests hold now."""
        return self._held

    @property
    def capacity(self) -> int:
        """Tokens that requests may hold together."""
        speed = self._tokens_per_second or 0.0
        return max(self._least, int(speed * self._seconds))

    @property
    def tokens_per_second(self) -> float | None:
        """Of all workers together, as measured; None before the first batch."""
        return self._tokens_per_second

    def weight(self, tokens: int) -> int:
        """The tokens that a request of so many counts with."""
        return min(max(1, tokens), self._turn)

    def reserve(self, tokens: int) -> int:
        """Admit a request of so many tokens; returns what it holds, to be given to `release`.

        Raises:
            QueueFullError: What waits already fills the queue.
        """
        weight = self.weight(tokens)
        with self._lock:
            if self._held and self._held + weight > self.capacity:
                raise QueueFullError(
                    f"The queue is full ({self._held:,} of {self.capacity:,} tokens); try again "
                    "after the seconds that Retry-After says.",
                    self._drain_seconds(),
                )
            self._held += weight
        return weight

    def exchange(self, held: int, tokens: int) -> int:
        """Hold what the true number of tokens weighs, in place of an estimate's."""
        weight = self.weight(tokens)
        with self._lock:
            self._held += weight - held
        return weight

    def release(self, held: int) -> None:
        """Make room."""
        with self._lock:
            self._held -= held

    def ran(self, tokens: int, seconds: float) -> None:
        """Learn the speed from a batch of one worker."""
        speed = self._workers * tokens / max(seconds, 1e-6)
        with self._lock:
            known = self._tokens_per_second
            self._tokens_per_second = (
                speed if known is None else (1 - _NEWEST) * known + _NEWEST * speed
            )

    def _drain_seconds(self) -> int:
        speed = self._tokens_per_second
        return 1 if not speed else max(1, math.ceil(self._held / 2 / speed))
