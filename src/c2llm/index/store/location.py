"""Where indexes live: one SQLite file a root, in the user's cache and never in the tree."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from pathlib import Path

from c2llm.errors import UsageError


def cache_home() -> Path:
    """The folder of all indexes: below `C2LLM_HOME`, `XDG_CACHE_HOME/c2llm` or `~/.cache/c2llm`."""
    own = os.environ.get("C2LLM_HOME")
    if own:
        return Path(own) / "indexes"
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "c2llm" / "indexes"


def cache_file() -> Path:
    """The vectors that all indexes share."""
    return cache_home().parent / "vectors.sqlite"


def index_file(root: Path) -> Path:
    """The index of a root, whether it exists or not.

    The name starts with the directory's own for those who look into the folder; what tells two
    roots apart is the hash of the resolved path behind it.
    """
    resolved = root.resolve()
    digest = hashlib.blake2b(os.fsencode(resolved), digest_size=8).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", resolved.name)[:40].strip("._") or "root"
    return cache_home() / f"{readable}-{digest}.sqlite"


def all_index_files() -> list[Path]:
    """Every index in the cache, sorted by name."""
    return sorted(cache_home().glob("*.sqlite"))


def remove_index(path: Path) -> bool:
    """Remove an index file and all that stands beside it under its name; True if there was one."""
    found = path.exists()
    path.unlink(missing_ok=True)  # first, so that nothing beside it can be taken for its own
    for other in path.parent.glob(glob.escape(path.name) + "[-.]*"):
        other.unlink(missing_ok=True)
    return found


def existing_directory(root: str | Path) -> Path:
    """The resolved directory, or a `UsageError` that says what is wrong with it."""
    folder = Path(root).expanduser()
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
