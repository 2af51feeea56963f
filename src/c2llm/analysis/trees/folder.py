"""A folder as it is, or one file, as a tree that is compared."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from c2llm.analysis.trees.reading import ReadTree, content_name, may_hold_code
from c2llm.codebase.files.confined import open_file
from c2llm.codebase.files.walk import MOST_FILE_BYTES, SourceFile, list_files
from c2llm.errors import DataError, UsageError

Stamps = dict[tuple[str, str], tuple[int, int, int, str]]
"""By root and path size, time and inode of a file, and the hash of its content."""


class FolderTree(ReadTree):
    """The files below a folder that the walk takes, read without following a link.

    Args:
        root: The folder.
        label: How the user named it.
        known: Hashes of an earlier look, so that what is not touched is not read again; they are
            brought up to date.

    Raises:
        UsageError: There is no such folder.
    """

    def __init__(self, root: Path, label: str = "", known: Stamps | None = None) -> None:
        super().__init__(label or str(root))
        if not root.is_dir():
            raise UsageError(f"There is no folder {root}.")
        self.root = os.path.realpath(root)
        self._known: Stamps = {} if known is None else known
        self._files: dict[str, str] | None = None
        self._too_large: tuple[str, ...] = ()

    def files(self) -> Mapping[str, str]:
        """See `CodeTree.files`; looked at once.

        Raises:
            DataError: The folder cannot be listed.
        """
        if self._files is None:
            try:
                report = list_files(Path(self.root))
            except OSError as error:
                raise DataError(f"{self.root} cannot be listed ({error.strerror}).") from error
            names = {
                file.path: self._name(file) for file in report.files if may_hold_code(file.path)
            }
            self._files = {path: name for path, name in names.items() if name}
            self._too_large = tuple(
                one.path
                for one in report.skipped
                if one.reason == "too large" and may_hold_code(one.path)
            )
        return self._files

    def too_large(self) -> Mapping[str, str]:
        """See `CodeTree.too_large`."""
        self.files()
        return {path: _hash_of(self.root, path) for path in self._too_large}

    def content(self, path: str) -> bytes:
        """See `ReadTree.content`."""
        return _content(self.root, path)

    def _name(self, file: SourceFile) -> str:
        """The hash of a file, "" where it cannot be read."""
        stamp = file.size, file.mtime_ns, file.inode
        known = self._known.get((self.root, file.path))
        if known is not None and known[:3] == stamp:
            return known[3]
        try:
            name = content_name(file.read())
        except OSError:
            return ""
        self._known[self.root, file.path] = (*stamp, name)
        return name


class FileTree(ReadTree):
    """One file that the user named, whatever the rules of its folder say.

    Args:
        file: The file.
        label: How the user named it.

    Raises:
        UsageError: There is no such file, or it is no regular one.
    """

    def __init__(self, file: Path, label: str = "") -> None:
        super().__init__(label or str(file))
        if not file.is_file():
            raise UsageError(f"There is no file {file}.")
        resolved = Path(os.path.realpath(file))
        self._root, self.path = str(resolved.parent), resolved.name
        self._files: dict[str, str] | None = None

    def files(self) -> Mapping[str, str]:
        """See `CodeTree.files`."""
        if self._files is None:
            self._files = {self.path: content_name(self.content(self.path))}
        return self._files

    def content(self, path: str) -> bytes:
        """See `ReadTree.content`."""
        return _content(self._root, path)


def _hash_of(root: str, path: str) -> str:
    """What git calls a file of any size, read piece by piece; "" where it cannot be read."""
    try:
        with open_file(root, path) as stream:
            size = os.fstat(stream.fileno()).st_size
            found = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
            while size > 0 and (piece := stream.read(min(size, 1_000_000))):
                size -= len(piece)
                found.update(piece)
            return found.hexdigest()
    except (OSError, ValueError):
        return ""


def _content(root: str, path: str) -> bytes:
    try:
        with open_file(root, path) as stream:
            return stream.read(MOST_FILE_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no file of the tree"
        raise DataError(f"{Path(root, path)} cannot be read ({reason}).") from error
