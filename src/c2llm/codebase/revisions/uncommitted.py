"""Which files differ from the last commit, told from stamps and bytes, not by git's comparison.

`git diff` and `git status` run the clean filters that a repository configures. The stamps in git's
index say the same of nearly every file; where they do not, as after a copy of the whole tree, the
object that the bytes would be is computed here, with either line ends.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from c2llm.codebase.files.confined import open_file
from c2llm.codebase.git import Git

_LARGEST = 20_000_000
"""Bytes of a file that is compared by content; a larger one is told by its size alone."""
_ENTRY = re.compile(
    rb"(?P<mode>\d{6}) (?P<object>[0-9a-f]{40,64}) \d\t(?P<path>[^\0]+)\0"
    rb"\s*ctime: (?P<ctime>\d+):(?P<ctime_ns>\d+)"
    rb"\s*mtime: (?P<mtime>\d+):(?P<mtime_ns>\d+)"
    rb"\s*dev: \d+\s+ino: \d+\s*uid: \d+\s+gid: \d+"
    rb"\s*size: (?P<size>\d+)\s+flags: [0-9a-f]+\n"
)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a work tree has that its last commit does not."""

    changed: frozenset[str]
    """Paths of files whose content is another one, or that are staged so."""
    untracked: frozenset[str]
    """Paths of files that git does not have."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file as git's index knows it."""

    object: str
    ctime: tuple[int, int]
    mtime: tuple[int, int]
    """Seconds and nanoseconds; some programs leave the nanoseconds 0."""
    size: int


def uncommitted(git: Git, paths: Iterable[str]) -> Changes:
    """Compare files with the last commit.

    Args:
        git: The repository; its root is the directory that the paths are relative to.
        paths: The files that matter, with `/`, as `os.fsdecode` has them.

    Raises:
        DataError: Git does not read the repository, or it has no commit.
    """
    staged = git.run("diff-index", "--name-only", "-z", "--relative", "HEAD", "--", ".")
    changed = {os.fsdecode(path) for path in staged.split(b"\0") if path}
    listed = git.run("ls-files", "--stage", "--debug", "-z")
    entries = {
        os.fsdecode(found["path"]): found
        for found in _ENTRY.finditer(listed)
        if found["mode"][:2] == b"10"
    }
    written = _index_time(git)
    root = git.root.resolve()
    untracked: set[str] = set()
    for path in paths:
        found = entries.get(path)
        if found is None:
            untracked.add(path)
        elif path not in changed and _differs(root, path, _entry(found), written):
            changed.add(path)
    return Changes(frozenset(changed - untracked), frozenset(untracked))


def _entry(found: re.Match[bytes]) -> _Entry:
    ctime, mtime = ((int(found[name]), int(found[f"{name}_ns"])) for name in ("ctime", "mtime"))
    return _Entry(found["object"].decode(), ctime, mtime, int(found["size"]))


def _index_time(git: Git) -> int:
    """When git's index was written, in nanoseconds: what is as young may have changed unseen."""
    name = git.line("rev-parse", "--git-path", "index")
    try:
        return 0 if name is None else (git.root / name).lstat().st_mtime_ns
    except OSError:
        return 0


def _differs(root: Path, path: str, entry: _Entry, written: int) -> bool:
    try:
        status = (root / path).lstat()
    except OSError:
        return True
    if not stat.S_ISREG(status.st_mode):
        return True
    same = (
        status.st_size & 0xFFFF_FFFF == entry.size
        and _is_time(status.st_mtime_ns, entry.mtime)
        and _is_time(status.st_ctime_ns, entry.ctime)
    )
    if same and status.st_mtime_ns < written:
        return False
    if status.st_size > _LARGEST:
        return not same
    return not _is_object(root, path, entry.object)


def _is_time(ns: int, known: tuple[int, int]) -> bool:
    seconds, nanoseconds = divmod(ns, 1_000_000_000)
    return seconds & 0xFFFF_FFFF == known[0] and known[1] in (0, nanoseconds)


def _is_object(root: Path, path: str, known: str) -> bool:
    """Whether a file is the object that git has, as it stands or with its line ends converted."""
    try:
        with open_file(str(root), path) as stream:
            content = stream.read(_LARGEST + 1)
    except OSError:
        return False
    hashed = "sha1" if len(known) == 40 else "sha256"
    texts = {content, content.replace(b"\r\n", b"\n")}
    return any(_object(text, hashed) == known for text in texts)


def _object(content: bytes, hashed: str) -> str:
    head = b"blob %d\0" % len(content)
    return hashlib.new(hashed, head + content, usedforsecurity=False).hexdigest()
