"""What each commit has changed, as names of contents; who made it is asked for only where told."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from c2llm.codebase.git import Git
from c2llm.codebase.revisions.objects import lacking, read_objects

_MOST_HEADER = 100_000
_NONE = "0" * 40


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file in one commit."""

    path: str
    before: tuple[str, ...]
    """The objects that its parents had, of a merge one for each; none where it is new."""
    after: str | None
    """The object that it has, None where it is gone."""


@dataclass(frozen=True, slots=True)
class CommitChanges:
    """A commit and the files that differ from all of its parents."""

    commit: str
    is_merge: bool
    files: tuple[FileChange, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """Who has written what, and when."""

    id: str
    date: str
    """Of the author, in ISO 8601 and UTC."""
    author: str
    subject: str


def changes(
    git: Git, revisions: Sequence[str], is_asked: Callable[[str], bool], most: int
) -> Iterator[CommitChanges]:
    """The commits that change files that are asked for, parents before children.

    Args:
        git: The repository; paths are relative to its root, and files outside of that do not count.
        revisions: What git's log is asked for: hashes, and those to leave out behind a `^`.
        is_asked: Told a path, whether it counts.
        most: Commits, the newest ones.

    Raises:
        DataError: Git does not read the repository.
    """
    arguments = (
        *("log", "--topo-order", "--reverse", f"--max-count={most}"),
        *("--raw", "-r", "-c", "--root", "-z", "--no-abbrev", "--relative", "--format=%x01%H"),
        *(*revisions, "--"),
    )
    with git.stream(*arguments) as output:
        commit, is_merge = "", False
        files: list[FileChange] = []
        fields = _fields(output)
        for field in fields:
            field = field.lstrip(b"\n")
            if field.startswith(b"\x01"):
                if files:
                    yield CommitChanges(commit, is_merge, tuple(files))
                commit, is_merge, files = field[1:].decode("ascii", "replace"), False, []
            elif field.startswith(b":"):
                path = os.fsdecode(next(fields, b""))
                if (found := _change(field, path)) is not None and is_asked(path):
                    is_merge = field.startswith(b"::")
                    files.append(found)
        if files:
            yield CommitChanges(commit, is_merge, tuple(files))


def commit_count(git: Git, revisions: Sequence[str]) -> int:
    """How many commits there are."""
    said = git.line("rev-list", "--count", *revisions, "--")
    return int(said) if said is not None and said.isdigit() else 0


def told_commits(git: Git, commits: Collection[str]) -> dict[str, Commit]:
    """Who has written these commits, and when.

    Raises:
        DataError: Git lacks one of them.
    """
    asked = sorted(commits)
    found: dict[str, Commit] = {}
    for one in read_objects(git, asked, _MOST_HEADER):
        if not one.is_there:
            raise lacking(git, one.name)
        found[one.name] = _commit(one.name, one.content.decode("utf-8", "replace"))
    return found


def _fields(output: IO[bytes]) -> Iterator[bytes]:
    """What is between the zeros."""
    rest = b""
    while block := output.read(1 << 16):
        *whole, rest = (rest + block).split(b"\0")
        yield from whole
    if rest:
        yield rest


def _change(field: bytes, path: str) -> FileChange | None:
    """What `:MODES OBJECTS STATUS` says, with a mode and an object more for each parent."""
    parents = len(field) - len(field.lstrip(b":"))
    words = field[parents:].decode("ascii", "replace").split(" ")
    modes, objects = words[: parents + 1], words[parents + 1 : 2 * parents + 2]
    if len(objects) != parents + 1:
        return None
    *before, after = [
        one if mode.startswith("10") else _NONE for mode, one in zip(modes, objects, strict=True)
    ]
    old = tuple(one for one in before if one.strip("0"))
    return FileChange(path, old, after if after.strip("0") else None)


def _commit(one: str, content: str) -> Commit:
    """A commit from what its object says."""
    header, _, message = content.partition("\n\n")
    author = next((line for line in header.split("\n") if line.startswith("author ")), "")
    name, _, rest = author.removeprefix("author ").partition(" <")
    words = rest.rpartition("> ")[2].split(" ")
    try:
        date = datetime.fromtimestamp(int(words[0]), UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        date = ""
    subject = message.lstrip("\n").partition("\n")[0]
    return Commit(one, date, name[:200], subject[:300])
