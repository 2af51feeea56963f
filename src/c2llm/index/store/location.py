"""Where indexes live: one SQLite file a root, in the user's cache and never in the tree."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from pathlib import Path

from c2llm.errors import C2LLMError, IndexWriteError, UsageError
from c2llm.home import home_folder
from c2llm.index.store.lock import LOCK_SUFFIX, holding, replacing
from c2llm.index.store.private import check_folder

SUFFIX = ".sqlite"
"""How the names of our databases end."""


def cache_home() -> Path:
    """The folder of all indexes; see `home_folder`."""
    return home_folder() / "indexes"


def cache_file() -> Path:
    """The vectors that all indexes share."""
    return home_folder() / ("vectors" + SUFFIX)


def index_file(root: Path) -> Path:
    """The index of a root, whether it exists or not.

    The name starts with the directory's own for those who look into the folder; what tells two
    roots apart is the hash of the resolved path behind it.
    """
    resolved = resolved_path(root)
    digest = hashlib.blake2b(os.fsencode(resolved), digest_size=8).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", resolved.name)[:40].strip("._") or "root"
    return cache_home() / f"{readable}-{digest}{SUFFIX}"


def all_index_files() -> list[Path]:
    """Every index in the cache, sorted by name."""
    return sorted(cache_home().glob("*" + SUFFIX))


def remove_index(path: Path, wait_seconds: float = 10.0) -> bool:
    """Remove a database and all that stands beside it under its name; True if there was one.

    Lock files stay: removed, they would lock nobody out who has them open.

    Raises:
        C2LLMError: Another process is writing it, and has been for so long.
        IndexWriteError: The disk does not let it be removed.
    """
    if path != cache_file():
        check_folder(path.parent)
    found = path.exists()
    if not found and not _beside(path):
        return False
    with (
        holding(path, "wanted", 0.0),  # who embeds in the background lets go
        holding(path, "embedding", wait_seconds) as embeds_nobody,
        holding(path, "refreshing", wait_seconds) as writes_nobody,
    ):
        if not (embeds_nobody and writes_nobody):
            raise C2LLMError(f"Another process is writing {path}; try again when it has ended.")
        unlink_index(path)
    return found


def unlink_index(path: Path) -> None:
    """Remove what `remove_index` does, of an index that is written by nobody else."""
    try:
        with replacing(path):
            path.unlink(missing_ok=True)  # first, lest what is beside it be taken for its own
            for other in _beside(path):
                other.unlink(missing_ok=True)
    except OSError as error:
        raise IndexWriteError(f"{path} cannot be removed ({error.strerror}).") from error


def _beside(path: Path) -> list[Path]:
    """What belongs to a database and is no lock."""
    try:
        found = list(path.parent.glob(glob.escape(path.name) + "[-.]*"))
    except OSError:
        return []
    return [other for other in found if not other.name.endswith(LOCK_SUFFIX)]


def resolved_path(path: str | Path) -> Path:
    """The path that a user means without links; one that leads in a circle stays as it is."""
    return Path(os.path.realpath(user_path(path)))


def user_path(path: str | Path) -> Path:
    """A path as the user meant it: `~` is the home directory, unless there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def existing_directory(root: str | Path) -> Path:
    """The resolved directory, or a `UsageError` that says what is wrong with it."""
    folder = user_path(root)
    try:
        if folder.is_dir():
            if not os.access(folder, os.R_OK | os.X_OK):
                raise UsageError(f"{root} cannot be read; ask its owner for the right to list it.")
            return folder.resolve()
        exists = folder.exists()
    except OSError as error:
        raise UsageError(f"{root} cannot be opened: {error.strerror}.") from error
    if exists:
        raise UsageError(f"{root} is a file; give the directory that holds it.")
    raise UsageError(f"There is no directory {root}.")
