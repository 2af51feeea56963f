"""How recently each file was changed: by its last commit, or by its time where there is no git.

A clone gives all files the time of the clone, so git is asked first; files that are changed and not
committed count as changed now.
"""

from __future__ import annotations

import math
import subprocess
import time
from pathlib import Path

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
    changed = _committed(root)
    if changed:
        now = max(changed.values())
        changed |= dict.fromkeys(_uncommitted(root), now)
    else:
        changed = {file.path: file.mtime_ns / 1e9 for file in store.files()}
        changed = {path: at if at > 0 else time.time() for path, at in changed.items()}
    newest = max(changed.values(), default=0.0)
    half_life = _HALF_LIFE_DAYS * 86_400
    return {path: math.exp2((at - newest) / half_life) for path, at in changed.items()}


def _committed(root: Path) -> dict[str, float]:
    """Time of the last commit of each path below the root, for the last commits."""
    text = _git(
        root,
        "log",
        f"-n{_COMMITS}",
        "--format=%x00%ct",
        "--name-only",
        "-z",
        "--relative",
        "--",
        ".",
    )
    changed: dict[str, float] = {}
    at = 0.0
    for token in text.replace("\n", "\0").split("\0"):
        if token.isdigit() and len(token) >= 9:
            at = float(token)
        elif token:
            changed.setdefault(token, at)
    return changed


def _uncommitted(root: Path) -> list[str]:
    names = _git(root, "diff", "HEAD", "--name-only", "-z", "--relative", "--", ".")
    others = _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    return [path for path in (names + "\0" + others).split("\0") if path]


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else ""
