"""The threads that answer: a few at work, a few that wait, and nobody works for who has left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import Request

from c2llm.serving.http.errors import ApiError

Result = TypeVar("Result")

AT_WORK = 4
"""Searches at once: an index is asked by one at a time, and Python computes in one thread."""
MOST_WAITING = 32
"""The next one is told at once to come again."""


class Workers:
    """Runs work that blocks.

    Args:
        at_work: Threads.
        waiting: Requests that wait for one.
    """

    def __init__(self, at_work: int = AT_WORK, waiting: int = MOST_WAITING) -> None:
        self._threads = ThreadPoolExecutor(at_work, "c2llm-search")
        self._most = at_work + waiting
        self._taken = 0

    async def run(self, request: Request, work: Callable[[], Result]) -> Result:
        """The result of work in a thread.

        Work that waits is dropped when its client hangs up; what is begun goes on, since an index
        that was read is there for the next one, and its result is dropped.

        Raises:
            ApiError: Too many wait already (429), or the client has hung up (499).
        """
        if self._taken >= self._most:
            raise ApiError(
                429,
                "queue_full",
                "Too many searches wait already; ask again in a second.",
                {"Retry-After": "1"},
            )
        loop = asyncio.get_running_loop()
        self._taken += 1
        future = self._threads.submit(work)
        future.add_done_callback(lambda _: self._free(loop))
        done = asyncio.wrap_future(future)
        done.add_done_callback(_noticed)
        gone = asyncio.ensure_future(_hung_up(request))
        try:
            either: set[asyncio.Future[Any]] = {done, gone}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not done.done():
                future.cancel()
                raise ApiError(499, "hung_up", "The client has left.")
            return done.result()
        finally:
            gone.cancel()

    def close(self) -> None:
        """Begin nothing any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _free(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop is closed: the server ends
            loop.call_soon_threadsafe(self._count_down)

    def _count_down(self) -> None:
        self._taken -= 1


async def _hung_up(request: Request) -> None:
    """Return when the client has closed its connection; the body has been read by now."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _noticed(done: Future[Result] | asyncio.Future[Result]) -> None:
    """Look at a result that nobody waits for, lest asyncio complain on standard error."""
    if not done.cancelled():
        done.exception()
