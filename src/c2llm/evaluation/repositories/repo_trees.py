"""The files of a benchmark repository: a work tree as it stands, or a commit of a git directory.

A git directory is not checked out: the pinned commit's files are written into a cache, once, as git
keeps them, since `git archive` and `git checkout` run the filters of a repository. So it is with a
work tree that stands at another commit and whose git has the pinned one.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from c2llm.codebase.git import Git, is_git_directory
from c2llm.errors import DataError
from c2llm.evaluation.repositories.repo_questions import Repository

_LARGEST = 20_000_000
"""Bytes of a file that is written; no larger one is ever searched."""
_NO_NAMES = {"", ".", "..", ".git"}


@dataclass(frozen=True, slots=True)
class Tree:
    """Where the indexed part of a repository lies, and which commit it is as far as is known."""

    root: Path
    """The benchmark root itself."""
    revision: str
    """Hash of the commit, "" for a work tree without git."""


def find_tree(repository: Repository, repos: Path, cache: Path) -> Tree | None:
    """The tree to index, or None if `repos` has no directory of the repository's name.

    Args:
        repository: whose tree.
        repos: holds `NAME/` (a work tree) or `NAME` or `NAME.git` (a bare git directory) for each.
        cache: where files of a git directory are written.

    Raises:
        DataError: if the pinned commit or the benchmark root is not in it.
    """
    for folder in (repos / repository.name, repos / f"{repository.name}.git"):
        if folder.is_dir():
            bare = is_git_directory(folder)
            head = "" if bare else _head(folder)
            other = bool(head) and not head.startswith(repository.revision)
            if bare or (other and _has_commit(folder, repository.revision)):
                archived = _archived(repository, folder, cache)
                return Tree(_within(archived, repository), repository.revision)
            return Tree(_within(folder, repository), head)
    return None


def _within(folder: Path, repository: Repository) -> Path:
    root = folder / repository.benchmark_root
    if not root.is_dir():
        raise DataError(
            f"{folder} has no directory {repository.benchmark_root!r}, which {repository.name} is "
            f"measured on; fetch revision {repository.revision[:12]}."
        )
    return root


def _head(folder: Path) -> str:
    """The commit that a work tree stands at; its files may have been changed since."""
    if not (folder / ".git").exists():
        return ""
    return Git(folder).line("rev-parse", "HEAD") or ""


def _has_commit(folder: Path, revision: str) -> bool:
    return Git(folder).line("cat-file", "-e", f"{revision}^{{commit}}") is not None


def _archived(repository: Repository, folder: Path, cache: Path) -> Path:
    git = Git(folder, bare=is_git_directory(folder))
    revision = repository.revision or git.line("rev-parse", "HEAD") or "HEAD"
    kept = cache / f"{repository.name}-{revision[:12]}"
    if kept.is_dir():
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="unpacking-") as unpacking:
        files = Path(unpacking) / "files"
        try:
            objects = dict(_objects(git, revision, repository.benchmark_root))
            if not objects:
                raise DataError(f"there is nothing at {repository.benchmark_root or '.'!r}")
            asked = "".join(f"{name}\n" for name in objects.values()).encode()
            with git.stream("cat-file", "--batch", given=asked) as stream:
                for path in objects:
                    _write(files, path, stream)
        except DataError as error:
            raise DataError(
                f"{folder} cannot give revision {revision[:12]} of {repository.name} "
                f"({str(error).rstrip('.')}); fetch it."
            ) from error
        files.rename(kept)
    return kept


def _objects(git: Git, revision: str, below: str) -> Iterator[tuple[str, str]]:
    """Path and object of the files of a commit; links and other repositories are left out."""
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
            and int(fields[3] if fields[3].isdigit() else _LARGEST + 1) <= _LARGEST
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
