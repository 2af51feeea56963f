"""What a user names to a tree: a folder, a file, a revision, or `PATH@REVISION`."""

from __future__ import annotations

import os
from pathlib import Path

from c2llm.analysis.trees.code_tree import CodeTree
from c2llm.analysis.trees.folder import FileTree, FolderTree, Stamps
from c2llm.analysis.trees.revision import RevisionTree, commit_named, repository_at
from c2llm.codebase.git import Git, is_git_directory
from c2llm.errors import UsageError


def open_tree(name: str, repo: Path, known: Stamps | None = None) -> CodeTree:
    """The tree that a name means.

    A folder or a file of that name comes first; a revision that is called like one is meant by
    `.@NAME`. A bare repository stands for its `HEAD`.

    Args:
        name: As the user wrote it.
        repo: Where revisions are looked up: in a work tree, or a bare repository. Of a folder in a
            work tree only what is below it is compared.
        known: See `FolderTree`.

    Raises:
        UsageError: It is neither.
    """
    path = Path(name)
    if name and os.path.lexists(path):
        return _of_path(path, name, known)
    revision = _of_revision(name, repo)
    if revision is not None:
        return revision
    before, at, after = name.rpartition("@")
    # `main@{yesterday}` is a revision and no path at one.
    if at and before and after and not after.startswith("{"):
        return _of_both(before, after, repo, name)
    if "/" in name or os.sep in name or "." in name:
        raise UsageError(f"There is no folder, file or revision {name!r} (looked in {repo}).")
    repository_at(repo)
    raise UsageError(
        f"{name!r} is no folder or file, and git has no such revision in {repo}; in a shallow "
        "clone fetch it first (git fetch --unshallow)."
    )


def _of_path(path: Path, name: str, known: Stamps | None) -> CodeTree:
    if not path.is_dir():
        return FileTree(path, name)
    if is_git_directory(path):
        return RevisionTree(repository_at(path), "HEAD", label=name)
    return FolderTree(path, name, known)


def _of_revision(name: str, repo: Path) -> CodeTree | None:
    if not repo.is_dir():
        raise UsageError(f"There is no folder {repo}.")
    git = Git(repo, bare=is_git_directory(repo))
    if commit_named(git, name) is None:
        return None
    top, within = _top(git)
    return RevisionTree(top, name, within, name)


def _of_both(before: str, revision: str, repo: Path, name: str) -> CodeTree:
    """A path of a work tree, or of the repository alone, at a revision."""
    path = Path(before)
    if path.is_dir() and is_git_directory(path):
        return RevisionTree(repository_at(path), revision, label=name)
    if path.is_absolute() or os.path.lexists(path):
        # What is gone today may have been there: the nearest folder tells the repository.
        folder = path if path.is_dir() else path.parent
        rest = "" if path.is_dir() else path.name
        while not folder.is_dir() and folder != folder.parent:
            folder, rest = folder.parent, f"{folder.name}/{rest}"
        git = repository_at(folder)
    else:
        git, rest = repository_at(repo), path.as_posix()
    top, within = _top(git)
    inner = "/".join(part for part in (within, rest) if part)
    return RevisionTree(top, revision, inner, name)


def _top(git: Git) -> tuple[Git, str]:
    """The repository from its top, and where in it the folder is."""
    prefix = git.line("rev-parse", "--show-prefix") or ""
    top = git.line("rev-parse", "--show-toplevel") if prefix else ""
    return (Git(Path(top)), prefix.rstrip("/")) if top else (git, "")
