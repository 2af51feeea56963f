"""Work for a client that may hang up: then it is cancelled, for nobody reads the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from fastapi import Request

from c2llm.serving.http.errors import ApiError

Answer = TypeVar("Answer")

CLIENT_CLOSED_REQUEST = 499
"""As nginx logs it; nobody is there to read it."""


async def while_connected(request: Request, work: Coroutine[None, None, Answer]) -> Answer:
    """What the work returns or raises; cancelled when the client hangs up.

    Raises:
        ApiError: The client hung up.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ApiError(CLIENT_CLOSED_REQUEST, "client_gone", "The client hung up.")
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    """Return when the client hangs up; the body has been read before."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return
