"""The server as a process: its socket, its limits in time, and how it ends."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from c2llm.serving.http.protocol import bounded_protocol
from c2llm.serving.listener import WAITING_FOR_ACCEPT

_HEAD_SECONDS = 10.0
"""In which the head of a request has to be here, from the first moment of its connection."""
_IDLE_SECONDS = 30
"""After which a connection is closed on which nothing is asked."""
_TAKEN_A_TURN = 4
"""Connections that are taken in one turn of the event loop, so that it stays short."""


def run(
    app: FastAPI,
    listener: socket.socket,
    *,
    connections: int,
    grace_seconds: float,
    at_end: Callable[[], None] = lambda: None,
) -> None:
    """Serve until the process is told to end.

    The first SIGTERM or SIGINT ends it when what is at work has been answered, or after
    `grace_seconds`; a second Ctrl-C ends it at once. SIGHUP does so where the server was started
    in a terminal, which was closed then; elsewhere there is nothing to read anew, and it goes on.

    Args:
        app: What answers.
        listener: A socket that listens.
        connections: Open at most; more are answered 429 and closed.
        grace_seconds: How long what is at work may go on.
        at_end: Called when nothing is taken any more.
    """
    server = server_of(app, connections=connections, grace_seconds=grace_seconds)

    def again(number: int, frame: FrameType | None) -> None:
        """The end was asked for before anything was served, or once more after it was."""

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, again)  # uvicorn raises what it was sent once more when it has ended
    _outlive_hangups(server)
    try:
        server.run(sockets=[listener])
    finally:
        at_end()


def _outlive_hangups(server: uvicorn.Server) -> None:
    """Have SIGHUP, which would kill it, end a server in good order or not at all."""
    hangup = getattr(signal, "SIGHUP", None)  # not on Windows
    if hangup is None or signal.getsignal(hangup) is not signal.SIG_DFL:
        return  # as under nohup
    in_terminal = any(os.isatty(stream) for stream in (0, 1, 2))  # once closed it is none any more

    def hung_up(number: int, frame: FrameType | None) -> None:
        if in_terminal:
            server.handle_exit(signal.SIGTERM, frame)

    signal.signal(hangup, hung_up)


def server_of(
    app: FastAPI,
    *,
    connections: int,
    grace_seconds: float,
    head_seconds: float = _HEAD_SECONDS,
) -> uvicorn.Server:
    """A server that is not started yet; see `run`.

    Args:
        app: What answers.
        connections: Open at most.
        grace_seconds: How long what is at work may go on at the end.
        head_seconds: In which the head of a request has to be here.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=bounded_protocol(connections, head_seconds),
        ws="none",
        backlog=_TAKEN_A_TURN,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=max(1, round(grace_seconds)),
        h11_max_incomplete_event_size=64 * 1024,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin; asyncio takes one number for what is kept and for what is taken at once."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(WAITING_FOR_ACCEPT)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End; what is cut off then is told by the log of requests, not by tracebacks as well."""
        logging.getLogger("uvicorn.error").disabled = True
        await super().shutdown(sockets)
