"""One process at a time does a job on an index; a lock dies with its holder, however it dies.

There are three jobs. Refreshing (files and their words, some seconds at most) is waited for by
searches. Reading the rest of a large tree in the background is waited for by nobody, and may go on
beside a refresh. Embedding with a large model (minutes) is waited for by nobody but another one of
its kind: a process in the background makes way when `index --complete` wants to do it itself.

Some disks know no such locks (NFS, Lustre and FUSE as they may be mounted), and where nothing can
be written no lock file can be opened. Then nobody is held off, and nothing breaks: every write is
one SQLite transaction, under SQLite's own locks, that reads what it replaces, so two processes do
the same work twice and the later one's stays; a file that it read too early differs from the tree
and is read again by the next comparison. One thing is held together by a lock alone: that nobody
opens an index in the moment in which another one removes it (`replacing`).

Lock files stay where they are. If one is removed all the same, whoever waits for it sees that and
takes the new one.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from c2llm.errors import C2LLMError, IndexWriteError
from c2llm.file_lock import try_lock, try_record_lock

Job = Literal["refreshing", "reading", "embedding", "wanted", "watching", "using", "replacing"]
_SUFFIXES: dict[Job, str] = {
    "refreshing": ".lock",
    "reading": ".reading.lock",
    "embedding": ".embedding.lock",
    "wanted": ".wanted.lock",
    "watching": ".watching.lock",
    "using": ".using.lock",
}
LOCK_SUFFIX = ".lock"
"""How the names of all lock files end."""

_POLL_SECONDS = 0.02
_FLAGS = 0
for _name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):  # as far as the system has them
    _FLAGS |= getattr(os, _name, 0)
_REPLACED_SECONDS = 10.0


@contextmanager
def holding(
    path: Path, job: Job, wait_seconds: float | None, *, shared: bool = False
) -> Iterator[bool]:
    """Hold the lock of a job on the index file `path` during the block; False when another has it.

    True as well where there can be no lock.

    Args:
        path: The index file; the lock is a file beside it.
        job: What is about to be done.
        wait_seconds: How long to wait for the lock, None for as long as it takes.
        shared: Others may hold it too, if they share it as well.

    Raises:
        C2LLMError: A link stands in the place of the lock file.
    """
    lock = Lock(path, job, shared=shared)
    try:
        yield lock.take(wait_seconds)
    finally:
        lock.release()


class Lock:
    """A lock that is held until it is released; see `holding`, which is what most want."""

    def __init__(self, path: Path, job: Job, *, shared: bool = False) -> None:
        self._file = _lock_file(path, job)
        self._shared = shared
        self._descriptor: int | None = None
        self.is_real = True
        """The disk was not found to be without such locks."""

    @property
    def is_held(self) -> bool:
        """It is taken, on a disk that has such locks: everybody else is kept off."""
        return self._descriptor is not None and self.is_real

    def take(self, wait_seconds: float | None) -> bool:
        """Hold it, waiting so long for who has it; False when that was not long enough."""
        deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
        while True:
            if self._descriptor is None:
                self._descriptor = _opened(self._file)
            if self._descriptor is None:
                return True
            if self._try():
                if not self.is_real or _is(self._file, self._descriptor):
                    return True
                self.release()  # somebody has removed it: what we hold is seen by nobody
                continue
            if deadline is not None and time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)

    def _try(self) -> bool:
        """Take the lock; False when another process has it, True where there are no locks."""
        if self._descriptor is None:
            return True
        try:
            taken = try_lock(self._descriptor, shared=self._shared)
        except OSError:
            self.is_real = False
            return True
        self.is_real = True
        return taken

    def require_record_locks(self) -> None:
        """See that the disk has the locks of parts of a file, which are SQLite's.

        Raises:
            IndexWriteError: It has not.
        """
        if self._descriptor is None:
            return
        try:
            try_record_lock(self._descriptor)
        except OSError as error:
            raise IndexWriteError(
                f"The disk that holds {self._file.parent} has no file locks "
                f"({error.strerror}); set C2LLM_HOME to a folder on another one."
            ) from error

    def release(self) -> None:
        """Let go of it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


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


@contextmanager
def opening(path: Path) -> Iterator[bool]:
    """While a database is opened nobody removes one in this folder; any number open at once.

    Gives whether the disk has locks of whole files. One that has none is shared between machines
    as a rule, and SQLite's shared memory (its WAL mode) is not.

    Raises:
        IndexWriteError: It has no locks at all, not even those that SQLite needs.
    """
    lock = Lock(path, "replacing", shared=True)
    try:
        lock.take(_REPLACED_SECONDS)
        if not lock.is_real:
            lock.require_record_locks()
        yield lock.is_real
    finally:
        lock.release()


@contextmanager
def replacing(path: Path) -> Iterator[None]:
    """While a database and what belongs to it are removed nobody opens one in this folder.

    Else SQLite could take the write-ahead log of the one for that of another one of its name.
    """
    with holding(path, "replacing", _REPLACED_SECONDS):
        yield


def is_held(path: Path, job: Job) -> bool:
    """Whether some process does the job at this moment."""
    if not _lock_file(path, job).exists():
        return False
    with holding(path, job, 0.0, shared=True) as free:
        return not free


def _lock_file(path: Path, job: Job) -> Path:
    if job == "replacing":
        return path.with_name(job + LOCK_SUFFIX)
    return path.with_name(path.name + _SUFFIXES[job])


def _opened(file: Path) -> int | None:
    """The lock file, made if there is none; None where it cannot be opened."""
    if file.is_symlink():
        raise _link(file)
    descriptor = None
    for access in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):  # a lock needs no right to write
        try:
            descriptor = os.open(file, access | _FLAGS, 0o600)
            break
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _link(file) from error
    if descriptor is not None and hasattr(os, "fchmod"):
        with suppress(OSError):
            if os.fstat(descriptor).st_mode & 0o777 != 0o600:
                os.fchmod(descriptor, 0o600)
    return descriptor


def _link(file: Path) -> C2LLMError:
    return C2LLMError(f"{file} is a link, and indexes are not kept behind one; remove it.")


def _is(file: Path, descriptor: int) -> bool:
    """Whether this is still the file of that name."""
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except OSError:
        return False
