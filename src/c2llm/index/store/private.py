"""What lies in the cache holds source code, so it is its owner's alone, whatever the umask.

Files are 0600 in folders of 0700; SQLite gives what it makes beside a database (`-wal`, `-shm`,
`-journal`) the rights of the database. What an older version left open to others is closed when it
is met. A link, or what belongs to another user, is not used: whoever put it there would read what
is written, or choose what is answered.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from c2llm.errors import C2LLMError

_OTHERS = 0o077
_BESIDE = ("", "-wal", "-shm", "-journal")
_OURS = (
    "indexes",
    "vectors.sqlite",
    "replacing.lock",
    "catalogs",
    "workspaces",
    "clients",
    "config",
    "log",
    "models",
    "serve",
)
"""How the names begin of what c2llm keeps in its folder."""


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for its owner alone.

    Raises:
        OSError: The disk does not let it be made.
    """
    missing = [folder]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for path in reversed(missing):
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
            _close(path, path.lstat())


def check_folder(folder: Path) -> None:
    """Close the folder of indexes, with all that is in it, and that above if nothing else is there.

    One that is not there is no matter.

    Raises:
        C2LLMError: It is a link or another user's.
    """
    try:
        status = folder.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    _require_own(folder, status)
    if status.st_mode & _OTHERS:
        _close_all(folder, status)
    check_home(folder.parent)


def make_file(path: Path) -> None:
    """Make an empty file if there is none; see `check_file`.

    Raises:
        OSError: The disk does not let it be made.
        C2LLMError: A link, or another user's file, is there.
    """
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o600)  # a umask may take the owner's rights too
        finally:
            os.close(descriptor)
    check_file(path)


def check_file(path: Path) -> None:
    """Close a file to others; one that is not there is no matter.

    Raises:
        C2LLMError: It is a link, a pipe or the like, or another user's.
    """
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    _require_own(path, status)
    if not stat.S_ISREG(status.st_mode):
        raise C2LLMError(f"{path} is not a file; remove it, or set C2LLM_HOME to another folder.")
    _close(path, status)


def check_database(path: Path) -> None:
    """`check_file` for a SQLite database and what stands beside it."""
    for suffix in _BESIDE:
        check_file(path.with_name(path.name + suffix))


def check_home(home: Path) -> None:
    """Close the folder that holds ours if nothing else is in it, since it may be the user's own.

    Raises:
        C2LLMError: It is another user's.
    """
    try:
        status = home.stat()
    except OSError:
        return
    if not hasattr(os, "geteuid") or not status.st_mode & _OTHERS:
        return
    if status.st_uid not in (os.geteuid(), 0):
        raise C2LLMError(_of_another(home))
    if status.st_uid == os.geteuid():
        with suppress(OSError):
            if all(path.name.startswith(_OURS) for path in home.iterdir()):
                _close_all(home, status)


def _require_own(path: Path, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise C2LLMError(
            f"{path} is a link, and indexes are not kept behind one; set C2LLM_HOME to the folder "
            "that is meant."
        )
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        raise C2LLMError(_of_another(path))


def _of_another(path: Path) -> str:
    return f"{path} belongs to another user; set C2LLM_HOME to a folder of your own."


def _close_all(folder: Path, status: os.stat_result) -> None:
    _close(folder, status)
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_file() and not path.is_symlink():
                _close(path, path.lstat())


def _close(path: Path, status: os.stat_result) -> None:
    if status.st_mode & _OTHERS or not status.st_mode & 0o700:
        own = stat.S_IMODE(status.st_mode) & 0o700
        if not own:  # made under a umask that spares nobody
            own = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
        with suppress(OSError):  # disks without rights, and those that cannot be written
            path.chmod(own)
