"""One process at a time refreshes an index; the lock dies with its holder, however it dies."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from c2llm.index.database import explained

_POLL_SECONDS = 0.02


@contextmanager
def refreshing(path: Path, wait_seconds: float | None) -> Iterator[bool]:
    """Hold the lock of the index file `path` during the block; False when another process has it.

    Without the lock nothing breaks, since each write is a transaction that stands alone: two
    processes would only do the same work twice.

    Args:
        path: The index file; the lock is a file beside it.
        wait_seconds: How long to wait for the lock, None for as long as it takes.
    """
    if sys.platform == "win32":
        yield True
        return
    import fcntl

    deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
    with explained(path):
        stream = path.with_name(path.name + ".lock").open("a")
    with stream:
        held = False
        while not held:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held = True
            except OSError:
                if deadline is not None and time.monotonic() >= deadline:
                    break
                time.sleep(_POLL_SECONDS)
        yield held
