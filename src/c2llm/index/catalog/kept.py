"""What is kept of a catalog on this machine: how much it is, and how it is removed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from c2llm.errors import C2LLMError, IndexWriteError
from c2llm.home import home_folder
from c2llm.index.catalog.catalogs import FOLDER, Catalog, Entry, catalog_folder
from c2llm.index.catalog.tips import remove_clone
from c2llm.index.store.catalog.opening import STORE_FILE, open_catalog_store
from c2llm.index.store.catalog.refresh_log import RefreshLog
from c2llm.index.store.lock import holding
from c2llm.index.store.private import check_folder

_WAIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class KeptBytes:
    """What a catalog takes on the disk, in bytes."""

    store: int
    """Chunks, words and vectors; 0 where the store is on a server."""
    clones: int
    """What was fetched."""


def kept_bytes(name: str) -> KeptBytes:
    """What a catalog takes on the disk."""
    folder = catalog_folder(name)
    clones = folder / "clones"
    total = _size(folder)
    fetched = _size(clones)
    return KeptBytes(total - fetched, fetched)


def kept_catalogs() -> list[str]:
    """Names of the catalogs of which something is kept, whether they are listed or not."""
    folder = home_folder() / FOLDER
    with suppress(OSError):
        return sorted(path.name for path in folder.iterdir() if path.is_dir())
    return []


def forget(catalog: Catalog, entries: Iterable[Entry]) -> None:
    """Remove what is kept of repositories that are in a catalog no more.

    Raises:
        C2LLMError: The store is being written, or cannot be.
    """
    gone = [entry for entry in entries if not entry.live]
    if not gone or not catalog.folder.exists():
        return
    names = [entry.name for entry in gone]
    if catalog.store or (catalog.folder / STORE_FILE).exists():
        store = open_catalog_store(catalog.folder, catalog.store)
        try:
            for name in names:
                store.remove_repository(name)
        finally:
            store.close()
    with RefreshLog(catalog.folder) as log:
        log.forget(names)
    for entry in gone:
        remove_clone(catalog, entry)


def remove_kept(name: str, store: str = "", *, clones: bool = True) -> int:
    """Remove all that is kept of a catalog on this machine, and say how many bytes that was.

    Args:
        name: Of the catalog.
        store: Its address, if it is not a file of its own.
        clones: Remove what was fetched too.

    Raises:
        C2LLMError: Another process refreshes it, and has for so long.
        IndexWriteError: The disk does not let it be removed.
    """
    folder = catalog_folder(name)
    if store:
        opened = open_catalog_store(folder, store)
        try:
            for repository in opened.repositories():
                opened.remove_repository(repository)
            opened.sweep()
        finally:
            opened.close()
    if not folder.exists():
        return 0
    check_folder(folder)
    with (
        holding(folder / "catalog", "refreshing", _WAIT_SECONDS) as held,
        holding(folder / STORE_FILE, "replacing", _WAIT_SECONDS),
    ):
        if not held:
            raise C2LLMError(f"Another process is refreshing @{name}; try again when it has ended.")
        size = _size(folder)
        try:
            for path in list(folder.iterdir()):
                if path.name == "clones":
                    if clones:
                        shutil.rmtree(path)
                elif not path.name.endswith(".lock"):  # it would lock nobody out afterwards
                    path.unlink()
        except OSError as error:
            raise IndexWriteError(
                f"What is kept of @{name} cannot be removed ({error.strerror})."
            ) from error
        return size - _size(folder)


def _size(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(path) / name).lstat().st_size
    return total
