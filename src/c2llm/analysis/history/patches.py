"""The lines that commits took out and put in, as git tells them: hunks without context.

Lines are read as UTF-8: guessing the encoding of each would cost more than all the rest, and what
tells of a change in another encoding is ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO

from c2llm.codebase.git import Git

MOST_LINES = 3_000
"""Of one file in a commit; what is beyond them is only counted."""
MOST_LINES_OF_COMMIT = 50_000
"""The same of all files in it."""
_LONGEST_LINE = 2_000
"""Bytes that are read of a line."""
_INDEX = re.compile(rb"index ([0-9a-f]{40,64})\.\.([0-9a-f]{40,64})")
_NONE = re.compile(r"0+")
_LOG = (
    "log",
    "--no-walk=unsorted",
    "--stdin",
    "--no-color",
    "-p",
    "-U0",
    "-M",
    "--full-index",
    "--diff-algorithm=histogram",
    "--inter-hunk-context=0",
    "--format=%x00%H",
)


@dataclass(slots=True)
class Hunk:
    """Lines that stood together, and what stands in their place."""

    heading: str
    """The line above it that git takes for the head of the function around it."""
    removed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Patch:
    """What became of one content in a commit."""

    before: str
    """Object name; "" where there was no file."""
    after: str
    hunks: list[Hunk] = field(default_factory=list)
    lines: int = 0
    """All lines of it, those that are not in `hunks` as well."""


def read_patches(git: Git, commits: Sequence[str]) -> Iterator[tuple[str, list[Patch]]]:
    """The patches of commits, for each commit that git could read, in their order.

    Raises:
        DataError: Git is not there, or takes too long.
    """
    if not commits:
        return
    given = "".join(f"{commit}\n" for commit in commits).encode("ascii")
    with git.stream(*_LOG, given=given) as output:
        yield from _parsed(output)


def _parsed(stream: IO[bytes]) -> Iterator[tuple[str, list[Patch]]]:
    commit: str | None = None
    patches: list[Patch] = []
    patch: Patch | None = None
    taken = 0
    for raw in _lines(stream):
        first = raw[:1]
        if first == b"\0":
            if commit is not None:
                yield commit, patches
            commit, patches, patch = raw[1:].decode("ascii", "replace"), [], None
            taken = 0
        elif first in (b"+", b"-"):
            if patch is not None and patch.hunks and taken < MOST_LINES_OF_COMMIT:
                _take(patch, raw)
                taken += 1
        elif raw.startswith(b"@@ "):
            if patch is not None and taken < MOST_LINES_OF_COMMIT:
                heading = raw.split(b"@@", 2)[-1].strip()[:200]
                patch.hunks.append(Hunk(heading.decode("utf-8", "replace")))
        elif raw.startswith(b"diff --git "):
            patch = None
        elif found := _INDEX.match(raw):
            patch = Patch(_named(found[1]), _named(found[2]))
            patches.append(patch)
    if commit is not None:
        yield commit, patches


def _take(patch: Patch, raw: bytes) -> None:
    patch.lines += 1
    if patch.lines <= MOST_LINES:
        line = raw[1:].decode("utf-8", "replace").rstrip("\r")
        hunk = patch.hunks[-1]
        (hunk.added if raw[:1] == b"+" else hunk.removed).append(line)


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines without their ends; of those that are very long, the beginning."""
    while line := stream.readline(_LONGEST_LINE):
        whole = line.endswith(b"\n")
        while not whole and (rest := stream.readline(1_000_000)):
            whole = rest.endswith(b"\n")
        yield line.removesuffix(b"\n")


def _named(name: bytes) -> str:
    text = name.decode("ascii")
    return "" if _NONE.fullmatch(text) else text
