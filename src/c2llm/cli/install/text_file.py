"""A text file of somebody else's: read with care, and swapped for a changed one in one step.

The user's own files may be links, as dotfiles often are: what they lead to is changed. In a
project, which may come from anybody, no link is followed.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from c2llm.errors import C2LLMError, UsageError

_MOST_BYTES = 64_000_000
_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file as it was when it was read."""

    path: Path
    """As it is told to the user."""
    target: Path
    """Behind the links; what is written."""
    text: str
    """Without a byte order mark, its line ends as they are; "" where there is no file."""
    content: bytes | None
    """Its bytes; None where there is no file."""

    @property
    def exists(self) -> bool:
        """Whether there was a file."""
        return self.content is not None


def read_file(path: Path, within: Path | None = None) -> TextFile:
    """Read a file, which need not be there.

    Args:
        path: where it is, absolute.
        within: a folder that it is in and that is not trusted: neither the file nor a folder
            between them may be a link.

    Raises:
        UsageError: it is a link that may not be followed, no regular file, or no UTF-8.
        C2LLMError: the disk does not let it be read.
    """
    if within is not None:
        _require_no_link(path, within)
    try:
        target = path.resolve()
        if path.is_symlink() and not target.exists():
            raise UsageError(f"{path} is a link that leads nowhere; remove it, or make {target}.")
        content = _content(path, target)
    except (OSError, RuntimeError, ValueError) as error:  # a round of links, a zero byte
        why = error.strerror if isinstance(error, OSError) else error
        raise C2LLMError(f"{path} cannot be read: {why}.") from error
    try:
        text = (content or b"").decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not in UTF-8 at byte {error.start}; save it in that encoding."
        ) from error
    return TextFile(path, target, text.removeprefix(_MARK), content)


def write_file(file: TextFile, text: str, *, mode: int = 0o666) -> list[Path]:
    """Put another text in the place of what was read; rights, owner and byte order mark stay.

    Args:
        file: as it was read.
        text: what it holds from now on.
        mode: the rights of a file that was not there, less the umask.

    Returns:
        The folders that were made for it, the outermost first.

    Raises:
        C2LLMError: it is not what was read any more, or the disk does not let it be written.
    """
    marked = (file.content or b"").startswith(_MARK.encode())
    content = ((_MARK if marked else "") + text).encode("utf-8")
    part = file.target.with_name(f".{file.target.name[:100]}-{secrets.token_hex(4)}.part")
    try:
        made = _make_folders(file.target.parent)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(part, flags, mode if file.content is None else 0o600), "wb") as new:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        if file.content is not None:
            _take_over_rights(file.target, part)
        _require_unchanged(file)
        part.replace(file.target)
    except OSError as error:
        raise C2LLMError(f"{file.path} cannot be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)
    return made


def delete_file(file: TextFile) -> None:
    """Delete what was read.

    Raises:
        C2LLMError: it is not what was read any more, or the disk does not let it be deleted.
    """
    try:
        _require_unchanged(file)
        file.target.unlink()
    except OSError as error:
        raise C2LLMError(f"{file.path} cannot be deleted: {error.strerror or error}.") from error


def _require_no_link(path: Path, within: Path) -> None:
    for part in [path, *path.parents]:
        if part == within:
            return
        if part.is_symlink() or (hasattr(part, "is_junction") and part.is_junction()):
            raise UsageError(
                f"{part} is a link, which is not followed in a project; put a file in its place."
            )
    raise ValueError(f"{path} is not in {within}")


def _content(path: Path, target: Path) -> bytes | None:
    try:
        # A pipe holds nobody up, and a terminal does not become ours.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
        number = os.open(target, flags)
    except FileNotFoundError:
        return None
    except (IsADirectoryError, PermissionError):
        if target.is_dir():
            raise UsageError(f"{path} is a directory, where a file should be.") from None
        raise
    with os.fdopen(number, "rb") as stream:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise UsageError(f"{path} is no regular file, so that it is no configuration.")
        content = stream.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise UsageError(f"{path} is larger than {_MOST_BYTES // 1_000_000} megabytes.")
    return content


def _make_folders(folder: Path) -> list[Path]:
    missing: list[Path] = []
    while not folder.exists():
        missing.insert(0, folder)
        folder = folder.parent
    for one in missing:
        one.mkdir(exist_ok=True)
    return missing


def _take_over_rights(target: Path, part: Path) -> None:
    """The rights of a file for what replaces it, and its owner where root writes for others."""
    status = target.stat()
    if not os.access(target, os.W_OK):
        raise PermissionError(13, "it is read-only")
    if hasattr(os, "chown"):
        with suppress(PermissionError):
            os.chown(part, status.st_uid, status.st_gid)
    part.chmod(stat.S_IMODE(status.st_mode))


def _require_unchanged(file: TextFile) -> None:
    if _content(file.path, file.target) != file.content:
        raise C2LLMError(f"{file.path} has been changed meanwhile; give the command again.")
