"""A limit of processor time for one input, and of memory for a process of many."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class TookTooLongError(BaseException):
    """An input took more of the processor than it may; no reader catches this."""


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise `TookTooLongError` in what takes longer; only in a main thread, elsewhere no limit."""
    try:
        before = signal.signal(signal.SIGPROF, _stop)
    except (ValueError, AttributeError):  # another thread; a system without such timers
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _stop(number: int, frame: object) -> None:
    raise TookTooLongError


def limit_memory(gigabytes: float) -> None:
    """Let an allocation fail, as a `MemoryError`, before the machine swaps."""
    if sys.platform != "win32":
        import resource

        size = int(gigabytes * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
