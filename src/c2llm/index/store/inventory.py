"""All indexes of a user: how large they are, when they were used, whose tree is gone.

When they hold more than they may, those that were not used for the longest time go. An index was
used when a search or a build opened it, which sets the time of its file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from c2llm.errors import C2LLMError
from c2llm.index.store.location import SUFFIX, all_index_files, cache_home, unlink_index
from c2llm.index.store.lock import Lock
from c2llm.index.store.sqlite_store import SqliteStore

ROOT = "root"
"""The fact (`meta`) that names the directory of an index."""
DEFAULT_MEGABYTES = 10_000
"""What all indexes may take together; C2LLM_INDEX_MB sets another number, 0 for no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptIndex:
    """One index in the cache."""

    root: str | None
    """The directory, None where the file does not tell."""
    index_file: str
    files: int | None
    """None where the file cannot be read, or was made by another version."""
    chunks: int | None
    size_bytes: int
    """Of the file and all beside it."""
    last_used: float
    """Seconds since 1970."""
    vanished: bool
    """The directory is there no more."""
    state: str
    """`ok`, `older version`, or why it cannot be read."""


def kept_indexes() -> list[KeptIndex]:
    """Every index, the one that was used last first; nothing is changed by asking."""
    sizes = sizes_in(cache_home())
    found = [kept for path in all_index_files() if (kept := _describe(path, sizes)) is not None]
    return sorted(found, key=lambda kept: (-kept.last_used, kept.index_file))


def most_bytes() -> int:
    """What all indexes may take together; 0 for no limit."""
    try:
        return max(0, int(os.environ.get("C2LLM_INDEX_MB", ""))) * 1_000_000
    except ValueError:
        return DEFAULT_MEGABYTES * 1_000_000


def mark_used(path: Path) -> None:
    """Record that an index is used now."""
    with suppress(OSError):
        os.utime(path)


def make_room(in_use: Path, note: Callable[[str], None]) -> list[Path]:
    """Remove indexes that were not used for long, until all fit into what they may take.

    Args:
        in_use: The index that has just been written. It stays, as does each that another process
            uses at this moment.
        note: Told what is removed.

    Returns:
        The indexes that were removed.
    """
    limit = most_bytes()
    if not limit:
        return []
    sizes = sizes_in(in_use.parent)
    total = sum(sizes.values())
    removed: list[Path] = []
    if total <= limit:
        return removed
    for path in sorted(all_index_files(), key=_last_used):
        if total <= limit:
            break
        if path == in_use or not _remove_unused(path):
            continue
        total -= sizes.get(path.name, 0)
        removed.append(path)
        note(
            f"The indexes took more than {limit / 1e6:,.0f} MB (C2LLM_INDEX_MB): {path.name}, not "
            "used for the longest time, was removed."
        )
    return removed


def sizes_in(folder: Path) -> dict[str, int]:
    """For each database of a folder, by name, its bytes with all that stands beside it."""
    sizes: dict[str, int] = {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            stem, suffix, rest = entry.name.partition(SUFFIX)
            if suffix and rest[:1] in ("", "-", "."):
                with suppress(OSError):
                    size = entry.stat(follow_symlinks=False).st_size
                    sizes[stem + suffix] = sizes.get(stem + suffix, 0) + size
    return sizes


def is_vanished(root: str) -> bool:
    """Whether there is nothing of this name; what may not be looked at is not called gone."""
    try:
        os.stat(root)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _remove_unused(path: Path) -> bool:
    """Remove an index unless somebody has it open or does something to it."""
    with suppress(C2LLMError):
        for_all = [Lock(path, job) for job in ("using", "refreshing", "embedding", "watching")]
        try:
            if all(lock.take(0.0) and lock.is_held for lock in for_all):
                unlink_index(path)
                return True
        finally:
            for lock in for_all:
                lock.release()
    return False


def _describe(path: Path, sizes: dict[str, int]) -> KeptIndex | None:
    root: str | None = None
    counts: tuple[int, int] | None = None
    state = "ok"
    last_used = _last_used(path)
    try:
        store = SqliteStore(path, create=False)
        try:
            with store.believed():
                root = store.meta(ROOT)
                if store.is_outdated():
                    state = "older version"
                else:
                    counts = store.files_state()[0], store.chunk_count()
        finally:
            store.close()
    except C2LLMError as error:
        if not path.exists():
            return None
        state = str(error)
    return KeptIndex(
        root=root,
        index_file=str(path),
        files=None if counts is None else counts[0],
        chunks=None if counts is None else counts[1],
        size_bytes=sizes.get(path.name, 0),
        last_used=last_used,
        vanished=root is not None and is_vanished(root),
        state=state,
    )


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
