"""Repositories inside a tree: which are part of it, and which of its submodules are not there.

A submodule belongs to the repository around it, and the worktrees of a bare repository that lies in
the tree (`.bare` beside `main/` and `feature/`) are what there is to search. Any other repository,
a clone or a linked worktree of an ordinary one, is somebody else's or a copy.
"""

from __future__ import annotations

import os
import re
from collections.abc import Container
from pathlib import Path

from c2llm.codebase.files.confined import settings_text
from c2llm.lazy_pattern import lazy_pattern

_MOST_SUBMODULES = 1000
_PATH = lazy_pattern(r'^[ \t]*path[ \t]*=[ \t]*"?([^"\x00-\x1f]{1,1000}?)"?[ \t\r]*$', re.MULTILINE)

NOT_CHECKED_OUT = "submodule not checked out"
"""The reason that is counted for a submodule whose directory is empty."""


def is_part(folder: str, root: str) -> bool:
    """Whether a directory that has a `.git` belongs to the tree around it.

    Args:
        folder: The directory, absolute.
        root: The root of the tree, absolute and resolved.
    """
    pointer = settings_text(f"{folder}/.git") or ""
    if not pointer.startswith("gitdir:"):
        return False
    target = os.path.normpath(Path(folder, pointer.removeprefix("gitdir:").strip()))
    parts = target.replace("\\", "/").split("/")
    if len(parts) > 2 and parts[-2] == "worktrees":
        bare = "/".join(parts[:-2])
        return parts[-3] != ".git" and bare.startswith(root.rstrip("/") + "/")
    return "modules" in parts


def is_git_directory(names: Container[str]) -> bool:
    """Whether a directory with entries of these names is what `.git` is elsewhere."""
    return "HEAD" in names and "objects" in names


def missing_submodules(root: str) -> list[str]:
    """Paths of the submodules that `.gitmodules` names and that are not checked out."""
    found: list[str] = []
    for path in _PATH.findall(settings_text(f"{root}/.gitmodules") or "")[:_MOST_SUBMODULES]:
        clean = os.path.normpath(path).replace("\\", "/")
        if clean.startswith(("/", "..")) or clean == ".":
            continue
        try:
            with os.scandir(f"{root}/{clean}") as entries:
                if next(entries, None) is None:
                    found.append(clean)
        except FileNotFoundError:
            found.append(clean)
        except OSError:
            continue
    return sorted(set(found))
