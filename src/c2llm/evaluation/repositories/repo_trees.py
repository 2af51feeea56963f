"""The files of a benchmark repository: a work tree as it stands, or a commit of a git directory.

A git directory is not checked out: the pinned commit's files are written into a cache, once, as git
keeps them (`codebase/revisions/unpacked.py`). So it is with a work tree that stands at another
commit and whose git has the pinned one.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from c2llm.codebase.git import Git, is_git_directory
from c2llm.codebase.revisions.unpacked import unpack
from c2llm.errors import DataError
from c2llm.evaluation.repositories.repo_questions import Repository

_LARGEST = 20_000_000
"""Bytes of a file that is written; no larger one is ever searched."""


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
            if not unpack(git, revision, files, repository.benchmark_root, largest=_LARGEST):
                raise DataError(f"there is nothing at {repository.benchmark_root or '.'!r}")
        except DataError as error:
            raise DataError(
                f"{folder} cannot give revision {revision[:12]} of {repository.name} "
                f"({str(error).rstrip('.')}); fetch it."
            ) from error
        files.rename(kept)
    return kept
