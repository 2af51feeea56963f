"""How many requests of texts are worked on at once; more are refused before they are read.

Rejecting must cost little, or an overloaded server does nothing else. What a body may weigh and how
long it may take is the business of what stands in front of the application.

Tokens are admitted by the time that the model needs for them (`serving/inference/admission.py`);
here it is the time that HTTP needs. With a small model that is all there is to wait for, and a
number that is right for one machine is a queue of seconds for another: so it follows what was
answered in a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from c2llm.serving.http.errors import error_response
from c2llm.serving.http_guard import Application, Message, Receive, Scope, Send

INFERENCE_PATHS = frozenset({"/v1/embeddings", "/v1/rerank", "/rerank"})
"""Routes that embed what clients send."""

_SECONDS = 0.25
"""In which what is at work should be answered, as fast as it was answered last."""
_LEAST = 64
"""Requests for which there is room, however slow the server is."""
_WINDOW_SECONDS = 0.5
"""Over which answers are counted."""


class Room:
    """How many requests may be at work: `most` after a rest, else by what was answered last.

    Args:
        most: Requests, however fast the server is.
        clock: Seconds that only grow.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._least, self._clock = most, min(_LEAST, most), clock
        self._since, self._answered, self._now = clock(), 0, most

    @property
    def now(self) -> int:
        """So many."""
        rested = self._clock() - self._since > 4 * _WINDOW_SECONDS
        return self._most if rested else self._now

    def answered(self) -> None:
        """A request was answered."""
        self._answered += 1
        passed = self._clock() - self._since
        if passed < _WINDOW_SECONDS:
            return
        wanted = int(self._answered / passed * _SECONDS)
        self._now = min(self._most, max(self._least, wanted))
        self._since, self._answered = self._clock(), 0


class InferenceLimit:
    """An application in front of another, as ASGI has it.

    Bodies are read whole here, so that what is raised over one (too large, too slow) is answered as
    what it is: FastAPI would answer it as a body that cannot be parsed.

    Args:
        application: The other.
        most: Requests of texts at once, at most; see `Room`.
        refused: Called with the reason for each that is refused.
    """

    def __init__(
        self, application: Application, *, most: int, refused: Callable[[str], None]
    ) -> None:
        self._application, self._room, self._refused = application, Room(most), refused
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        counted = (
            scope["type"] == "http"
            and scope["method"] == "POST"
            and scope["path"] in INFERENCE_PATHS
        )
        if not counted:
            await self._application(scope, receive, send)
            return
        if self._running >= self._room.now:
            self._refused("too_many")
            message = f"{self._running} requests are being answered; try again in a second."
            answer = error_response(429, "queue_full", message, {"retry-after": "1"})
            await answer(scope, receive, send)
            return
        self._running += 1
        try:
            read = await _read_ahead(receive)
            if read is not None:
                await self._application(scope, read, send)
        finally:
            self._running -= 1
            self._room.answered()


async def _read_ahead(receive: Receive) -> Receive | None:
    """The body, as one message, and after it what else comes; None if the client hung up."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def next_message() -> Message:
        return whole.pop() if whole else await receive()

    return next_message
