"""The rules that come from outside a tree: of the repository around it and of the user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from c2llm.codebase.files.attributes import (
    ATTRIBUTES_FILE,
    Attributes,
    parse_attributes,
)
from c2llm.codebase.files.confined import settings_text
from c2llm.codebase.files.ignore import IgnoreRules, parse_rules
from c2llm.codebase.files.repository import Repository


def outer_rules(root: Path, repository: Repository | None) -> list[IgnoreRules]:
    """Ignore rules for root that no file below it holds, the strongest first.

    These are the `.gitignore` files above root up to the top of its repository, then
    `.git/info/exclude`, then `core.excludesFile`. Outside a repository there are none: git's
    rules need git's frontier to be known.
    """
    if repository is None:
        return []
    found = [
        (settings_text(folder / ".gitignore"), prefix)
        for folder, prefix in folders_above(root, repository)
    ]
    below_top = prefix_of(root, repository)
    found.append((settings_text(repository.common / "info" / "exclude"), below_top))
    if repository.excludes_file is not None:
        found.append((settings_text(repository.excludes_file, follow=True), below_top))
    rules = (
        parse_rules(text, prefix=prefix, fold=repository.ignore_case)
        for text, prefix in found
        if text is not None
    )
    return [one for one in rules if one is not None]


def outer_attributes(root: Path, repository: Repository | None) -> list[Attributes]:
    """What the `.gitattributes` above root say, the nearest first."""
    if repository is None:
        return []
    found = (
        parse_attributes(text, prefix=prefix, fold=repository.ignore_case)
        for folder, prefix in folders_above(root, repository)
        if (text := settings_text(folder / ATTRIBUTES_FILE)) is not None
    )
    return [one for one in found if one is not None]


def folders_above(root: Path, repository: Repository) -> Iterator[tuple[Path, str]]:
    """The directories above root up to the repository's top, and root's path below each."""
    folder, prefix = root, ""
    while folder != repository.top:
        prefix = f"{folder.name}/{prefix}"
        folder = folder.parent
        yield folder, prefix


def prefix_of(root: Path, repository: Repository) -> str:
    """Root's path below the repository's top, "" or ending in `/`."""
    below = root.relative_to(repository.top).as_posix()
    return "" if below == "." else f"{below}/"
