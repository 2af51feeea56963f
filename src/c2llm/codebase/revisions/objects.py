"""The contents of many objects of a repository, by one command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from c2llm.codebase.git import Git
from c2llm.errors import DataError

_PIECE_BYTES = 1_000_000
_MOST_STARTS = 20
"""Of git for one list; what it has not answered by then is taken for missing."""


class GitObject(NamedTuple):
    """What git has under a name."""

    name: str
    content: bytes
    """As much of it as was asked for."""
    is_whole: bool
    """There is no more of it."""
    is_there: bool = True
    """Git has it; else, as in a partial or a shallow clone, there is no content."""


def read_objects(git: Git, names: Sequence[str], most_bytes: int) -> Iterator[GitObject]:
    """Read objects one after the other, each as it is asked for.

    Args:
        git: The repository.
        names: Hashes.
        most_bytes: So much of the content of each at most.

    Yields:
        One for each name, in their order.

    Raises:
        DataError: Git cannot be started, or its time was up.
    """
    waiting = list(names)
    for _ in range(_MOST_STARTS):
        if not waiting:
            return
        answered = 0
        for one in _answers(git, waiting, most_bytes):
            answered += 1
            yield one
        waiting = waiting[answered:]
        if waiting:  # it ends at an object of a partial clone that it may not fetch
            yield GitObject(waiting.pop(0), b"", is_whole=False, is_there=False)
    for name in waiting:
        yield GitObject(name, b"", is_whole=False, is_there=False)


def _answers(git: Git, names: Sequence[str], most_bytes: int) -> Iterator[GitObject]:
    """What git answers until it ends, which may be too early."""
    given = "".join(f"{name}\n" for name in names).encode("ascii", "replace")
    with git.stream("cat-file", "--batch", given=given) as output:
        for name in names:
            head = output.readline().split()
            if head[1:] == [b"missing"]:
                yield GitObject(name, b"", is_whole=False, is_there=False)
                continue
            if len(head) != 3 or not head[2].isdigit():
                return
            size = int(head[2])
            content = output.read(min(size, most_bytes))
            left = size + 1 - len(content)  # a line break follows
            while left > 0 and (more := output.read(min(left, _PIECE_BYTES))):
                left -= len(more)
            yield GitObject(name, content, is_whole=len(content) == size)


def lacking(git: Git, name: str) -> DataError:
    """That git does not have an object, as a sentence with the cure."""
    return DataError(
        f"git lacks the object {name[:12]} of {git.root}; in a partial clone fetch it first "
        "(git fetch --refetch), in a shallow one the rest of it (git fetch --unshallow)."
    )
