"""The files of a benchmark repository: a work tree as it stands, or a commit of a git directory.

A git directory is not checked out: `git archive` writes the pinned commit's files into a cache,
once. So it is with a work tree that stands at another commit and whose git has the pinned one.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from c2llm.codebase.git import Git
from c2llm.errors import DataError
from c2llm.evaluation.repositories.repo_questions import Repository


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
            bare = _is_git_directory(folder)
            head = "" if bare else _head(folder)
            other = bool(head) and not head.startswith(repository.revision)
            if bare or (other and _has_commit(folder, repository.revision)):
                archived = _archived(repository, folder, cache)
                return Tree(_within(archived, repository), repository.revision)
            return Tree(_within(folder, repository), head)
    return None


def _is_git_directory(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir()


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
    revision = repository.revision or "HEAD"
    kept = cache / f"{repository.name}-{revision[:12]}"
    if kept.is_dir() and repository.revision:
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    git = Git(folder)
    command = git.command("archive", "--format=tar", revision)
    if repository.benchmark_root:
        command += ["--", repository.benchmark_root]
    with tempfile.TemporaryDirectory(dir=cache, prefix="unpacking-") as unpacking:
        archive = Path(unpacking) / "archive.tar"
        with archive.open("wb") as stream:
            done = subprocess.run(
                command, stdout=stream, stderr=subprocess.PIPE, check=False, env=git.environment
            )
        if done.returncode != 0:
            reason = done.stderr.decode(errors="replace").strip().splitlines()
            raise DataError(
                f"{folder} cannot give revision {revision[:12]} of {repository.name} "
                f"({reason[-1] if reason else 'git failed'}); fetch it."
            )
        files = Path(unpacking) / "files"
        with tarfile.open(archive) as tar:
            tar.extractall(files, filter=_harmless)
        shutil.rmtree(kept, ignore_errors=True)
        files.rename(kept)
    return kept


def _harmless(member: tarfile.TarInfo, destination: str) -> tarfile.TarInfo | None:
    """Leave out what points outside: a link to /etc is no reason to refuse a repository."""
    try:
        return tarfile.data_filter(member, destination)
    except tarfile.FilterError:
        return None
