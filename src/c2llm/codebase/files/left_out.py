"""Which files that are not indexed contain a name: a look through their bytes, bounded.

Only what the user may want to index is looked at, and only its path is told: files whose content
may be a secret or was never text are not opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from c2llm.codebase.files.attributes import GENERATED, VENDORED
from c2llm.codebase.files.confined import Directories, open_file
from c2llm.codebase.files.walk import Skipped
from c2llm.codebase.languages import detect_language, family

_TEXT = (
    *("generated", GENERATED, VENDORED),
    *("minified", "too large", "lockfile", "data", "broken notebook"),
)
_RULED = ("ignored by git", ".c2llmignore")
_CODE_ALONE = (*_RULED, "binary")  # a NUL may have strayed into code
INCURABLE = frozenset(("broken notebook", "binary"))
"""Reasons that no rule of a repository overrules."""
_DIRECTORIES = (*_RULED, VENDORED, "dependencies", "build output", "nested repository")
_REASONS = (*_TEXT, *_CODE_ALONE, *_DIRECTORIES)
"""What is looked at, in this order."""
_PERHAPS_SECRET = re.compile(r"\.(pem|crt|cer|key|p12|asc|gpg|har|dump|log)$", re.IGNORECASE)
_MOST_FILES = 3_000
_MOST_BYTES = 64_000_000
_MOST_OF_FILE = 8_000_000
_MOST_FOUND = 5
_WORD = re.compile(rb"\w")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was found, and whether all was looked at."""

    files: dict[str, tuple[Skipped, ...]]
    """For each name some files that contain it, with why they are left out."""
    complete: bool


def find_left_out(root: str, skipped: Iterable[Skipped], names: Sequence[str]) -> LeftOut:
    """Look for names, whole and in any case, in files that are left out.

    Args:
        root: The directory that was walked.
        skipped: What the walk left out; a path that ends in `/` stands for all below it.
        names: What to look for.
    """
    # The letters of bytes are those of ASCII: others are looked for as they are spelled.
    wanted = {name: name.encode("utf-8", "surrogateescape").lower() for name in names}
    found: dict[str, list[Skipped]] = {name: [] for name in names}
    root = os.path.realpath(root)
    size = 0
    for number, file in enumerate(_files(root, skipped)):
        if number >= _MOST_FILES or size > _MOST_BYTES:
            return LeftOut(_told(found), complete=False)
        content = _content(root, file.path).lower()
        size += len(content)
        for name, spelled in wanted.items():
            if len(found[name]) < _MOST_FOUND and _contains(content, spelled):
                found[name].append(file)
        if all(len(places) == _MOST_FOUND for places in found.values()):
            break
    return LeftOut(_told(found), complete=True)


def _told(found: dict[str, list[Skipped]]) -> dict[str, tuple[Skipped, ...]]:
    return {name: tuple(files) for name, files in found.items() if files}


def _files(root: str, skipped: Iterable[Skipped]) -> Iterator[Skipped]:
    """The files to look at: those that were judged alone first, then those of whole directories."""
    known = [skip for skip in skipped if skip.reason in _REASONS]
    known.sort(key=lambda skip: (skip.path.endswith("/"), _REASONS.index(skip.reason), skip.path))
    for skip in known:
        if skip.path.endswith("/"):
            if skip.reason in _DIRECTORIES:
                yield from _code_below(root, skip)
        elif skip.reason in _TEXT:
            if not _PERHAPS_SECRET.search(skip.path):
                yield skip
        elif _is_code(skip.path):
            yield skip


def _code_below(root: str, directory: Skipped) -> Iterator[Skipped]:
    pending = [directory.path]
    with Directories(root) as directories:
        while pending:
            path = pending.pop()
            try:
                entries = directories.scan(path)[0]
                # What stands there is asked before the next directory is listed.
                kinds = {
                    name: (
                        entry.is_dir(follow_symlinks=False),
                        entry.is_file(follow_symlinks=False),
                    )
                    for name, entry in sorted(entries.items())
                }
            except OSError:
                continue
            for name, (is_directory, is_file) in kinds.items():
                if is_directory and name != ".git":
                    pending.append(f"{path}{name}/")
                elif is_file and _is_code(name):
                    yield Skipped(path + name, directory.reason)


def _is_code(path: str) -> bool:
    """Whether a name is that of source code, which `.env` and keys are not."""
    language = detect_language(path)
    return language is not None and family(language) == "code"


def _content(root: str, path: str) -> bytes:
    """The beginning of a regular file, b"" for what is none or cannot be read."""
    try:
        with open_file(root, path) as stream:
            return stream.read(_MOST_OF_FILE)
    except OSError:
        return b""


def _contains(content: bytes, name: bytes) -> bool:
    """Whether a name stands there and is not part of a longer one."""
    at = content.find(name)
    while at >= 0:
        end = at + len(name)
        if not _WORD.match(content[at - 1 : at]) and not _WORD.match(content[end : end + 1]):
            return True
        at = content.find(name, end)
    return False
