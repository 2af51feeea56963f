"""Keep an index warm: refresh it whenever the tree changes, until told to stop.

The operating system says that something has changed; what has is found by comparing the tree with
the index, as every search does, so that ignore files, branch switches and missed events need no
care of their own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from c2llm.codebase.files.exclusions import directory_reason
from c2llm.errors import C2LLMError
from c2llm.index.store.lock import holding

if TYPE_CHECKING:
    from c2llm.index.build.indexed_tree import IndexedTree

_LONGEST_WAIT_MS = 1_000
"""How long a change of the tree that the system did not tell us of stays unseen at the start."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """One refresh that found something to do."""

    changed: tuple[str, ...]
    """Paths of the files that were read anew."""
    removed: tuple[str, ...]
    seconds: float


def watch(
    index: IndexedTree, stop: Event, *, debounce_ms: int = 300, poll: bool = False
) -> Iterator[Refreshed | None]:
    """Refresh the index after each burst of changes; None is given once, when all is set up.

    Args:
        index: An open index.
        stop: Set by another thread or a signal handler to end the watch.
        debounce_ms: Changes that follow each other within this time are one burst.
        poll: Look at the tree every so often, where the system tells nothing (network disks).

    Raises:
        C2LLMError: Another process watches the index, or the system's limit of watches is reached.
    """
    import watchfiles

    root = index.root
    with ExitStack() as opened:
        if not opened.enter_context(holding(index.file, "watching", 0.0)):
            raise C2LLMError(f"Another process watches {root} already.")
        ready = False
        try:
            for changes in watchfiles.watch(
                root,
                watch_filter=lambda _change, path: _matters(root, path),
                debounce=debounce_ms,
                step=min(50, debounce_ms),
                stop_event=stop,
                rust_timeout=_LONGEST_WAIT_MS,
                yield_on_timeout=True,
                force_polling=poll,
            ):
                if changes or not ready:  # the first time, for what changed before we looked
                    yield from _refresh(index)
                if not ready:
                    ready = True
                    yield None
        except OSError as error:
            raise C2LLMError(
                f"{root} cannot be watched ({error}); raise the system's limit of watches "
                "(fs.inotify.max_user_watches on Linux), or use --poll."
            ) from error


def _refresh(index: IndexedTree) -> Iterator[Refreshed]:
    started = time.perf_counter()
    report = index.refresh()
    if report.redone:
        yield Refreshed(report.changed, report.removed, time.perf_counter() - started)


def _matters(root: Path, path: str) -> bool:
    """Whether a path may be in the index; spares a refresh for each object that git writes."""
    try:
        parts = Path(path).relative_to(root).parts
    except ValueError:
        return True
    return not any(directory_reason(part, ()) for part in parts[:-1]) and parts[-1:] != (".git",)
