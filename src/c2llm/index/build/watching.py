"""Keep an index warm: refresh it whenever the tree changes, until told to stop.

The operating system says that something has changed; what has is found by comparing the tree with
the index, as every search does, so that ignore files, branch switches and missed events need no
care of their own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
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
    root = index.root
    with ExitStack() as opened:
        if not opened.enter_context(holding(index.file, "watching", 0.0)):
            raise C2LLMError(f"Another process watches {root} already.")
        ready = False
        try:
            for changed in bursts([root], stop, debounce_ms, poll=poll):
                if changed:
                    yield from _refresh(index)
                if not ready:
                    ready = True
                    yield None
        except OSError as error:
            raise C2LLMError(
                f"{root} cannot be watched ({error}); raise the system's limit of watches "
                "(fs.inotify.max_user_watches on Linux), or use --poll."
            ) from error


def bursts(
    roots: Sequence[Path], stop: Event, debounce_ms: int, *, poll: bool = False
) -> Iterator[bool]:
    """Whether something has changed: once at the start, after each burst, and as time goes by.

    Each directory is watched by itself: a recursive watch would follow links out of the tree, to
    the whole disk perhaps. When one is new, all are watched anew.
    """
    import watchfiles

    while not stop.is_set():
        first, grown = True, False
        try:
            for changes in watchfiles.watch(
                *(folder for root in roots for folder in _directories(root)),
                watch_filter=lambda _change, path: all(_matters(root, path) for root in roots),
                debounce=debounce_ms,
                step=min(50, debounce_ms),
                stop_event=stop,
                rust_timeout=_LONGEST_WAIT_MS,
                yield_on_timeout=True,
                force_polling=poll,
                recursive=False,
            ):
                yield first or bool(changes)  # the first time, for what changed before we looked
                first = False
                grown = any(_is_directory(path) for _change, path in changes)
                if grown:
                    break
        except FileNotFoundError:  # a directory was removed while we began to watch it
            if not all(root.is_dir() for root in roots):
                raise
            continue
        if not grown:
            return


def _directories(root: Path) -> list[str]:
    """The directories of a tree that may hold what is indexed; no link is followed."""
    found: list[str] = []
    for folder, names, _ in os.walk(root):
        names[:] = [name for name in names if directory_reason(name, ()) is None]
        found.append(folder)
    return found


def _is_directory(path: str) -> bool:
    return Path(path).is_dir() and not Path(path).is_symlink()


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
