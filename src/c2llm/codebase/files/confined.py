"""The one way in which a tree is listed and read: no link leads out of it, and nothing waits.

A path is followed name by name, each from the descriptor of the directory before, so that a
directory that is swapped for a link while we are at work leads nowhere. Only regular files are
read, as much of them as the caller allows: a pipe, a socket or a device is none.

Where the system knows no descriptors of directories (Windows), a path that resolves to another one
is refused before it is opened.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

MOST_SETTINGS_BYTES = 1_000_000
"""Of an ignore file or of one of git's settings."""
_MOST_HELD = 8
"""Descriptors of directories that are open at once."""

BY_DESCRIPTOR = (
    os.open in os.supports_dir_fd
    and os.stat in os.supports_dir_fd
    and os.scandir in os.supports_fd
    and hasattr(os, "O_DIRECTORY")
    and hasattr(os, "O_NOFOLLOW")
)


def _flags(*names: str) -> int:
    flags = os.O_RDONLY
    for name in names:  # not every system has them all
        flags |= getattr(os, name, 0)
    return flags


_FILE = _flags("O_NONBLOCK", "O_NOFOLLOW", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
_FOLLOWED_FILE = _flags("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
_DIRECTORY = _flags("O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC")


class NotRegularError(OSError):
    """A pipe, a socket, a device or a directory stands where a file was expected."""


def open_file(root: str, path: str) -> IO[bytes]:
    """Open a regular file of a tree for reading, in binary.

    Args:
        root: The tree, a path without links.
        path: Path of the file below it, with `/`.

    Raises:
        FileNotFoundError: There is no such path; a link is none.
        NotRegularError: It is no regular file.
        OSError: It cannot be read.
    """
    *above, name = path.split("/")
    if any(part in ("", ".", "..") for part in (*above, name)):
        raise FileNotFoundError(errno.ENOENT, "No path of a tree", path)
    if not BY_DESCRIPTOR:
        return _opened(_unlinked(root, path), _FILE)
    folder = os.open(root, _DIRECTORY)
    try:
        for part in above:
            below = _subdirectory(part, folder)
            os.close(folder)
            folder = below
        return _opened(name, _FILE, folder)
    finally:
        os.close(folder)


def read_settings(
    path: str | Path, *, dir_fd: int | None = None, follow: bool = False
) -> bytes | None:
    """A small file of rules or settings, or None where there is none that can be read.

    Args:
        path: Where it is.
        dir_fd: The directory that a relative path starts from.
        follow: Whether it may be a link, as people have them in their home and not in a tree.

    Returns:
        Of a file of more than `MOST_SETTINGS_BYTES` its first lines.
    """
    try:
        if not stat.S_ISREG(os.stat(path, dir_fd=dir_fd, follow_symlinks=follow).st_mode):
            return None  # some devices do something when they are opened
        flags = _FOLLOWED_FILE if follow else _FILE
        with _opened(path, flags, dir_fd) as stream:
            content = stream.read(MOST_SETTINGS_BYTES + 1) or b""
    except (OSError, ValueError):  # a path with a NUL
        return None
    if len(content) <= MOST_SETTINGS_BYTES:
        return content
    return content[: content.rfind(b"\n", 0, MOST_SETTINGS_BYTES) + 1]


def settings_text(
    path: str | Path, *, dir_fd: int | None = None, follow: bool = False
) -> str | None:
    """`read_settings` as text; bytes that are not UTF-8 are surrogate-escaped."""
    content = read_settings(path, dir_fd=dir_fd, follow=follow)
    return None if content is None else content.decode("utf-8", "surrogateescape")


class Directories:
    """Lists directories of a tree and looks into its files, best with neighbours side by side.

    Some descriptors on the way to the last directory stay open, so that what is near it costs one
    step.

    Args:
        root: The tree, a path without links.

    Raises:
        OSError: The root cannot be opened.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._held: list[tuple[str, int]] = []
        """Path and descriptor of the root and of directories that lead to the last one."""
        if BY_DESCRIPTOR:
            self._held.append(("", os.open(root, _DIRECTORY)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._held:
            os.close(self._held.pop()[1])

    def scan(self, path: str) -> tuple[dict[str, os.DirEntry[str]], int | None]:
        """The entries of a directory by name, and its descriptor where there are any.

        The entries can be asked until the next one is listed.

        Args:
            path: "" for the root, else ending in `/`.

        Raises:
            FileNotFoundError: There is no such directory; a link is none.
            OSError: It cannot be listed.
        """
        if not BY_DESCRIPTOR:
            with os.scandir(_unlinked(self._root, path) if path else self._root) as found:
                return {entry.name: entry for entry in found}, None
        descriptor = self._open(path)
        try:
            scan = os.scandir(descriptor)
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            self._release()
            scan = os.scandir(descriptor)
        with scan:
            return {entry.name: entry for entry in scan}, descriptor

    def beginning(self, path: str, most: int) -> bytes:
        """The first bytes of a regular file, at the cost of a step where its neighbour came before.

        Args:
            path: Path of the file in this tree, with `/`.
            most: So many bytes at most.

        Raises:
            FileNotFoundError: There is no such path; a link is none.
            NotRegularError: It is no regular file.
            OSError: It cannot be read.
        """
        if not BY_DESCRIPTOR:
            with open_file(self._root, path) as stream:
                return stream.read(most)
        folder, slash, name = path.rpartition("/")
        descriptor = _regular(name, _FILE, self._open(folder + slash))
        try:
            return os.read(descriptor, most)
        finally:
            os.close(descriptor)

    def _open(self, path: str) -> int:
        held = self._held
        while not path.startswith(held[-1][0]):
            os.close(held.pop()[1])
        at, descriptor = held[-1]
        for name in path[len(at) :].split("/")[:-1]:
            try:
                descriptor = _subdirectory(name, descriptor)
            except OSError as error:
                if error.errno != errno.EMFILE:
                    raise
                self._release()
                descriptor = _subdirectory(name, descriptor)
            at = f"{at}{name}/"
            held.append((at, descriptor))
            if len(held) > _MOST_HELD:
                os.close(held.pop(1)[1])
        return descriptor

    def _release(self) -> None:
        """Close what could be opened again: the process may open no more."""
        for _, descriptor in self._held[1:-1]:
            os.close(descriptor)
        self._held[1:-1] = []


def _subdirectory(name: str, folder: int) -> int:
    """Open a directory in another one; a link to one is none."""
    try:
        return os.open(name, _DIRECTORY, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise FileNotFoundError(errno.ENOENT, "No directory any more", name) from error
        raise


def _opened(path: str | Path, flags: int, dir_fd: int | None = None) -> IO[bytes]:
    descriptor = _regular(path, flags, dir_fd)
    try:
        return os.fdopen(descriptor, "rb")
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        raise


def _regular(path: str | Path, flags: int, dir_fd: int | None) -> int:
    """A descriptor of a regular file."""
    try:
        descriptor = os.open(path, flags, dir_fd=dir_fd)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.EOPNOTSUPP):  # a socket
            raise NotRegularError(error.errno, "Not a regular file") from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegularError(errno.EINVAL, "Not a regular file")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _unlinked(root: str, path: str) -> str:
    """The whole path, if no part of it is a link."""
    whole = str(Path(root, path))
    if os.path.realpath(whole) != os.path.normpath(whole):
        raise FileNotFoundError(errno.ENOENT, "No path of a tree", path)
    return whole
