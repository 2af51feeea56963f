"""`c2llm drift --watch`: compare again whenever a file changes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

from c2llm.cli.output import note
from c2llm.errors import C2LLMError

_DEBOUNCE_MS = 300


def watch_trees(roots: Sequence[Path], compare: Callable[[], object]) -> None:
    """Compare at once and after each burst of changes below some folders, until Ctrl-C.

    Args:
        roots: The folders.
        compare: Compares and tells.

    Raises:
        C2LLMError: The system does not let them be watched.
    """
    from c2llm.index.build.watching import bursts

    stop = Event()
    for name in (signal.SIGINT, signal.SIGTERM):  # a comparison in progress is finished
        signal.signal(name, lambda number, frame: stop.set())
    try:
        for changed in bursts(roots, stop, _DEBOUNCE_MS):
            if changed:
                compare()
                sys.stdout.flush()
                note("Watching; Ctrl-C ends it.")
    except OSError as error:
        raise C2LLMError(f"{roots[0]} cannot be watched ({error.strerror}).") from error
