"""How recently each file was changed: by its last commit, or by its time where there is no git.

A clone gives all files the time of the clone, so git is asked first; files that are changed and not
committed count as changed now, and those that git does not have by their own time.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

from c2llm.codebase.git import Git
from c2llm.codebase.revisions.uncommitted import uncommitted
from c2llm.errors import DataError
from c2llm.index.store.chunk_store import ChunkStore
from c2llm.search.query.filters import Filters

_COMMITS = 2000
_HALF_LIFE_DAYS = 30.0
_SECONDS = 10.0


def recency_for(root: Path, filters: Filters, store: ChunkStore) -> dict[str, float] | None:
    """`recency_of` where it is asked for, None where it is not."""
    return recency_of(root, store) if filters.recent else None


def recency_of(root: Path, store: ChunkStore) -> dict[str, float]:
    """For each path 1 when it has just been changed, half of that a month before, and so on.

    Ages are counted from the newest change, so that a project that rests has recent files too.
    """
    files = {file.path: file.mtime_ns / 1e9 for file in store.files()}
    changed = _of_git(root, files)
    if not changed:
        changed = {path: at if at > 0 else time.time() for path, at in files.items()}
    newest = max(changed.values(), default=0.0)
    half_life = _HALF_LIFE_DAYS * 86_400
    return {path: math.exp2((at - newest) / half_life) for path, at in changed.items()}


def _of_git(root: Path, files: dict[str, float]) -> dict[str, float]:
    """When each path was changed; nothing where no history is read.

    Args:
        root: The directory, in a work tree.
        files: The time of each file, in seconds; below 0 where it was just written.
    """
    git = Git(root, seconds=_SECONDS)
    try:
        changed = dict(_committed(git))
        if not changed:
            return {}
        now = max(changed.values())
        changes = uncommitted(git, files)
    except DataError:
        return {}
    changed |= dict.fromkeys(changes.changed, now)
    for path in changes.untracked:
        at = files[path]
        changed[path] = min(at, now) if at > 0 else now
    return changed


def _committed(git: Git) -> Iterator[tuple[str, float]]:
    """Each path below the root with the time of its last commit, of the last commits."""
    output = git.run(
        "log", f"-n{_COMMITS}", "--format=%x00%ct", "--raw", "-z", "--relative", "--", "."
    )
    seen: set[bytes] = set()
    at = 0.0
    fields = iter(output.split(b"\0"))
    for field in fields:
        head = field.strip(b"\n")
        if head.isdigit():
            at = float(head)
        elif head.startswith(b":"):  # modes, objects and the letter; the path follows
            path = next(fields, b"")
            if path not in seen:
                seen.add(path)
                yield os.fsdecode(path), at
