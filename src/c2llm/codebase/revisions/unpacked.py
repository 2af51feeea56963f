"""The files of a commit, written into a folder as git keeps them.

Not by `git archive` or `git checkout`: both run the filters of a repository.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from c2llm.codebase.files.walk import MAX_FILE_BYTES
from c2llm.codebase.git import Git, is_git_directory
from c2llm.errors import DataError

_NO_NAMES = {"", ".", "..", ".git"}


@contextmanager
def checked_out(root: Path) -> Iterator[Path]:
    """The files of a repository: `root` itself, or those of the last commit of a git directory.

    A bare repository has no files to walk; those of its HEAD lie in a temporary folder until the
    block ends. One without a commit gives an empty folder.
    """
    if not is_git_directory(root):
        yield root
        return
    git = Git(root, bare=True)
    with tempfile.TemporaryDirectory(prefix="c2llm-files-") as folder:
        if git.line("rev-parse", "--verify", "-q", "HEAD^{commit}"):
            unpack(git, "HEAD", Path(folder), largest=MAX_FILE_BYTES)
        yield Path(folder)


def unpack(git: Git, revision: str, folder: Path, below: str = "", *, largest: int) -> int:
    """Write the files of a commit into `folder`; returns how many it has.

    Links, other repositories, files above `largest` bytes and files that a partial clone has not
    are left out.

    Args:
        git: the repository.
        revision: a commit.
        folder: made if it is not there.
        below: a directory of the commit; "" is all.
        largest: bytes.

    Raises:
        DataError: if git cannot read the commit.
    """
    objects = dict(_objects(git, revision, below, largest))
    asked = "".join(f"{name}\n" for name in objects.values()).encode()
    if objects:
        with git.stream("cat-file", "--batch", given=asked) as stream:
            for path in objects:
                _write(folder, path, stream)
    return len(objects)


def _objects(git: Git, revision: str, below: str, largest: int) -> Iterator[tuple[str, str]]:
    """Path and object of the files of a commit."""
    listed = git.run(
        "ls-tree", "-r", "-z", "-l", "--full-tree", revision, "--", *([below] if below else [])
    )
    for entry in listed.split(b"\0"):
        head, _, name = entry.partition(b"\t")
        fields = head.decode("ascii", "replace").split()
        path = os.fsdecode(name)
        if (
            len(fields) == 4
            and fields[0].startswith("10")
            and int(fields[3] if fields[3].isdigit() else largest + 1) <= largest
            and not any(part.casefold() in _NO_NAMES for part in path.split("/"))
        ):
            yield path, fields[2]


def _write(files: Path, path: str, stream: IO[bytes]) -> None:
    """Write the next object of `git cat-file --batch`.

    Raises:
        DataError: It is not there.
    """
    fields = stream.readline().split()
    if len(fields) != 3 or not fields[2].isdigit():
        raise DataError(f"the object of {path} is missing")
    content = stream.read(int(fields[2]) + 1)[:-1]
    try:
        (files / path).parent.mkdir(parents=True, exist_ok=True)
        with (files / path).open("xb") as file:
            file.write(content)
    except (FileExistsError, NotADirectoryError):
        pass  # a tree may name one path twice, a file system take two names for one
    except OSError as error:
        if error.errno not in (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL):
            raise
