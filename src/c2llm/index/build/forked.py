"""A process made by fork: it starts at once, with everything imported that its maker has.

A new interpreter takes a tenth of a second of processor time before it does anything, which is felt
where the whole answer takes less than one. Forking is safe while a process has one thread: no lock
can be held in the middle. A command is such a process until it loads its models; a library in
somebody's server seldom is, and gets new interpreters.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, NoReturn

Service = Callable[[IO[bytes], IO[bytes]], None]
"""Reads requests from the first stream and writes answers to the second one until that ends."""


def may_fork() -> bool:
    """Whether this process has one thread, counting those of libraries."""
    if sys.platform != "linux":
        return False
    try:
        return len(list(Path("/proc/self/task").iterdir())) == 1
    except OSError:
        return False


class Forked:
    """The part of `subprocess.Popen` that is used here, for a function instead of a command."""

    def __init__(self, service: Service) -> None:
        requests, asking = os.pipe()
        answering, answers = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _be_the_child(service, requests, answers)
        os.close(requests)
        os.close(answers)
        self.stdin: IO[bytes] = os.fdopen(asking, "wb")
        self.stdout: IO[bytes] = os.fdopen(answering, "rb")
        self._code: int | None = None

    def poll(self) -> int | None:
        """The status that it ended with, None while it runs."""
        return self._wait(os.WNOHANG)

    def wait(self) -> int:
        """Wait for its end."""
        return self._wait(0) or 0

    def kill(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def _wait(self, options: int) -> int | None:
        if self._code is None:
            try:
                pid, status = os.waitpid(self._pid, options)
            except ChildProcessError:  # whoever ignores SIGCHLD is not told
                pid, status = self._pid, 0
            if pid:
                self._code = status
        return self._code


def _be_the_child(service: Service, requests: int, answers: int) -> NoReturn:
    """Serve and exit: nothing of what the parent has open, or would do at its end, is touched."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks decides when to end
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        # Locks of the parent are held by its open files, and a pipe to a sister must end with us.
        for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
            if number > 2 and number not in (requests, answers):
                with suppress(OSError):
                    os.close(number)
        with os.fdopen(requests, "rb") as asked, os.fdopen(answers, "wb") as answered:
            service(asked, answered)
        code = 0
    finally:
        os._exit(code)
