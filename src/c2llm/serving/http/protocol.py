"""HTTP/1.1 as uvicorn speaks it, with bounds that it does not have.

- Requests are begun some at a time. All that has arrived is read in one turn of the event loop; a
  thousand requests at once, most of them to be refused, would have one that is at work wait for
  them all at each of its steps.
- A connection too many is answered 429, for little, and closed.
- The head of a request has to come: uvicorn waits for it as long as it takes, and many of those
  would leave no room for others.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_BEGUN_A_TURN = 16
"""Requests that are begun in one turn of the event loop, about ten milliseconds."""
_REFUSED_AT_ONCE = 8
"""So many times the connections that may be open are told that they are too many."""
_REFUSAL_SECONDS = 2.0
"""In which one that is refused has to ask, and to hang up when it has its answer."""


class Intake:
    """Gives the requests that have arrived their turns, in the order of their arrival."""

    def __init__(self, most: int = _BEGUN_A_TURN) -> None:
        self._most = most
        self._begun = 0
        self._waiting: deque[tuple[BoundedProtocol, bytes]] = deque()
        self._running = False

    def take(self, protocol: BoundedProtocol, data: bytes) -> bool:
        """Whether a request may be begun now; if not, it is given to its connection later."""
        if not self._running:
            self._running = True
            protocol.loop.call_soon(self._next_turn, protocol.loop)
        if self._begun < self._most and not self._waiting:
            self._begun += 1
            return True
        self._waiting.append((protocol, data))
        return False

    def _next_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self._begun = 0
        if not self._waiting:
            self._running = False
            return
        loop.call_soon(self._next_turn, loop)  # before anything of a request can raise
        while self._waiting and self._begun < self._most:
            self._begun += 1
            protocol, data = self._waiting.popleft()
            protocol.begin(data)


class BoundedProtocol(H11Protocol):
    """One connection; `bounded_protocol` makes its class for a server."""

    intake: Intake
    most_connections: int
    head_seconds: float
    _timer: asyncio.TimerHandle | None = None
    _waits = False
    _refused = False

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        super().connection_made(transport)
        over = len(self.connections) - self.most_connections
        if over > _REFUSED_AT_ONCE * self.most_connections:
            transport.abort()
        elif over > 0:
            self._refused = True
            self._expect(_REFUSAL_SECONDS)
        else:
            self._expect(self.head_seconds)

    def data_received(self, data: bytes) -> None:
        """A client has sent something."""
        if self._refused:
            self._refuse()
            return
        if self.conn.their_state is h11.IDLE and not self._waits:
            if self._timer is None:
                self._expect(self.head_seconds)
            if not self.intake.take(self, data):
                self._waits = True
                self.flow.pause_reading()
                return
        self._read(data)

    def begin(self, data: bytes) -> None:
        """Read what has waited for its turn."""
        self._waits = False
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self._read(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._expect_nothing()
        super().connection_lost(exc)

    def _read(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._expect_nothing()

    def _refuse(self) -> None:
        """Say that there are too many connections, without reading what is asked.

        The client closes: closed here while it still sends, its answer would be lost.
        """
        if not self.transport.is_closing() and self.transport.can_write_eof():
            self.transport.write(_TOO_MANY)
            self.transport.write_eof()
            self.data_received = _ignored  # type: ignore[method-assign]

    def _expect(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._too_slow)

    def _expect_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()


def bounded_protocol(connections: int, head_seconds: float) -> type[asyncio.Protocol]:
    """The protocol of one server.

    Args:
        connections: Open at most and answered.
        head_seconds: In which the head of a request has to be here.
    """

    class Bounded(BoundedProtocol):
        pass

    Bounded.intake = Intake()
    Bounded.most_connections = connections
    Bounded.head_seconds = head_seconds
    return Bounded


def _ignored(data: bytes) -> None:
    """What comes after a refusal is let go."""


def _refusal() -> bytes:
    message = "Too many connections are open; try again in a second."
    error = {"message": message, "code": "too_many", "type": "invalid_request_error"}
    body = json.dumps({"error": error}, separators=(",", ":")).encode()
    head = (
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
        f"connection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


_TOO_MANY = _refusal()
