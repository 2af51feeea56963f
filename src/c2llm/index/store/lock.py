"""One process at a time does a job on an index; a lock dies with its holder, however it dies.

There are two jobs. Refreshing (files and their words, some seconds at most) is waited for by
searches. Embedding with a large model (minutes) is waited for by nobody but another one of its
kind: a process in the background makes way when `index --complete` wants to do it itself.

Without locks nothing breaks, since each write is a transaction that stands alone: two processes
would only do the same work twice.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

from c2llm.index.store.schema import explained

Job = Literal["refreshing", "embedding", "wanted", "watching"]
_SUFFIXES: dict[Job, str] = {
    "refreshing": ".lock",
    "embedding": ".embedding.lock",
    "wanted": ".wanted.lock",
    "watching": ".watching.lock",
}

_POLL_SECONDS = 0.02


@contextmanager
def holding(path: Path, job: Job, wait_seconds: float | None) -> Iterator[bool]:
    """Hold the lock of a job on the index file `path` during the block; False when another has it.

    Args:
        path: The index file; the lock is a file beside it.
        job: What is about to be done.
        wait_seconds: How long to wait for the lock, None for as long as it takes.
    """
    if sys.platform == "win32":
        yield True
        return
    deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
    with _opened(path, job) as stream:
        held = _try_lock(stream)
        while not held and (deadline is None or time.monotonic() < deadline):
            time.sleep(_POLL_SECONDS)
            held = _try_lock(stream)
        yield held


@contextmanager
def refreshing(path: Path, wait_seconds: float | None) -> Iterator[bool]:
    """`holding` for the job that searches wait for."""
    with holding(path, "refreshing", wait_seconds) as held:
        yield held


@contextmanager
def embedding(path: Path, *, give_way: bool) -> Iterator[bool]:
    """Hold the lock of the long job.

    Args:
        path: The index file.
        give_way: Do not wait for the lock, as in the background; else whoever has it in the
            background is asked to let go.
    """
    if give_way:
        with holding(path, "embedding", 0.0) as held:
            yield held
        return
    with holding(path, "embedding", 0.0) as held:
        if held:
            yield True
            return
    # Others that want it wait as well, each seen by the one in the background if it holds this.
    with holding(path, "wanted", 0.0), holding(path, "embedding", None) as held:
        yield held


def is_held(path: Path, job: Job) -> bool:
    """Whether some process does the job at this moment."""
    if sys.platform == "win32" or not _lock_file(path, job).exists():
        return False
    with holding(path, job, 0.0) as free:
        return not free


def _lock_file(path: Path, job: Job) -> Path:
    return path.with_name(path.name + _SUFFIXES[job])


def _opened(path: Path, job: Job) -> IO[str]:
    with explained(path):
        return _lock_file(path, job).open("a")


def _try_lock(stream: IO[str]) -> bool:
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
