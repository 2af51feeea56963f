"""Texts that wait, and which of them make the next batch.

Batches take turns among requests (start-time fair queueing, Goyal et al. 1996): a text is due at
the time its request came plus the tokens that go before it in that request, time being counted in
tokens that were served. A question waits for one batch of an upload of a thousand files, not for
the upload. The text that is due first opens a batch; those whose length is nearest to its own join
until the batch, padded, is full. So every text is served in its time, and little is padding.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Condition

from c2llm.encoding.batches import shared_budget
from c2llm.encoding.tokens import PreparedText

_LOOKED_AT = 1_024
"""Texts, of those that are due first, among which a batch is put together."""
_SHORTEST = 0.5
"""No text joins a batch of which it would be padded by more than this part."""


@dataclass(eq=False, slots=True)
class Waiting:
    """A text that waits for its vector."""

    text: PreparedText
    job: object
    """The request it is of; its texts leave together."""
    position: int
    """Its place in the request."""
    due: int = 0
    since: float = field(default_factory=time.monotonic)

    @property
    def tokens(self) -> int:
        """What it counts with in a batch."""
        return max(1, self.text.tokens)

    @property
    def alone(self) -> bool:
        """Whether it is read in windows and shares no batch."""
        return self.text.ids is None


class FairQueue:
    """Texts of all requests; any thread may put and take.

    Args:
        budget: Padded tokens of a batch; a longer text goes alone.
        workers: Who take batches side by side: few texts are shared among them.
        batching: Off, every text goes alone.
    """

    def __init__(self, budget: int, workers: int = 1, *, batching: bool = True) -> None:
        self._budget, self._workers, self._batching = budget, workers, batching
        self._changed = Condition()
        self._waiting: set[Waiting] = set()
        self._served = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, texts: Iterable[Waiting]) -> None:
        """Add the texts of one request, in the order in which they are wanted.

        Raises:
            RuntimeError: The queue is closed.
        """
        with self._changed:
            if self._closed:
                raise RuntimeError("The queue is closed.")
            due = self._served
            for text in texts:
                text.due = due
                due += text.tokens
                self._waiting.add(text)
            self._changed.notify_all()

    def take(self) -> list[Waiting]:
        """The next batch, waiting for one; empty when the queue is closed and has run out."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            batch = self._next_batch() if self._waiting else []
            self._waiting.difference_update(batch)
            return batch

    def remove(self, leaves: Callable[[Waiting], bool]) -> int:
        """Take texts out that nobody waits for any more; how many there were."""
        with self._changed:
            gone = {text for text in self._waiting if leaves(text)}
            self._waiting -= gone
            return len(gone)

    def close(self) -> None:
        """Take no more; what waits is still served."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next_batch(self) -> list[Waiting]:
        first = heapq.nsmallest(_LOOKED_AT, self._waiting, key=lambda t: (t.due, t.since))
        opener = first[0]
        self._served = max(self._served, opener.due)
        if opener.alone or not self._batching:
            return [opener]
        together = [text for text in first if not text.alone]
        total = sum(text.tokens for text in together)
        budget = shared_budget(total, self._budget, self._workers)
        together.sort(key=lambda text: (abs(text.tokens - opener.tokens), text.due))
        batch: list[Waiting] = []
        longest = shortest = opener.tokens
        for text in together:
            high, low = max(longest, text.tokens), min(shortest, text.tokens)
            if batch and ((len(batch) + 1) * high > budget or low < _SHORTEST * high):
                break
            batch.append(text)
            longest, shortest = high, low
        return batch
