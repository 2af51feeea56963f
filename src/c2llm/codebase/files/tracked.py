"""Which files git tracks, read from its index: an ignore rule says nothing of those.

Git itself is not asked: it would cost a process at every search, and wait for whatever stands where
it expects its settings.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from pathlib import Path

from c2llm.codebase.files.confined import open_file
from c2llm.codebase.files.repository import Repository

MOST_INDEX_BYTES = 128_000_000
"""Of git's index, some million files, with those of submodules, and of the names in one; what is
larger does not count."""
_HEADER = 12
_STAMPS = 40
"""Bytes of an entry before the object's name."""
_EXTENDED = 0x40
"""In the first byte of an entry's flags: there are two bytes more of them."""
_LONGEST_PATH = 4_096


class TrackedFiles:
    """The files that git tracks below a directory; an index of git is read when first asked for.

    Args:
        repository: The repository; None for no file at all.
        prefix: Path of the directory below the repository's top, "" or ending in `/`.
    """

    def __init__(self, repository: Repository | None, prefix: str) -> None:
        self._repositories = {"": (repository, os.fsencode(prefix))}
        """By the path of the directory where each begins, "" or ending in `/`."""
        self._names: dict[str, list[bytes]] = {}
        self._room = MOST_INDEX_BYTES

    def add_part(self, base: str, repository: Repository | None) -> None:
        """Note a submodule or a worktree: what is below `base` is tracked by it alone."""
        self._repositories[base] = (repository, b"")

    def holds(self, path: str) -> bool:
        """Whether a file or submodule is tracked, or any file of a directory (ends in `/`)."""
        base = self._part_of(path)
        names = self._names.get(base)
        if names is None:
            names = self._names[base] = sorted(self._all_names(self._repositories[base][0]))
        wanted = self._repositories[base][1] + os.fsencode(path[len(base) :])
        if _at(names, wanted) == wanted:
            return True
        if not path.endswith("/"):
            return False
        return _at(names, wanted).startswith(wanted) or _at(names, wanted[:-1]) == wanted[:-1]

    def _part_of(self, path: str) -> str:
        """Where the repository that tracks a path begins."""
        base = path
        while len(self._repositories) > 1 and base:
            base = base[: base.rfind("/", 0, len(base) - 1) + 1]
            if base in self._repositories:
                return base
        return ""

    def _all_names(self, repository: Repository | None) -> list[bytes]:
        if repository is None:
            return []
        index = self._content(repository.private, "index")
        names, end = _names(index, repository.hash_bytes)
        if index[end : end + 4] == b"link":  # most are in another file
            at = end + 8
            shared = index[at : at + repository.hash_bytes].hex()
            base = self._content(repository.private, f"sharedindex.{shared}")
            names += _names(base, repository.hash_bytes)[0]
        return [name for name in names if name]  # one that stands for another has none

    def _content(self, folder: Path, name: str) -> bytes:
        try:
            with open_file(os.path.realpath(folder), name) as stream:
                content = stream.read(self._room + 1)
        except (OSError, ValueError):
            return b""
        if len(content) > self._room:
            return b""
        self._room -= len(content)
        return content


def _at(names: list[bytes], wanted: bytes) -> bytes:
    """The first of sorted names that is not below the one that is wanted, b"" if all are."""
    at = bisect_left(names, wanted)
    return names[at] if at < len(names) else b""


def _names(index: bytes, hash_bytes: int) -> tuple[list[bytes], int]:
    """The paths in git's index, of version 2, 3 or 4, and where its entries end.

    Args:
        index: The file's bytes; what stands behind the first damage is not read.
        hash_bytes: Bytes of an object's name.
    """
    version = int.from_bytes(index[4:8])
    names: list[bytes] = []
    at, size = _HEADER, len(index) - hash_bytes
    if index[:4] != b"DIRC" or version not in (2, 3, 4):
        return names, at
    flags_at = _STAMPS + hash_bytes
    name, room = b"", MOST_INDEX_BYTES
    for _ in range(int.from_bytes(index[8:12])):
        start = at + flags_at + 2
        if start >= size:
            break
        if version > 2 and index[at + flags_at] & _EXTENDED:
            start += 2
        kept = 0
        if version == 4:
            dropped, start = _varint(index, start)
            kept = len(name) - dropped
        end = index.find(b"\0", start, size)
        if end < 0 or kept < 0 or kept + end - start > _LONGEST_PATH:
            break
        name = name[:kept] + index[start:end]
        room -= len(name)
        if room < 0:
            break
        names.append(name)
        at = end + 1 if version == 4 else at + ((end - at + 8) & ~7)
    return names, at


def _varint(index: bytes, at: int) -> tuple[int, int]:
    """A number as git writes it in as few bytes as it needs, and where the next thing begins."""
    value = -1
    for place in range(at, min(at + 8, len(index))):
        byte = index[place]
        value = ((value + 1) << 7) | (byte & 127)
        if byte < 128:
            return value, place + 1
    return len(index), at
