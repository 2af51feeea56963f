"""The git rules that come from outside a tree: of the repository around it and of the user."""

from __future__ import annotations

import os
import re
from pathlib import Path

from c2llm.codebase.files.ignore import IgnoreRules, parse_rules

_EXCLUDES_FILE = re.compile(r"^\s*excludesfile\s*=\s*\"?(.+?)\"?\s*$", re.MULTILINE | re.IGNORECASE)


def outer_rules(root: Path) -> list[IgnoreRules]:
    """Rules for root that no file below it holds, the strongest first.

    These are the `.gitignore` files above root up to the top of its repository, then
    `.git/info/exclude`, then `core.excludesFile`. Outside a repository there are none: git's
    rules need git's frontier to be known.
    """
    top = _repository_top(root)
    if top is None:
        return []
    rules: list[IgnoreRules | None] = []
    folder, prefix = root, ""
    while folder != top:
        prefix = f"{folder.name}/{prefix}"
        folder = folder.parent
        rules.append(_read(folder / ".gitignore", prefix))
    git_directory = _common_directory(top / ".git")
    rules.append(_read(git_directory / "info" / "exclude", prefix))
    excludes_file = _excludes_file(git_directory)
    if excludes_file is not None:
        rules.append(_read(excludes_file, prefix))
    return [found for found in rules if found is not None]


def _repository_top(root: Path) -> Path | None:
    for folder in (root, *root.parents):
        if (folder / ".git").exists():
            return folder
    return None


def _common_directory(git: Path) -> Path:
    """The directory with `info/exclude`: a worktree's `.git` is a file that points elsewhere."""
    if git.is_dir():
        return git
    pointer = _text(git)
    if pointer is None or not pointer.startswith("gitdir:"):
        return git
    private = git.parent / pointer.removeprefix("gitdir:").strip()
    common = _text(private / "commondir")
    return private if common is None else private / common.strip()


def _excludes_file(git_directory: Path) -> Path | None:
    home = Path.home()
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "git"
    for config in (git_directory / "config", home / ".gitconfig", settings / "config"):
        found = _EXCLUDES_FILE.findall(_text(config) or "")
        if found:
            return Path(found[-1]).expanduser()
    return settings / "ignore"


def _read(path: Path, prefix: str) -> IgnoreRules | None:
    text = _text(path)
    return None if text is None else parse_rules(text, prefix=prefix)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
