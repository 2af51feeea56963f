"""The line that ends every answer: which commit, which files and which vectors it speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from c2llm.codebase.git import Git
from c2llm.codebase.revisions.uncommitted import uncommitted
from c2llm.errors import DataError
from c2llm.search.answer import SearchedIndex

_GIT_SECONDS = 2.0
_TOLD = {"root", "label", "model", "table_model", "files", "chunks", "embedded", "stale"}
"""Fields of `SearchedIndex` that have words of their own here; any other number is told by name."""
_LEFT_ASIDE = {"left_out"}


def state_of(index: SearchedIndex, paths: Iterable[str], *, compared: bool = True) -> str:
    """What one index answered from, in one line.

    Args:
        index: The index as it was when it answered.
        paths: Its files.
        compared: Whether it was compared with the tree before.
    """
    if index.repositories is not None:
        many = "repository as of its" if index.repositories == 1 else "repositories as of their"
        count = f"{index.repositories:,} {many} last refresh"
        return f"[{index.root}: {count}; {index.files:,} files; {_vectors(index)}]"
    name = index.label or Path(index.root).name or index.root
    files = _files(index) if compared else f"{index.files:,} files indexed, NOT compared with disk"
    parts = [commit_of(Path(index.root), paths), files, _vectors(index), *_others(index)]
    return f"[{name}: {'; '.join(part for part in parts if part)}]"


def commit_of(root: Path, paths: Iterable[str] | None) -> str:
    """The commit, and how many of these files are not as it has them."""
    git = Git(root, seconds=_GIT_SECONDS)
    commit = _head(git)
    if commit is None:
        return "no commit"
    if paths is None:
        return commit
    try:
        changes = uncommitted(git, paths)
    except DataError:
        return f"{commit}, uncommitted changes unknown"
    dirty = [
        f"{len(found):,} {what}"
        for found, what in ((changes.changed, "changed"), (changes.untracked, "untracked"))
        if found
    ]
    return f"{commit} + {' and '.join(dirty)} files" if dirty else f"{commit}, clean"


def commit_of_file(root: Path, path: str) -> str:
    """Whether one file, as it was read from the disk, is as the commit has it."""
    git = Git(root, seconds=_GIT_SECONDS)
    commit = _head(git)
    told = "uncommitted changes unknown"
    if commit is not None:
        with suppress(DataError):
            changes = uncommitted(git, [path])
            told = "the file is as committed"
            if changes.changed:
                told = "the file has uncommitted changes"
            elif changes.untracked:
                told = "the file is untracked"
    state = f"{commit}, {told}" if commit else "no commit"
    return f"[{root.name}: {state}; read from disk now]"


def _head(git: Git) -> str | None:
    commit = git.line("rev-parse", "--short=10", "HEAD")
    if commit is None:
        return None
    branch = git.line("rev-parse", "--abbrev-ref", "HEAD") or "HEAD"
    return f"commit {commit}" + ("" if branch == "HEAD" else f" ({branch})")


def _files(index: SearchedIndex) -> str:
    told = f"{index.files:,} files indexed"
    if index.stale:
        return f"{told}, {index.stale:,} changed or new ones NOT read yet"
    return f"{told}, up to date"


def _vectors(index: SearchedIndex) -> str:
    if index.model is None:
        return "words only"
    told = f"{index.embedded:,} of {index.chunks:,} chunks by {index.model}"
    return f"{told}, all by {index.table_model}" if index.table_model else told


def _others(index: SearchedIndex) -> Iterator[str]:
    """What an index tells beside these, such as files that were not read."""
    for one in fields(index):
        value = getattr(index, one.name)
        if one.name not in _TOLD | _LEFT_ASIDE and isinstance(value, int) and value:
            yield f"{value:,} files {one.name.replace('_', ' ')}"
