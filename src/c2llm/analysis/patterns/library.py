"""Where patterns are kept: those that ship, those of a tree that is searched, those of a folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from c2llm.analysis.patterns.pattern import SEVERITIES, Pattern, pattern_of
from c2llm.analysis.patterns.yaml_text import MOST_BYTES, read_yaml
from c2llm.codebase.files.confined import open_file
from c2llm.errors import DataError, UsageError
from c2llm.printable import printable

OWN_FOLDER = ".c2llm/patterns"
"""Below the root of a tree: its own patterns."""
_SHIPPED = Path(__file__).with_name("shipped")
_MOST_FILES = 200
_SUFFIXES = (".yaml", ".yml")


@cache
def shipped_patterns() -> tuple[Pattern, ...]:
    """The patterns that come with this program, by name."""
    return read_library(_SHIPPED)


def read_library(folder: Path) -> tuple[Pattern, ...]:
    """The patterns in the files of a folder, by name; folders in it are not looked into.

    No link is followed out of the folder, and nothing but regular files is opened.

    Raises:
        UsageError: There is no such folder.
        DataError: A file is no pattern, or two have one name.
    """
    try:
        names = sorted(one.name for one in folder.iterdir() if one.suffix in _SUFFIXES)
    except OSError as error:
        raise UsageError(f"There is no folder of patterns {folder} ({error.strerror}).") from error
    if len(names) > _MOST_FILES:
        raise DataError(
            f"{folder} has {len(names)} patterns; at most {_MOST_FILES} are read. Split it up."
        )
    patterns = [read_pattern(folder, name) for name in names if not name.startswith(".")]
    return tuple(sorted(patterns, key=lambda pattern: pattern.name))


def read_pattern(folder: Path, name: str) -> Pattern:
    """The pattern in a file.

    Raises:
        DataError: It cannot be read, or is no pattern.
    """
    source = printable(str(folder / name))
    try:
        with open_file(str(folder.resolve()), name) as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"{source} cannot be read ({error.strerror or error}).") from error
    pattern = pattern_of(read_yaml(content, source), source)
    stem = name.rpartition(".")[0]
    if pattern.name != stem:
        raise DataError(
            f"{source} holds the pattern {pattern.name!r}; call the file {pattern.name}.yaml."
        )
    return pattern


def library_for(roots: Iterable[Path], folders: Sequence[Path] = ()) -> tuple[Pattern, ...]:
    """All patterns that are looked for in some trees.

    A tree's own patterns only add to what is looked for: one that has the name of another is
    refused, so that a tree cannot put something harmless in the place of what would find it.

    Args:
        roots: The trees, whose own patterns are taken.
        folders: Folders of patterns that the user has named.

    Raises:
        UsageError: A folder is not there.
        DataError: A file is no pattern, or two are of one name and differ.
    """
    known = {pattern.name: pattern for pattern in shipped_patterns()}
    own = [folder for root in roots if (folder := _own_folder(root)) is not None]
    for folder in dict.fromkeys([*folders, *own]):
        for pattern in read_library(folder):
            other = known.setdefault(pattern.name, pattern)
            if other is not pattern and other.digest != pattern.digest:
                raise DataError(
                    f"{pattern.source} has the name of {other.source}; give it another one."
                )
    return tuple(known[name] for name in sorted(known))


def _own_folder(root: Path) -> Path | None:
    """The folder of a tree's own patterns; one that is a link, or below a link, is none."""
    root = root.resolve()
    folder = root / OWN_FOLDER
    return folder if folder.is_dir() and folder.resolve() == folder else None


def chosen(
    patterns: Sequence[Pattern], only: Sequence[str], without: Sequence[str]
) -> tuple[Pattern, ...]:
    """Those of some patterns that are asked for; a severity stands for all that have it.

    Raises:
        UsageError: A name is unknown, or nothing is left.
    """
    known = {pattern.name for pattern in patterns} | set(SEVERITIES)
    for name in (*only, *without):
        if name not in known:
            names = ", ".join(sorted(pattern.name for pattern in patterns))
            raise UsageError(f"There is no pattern {name!r}; there are: {names}.")
    found = tuple(
        pattern
        for pattern in patterns
        if (not only or not {pattern.name, pattern.severity}.isdisjoint(only))
        and {pattern.name, pattern.severity}.isdisjoint(without)
    )
    if not found:
        raise UsageError("No pattern is left to look for; leave --only or --without out.")
    return found
