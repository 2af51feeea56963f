"""A server that a client has started ends with it, however the client ends.

The end of standard input is the usual sign. It does not come while another process has inherited
the other end of the pipe, so that the parent is watched as well. That is not left to the kernel
(`PR_SET_PDEATHSIG`): its signal comes when the thread that started us ends, which in many hosts is
one of a pool.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from threading import Thread

_POLL_SECONDS = 1.0


def end_with_parent(
    end: Callable[[], None],
    *,
    parent: Callable[[], int] = os.getppid,
    seconds: float = _POLL_SECONDS,
) -> None:
    """Call `end`, in a thread, once the process that started this one is gone.

    Nothing happens where that cannot be told: on Windows, and for a child of the first process of
    a system or container, to which orphans are given too.
    """
    first = parent()
    if sys.platform == "win32" or first <= 1:
        return

    def watch() -> None:
        while parent() == first:
            time.sleep(seconds)
        end()

    Thread(target=watch, name="c2llm-parent", daemon=True).start()
