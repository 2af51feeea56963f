"""The repository around a tree, as far as its ignore rules need it: read without asking git.

What `.git` holds is as hostile as the tree itself, so that all of it is read by `confined`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from c2llm.codebase.files.confined import settings_text
from c2llm.lazy_pattern import lazy_pattern

_SECTION = lazy_pattern(r'[ \t]*\[[ \t]*([\w.-]+)(?:[ \t]+"((?:[^"\\\n]|\\.)*)")?[ \t]*\]')
_KEY = lazy_pattern(r"[ \t]*([A-Za-z][\w-]*)[ \t]*(=?)[ \t]*")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", '"': '"', "\\": "\\"}
_MOST_INCLUDED = 20
"""Files that settings include, by whatever way; it ends those that include themselves."""
_TRUE = ("true", "yes", "on", "1")


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository with a work tree."""

    top: Path
    """The directory that holds `.git`."""
    private: Path
    """The work tree's own git directory, with its index."""
    common: Path
    """The git directory that all work trees share, with `info/exclude`."""
    excludes_file: Path | None
    """The user's ignore file, whether it is there or not."""
    ignore_case: bool
    """`core.ignorecase`."""
    hash_bytes: int
    """Bytes of an object's name in the index."""


def find_repository(root: Path) -> Repository | None:
    """The repository that root is the top of, or in; None where there is none."""
    for folder in (root, *root.parents):
        git = folder / ".git"
        try:
            mode = git.stat().st_mode
        except (OSError, ValueError):
            continue
        if stat.S_ISDIR(mode):
            return _described(folder, git, git)
        if stat.S_ISREG(mode):
            return _described(folder, *_pointed(git))
    return None


def _pointed(git: Path) -> tuple[Path, Path]:
    """The directories behind the `.git` of a worktree or submodule: a file that points to them."""
    pointer = settings_text(git)
    if pointer is None or not pointer.startswith("gitdir:"):
        return git, git
    private = git.parent / pointer.removeprefix("gitdir:").strip()
    common = settings_text(private / "commondir")
    return private, private if common is None else private / common.strip()


def _described(top: Path, private: Path, common: Path) -> Repository:
    own = dict(_settings(common / "config", follow=False))
    excludes = own.get("core.excludesfile")
    if excludes is None:
        excludes = _of_user("core.excludesfile")
    fold = own.get("core.ignorecase", "false").lower() in _TRUE
    sha256 = own.get("extensions.objectformat", "").lower() == "sha256"
    excludes_file = _default_excludes() if excludes is None else _expanded(excludes, top)
    return Repository(top, private, common, excludes_file, fold, 32 if sha256 else 20)


def _of_user(key: str) -> str | None:
    """A setting of the user or of the machine, the nearest first."""
    for file in (_home(".gitconfig"), _config_home("config"), Path("/etc/gitconfig")):
        found = {} if file is None else dict(_settings(file, follow=True))
        if key in found:
            return found[key]
    return None


def _default_excludes() -> Path | None:
    return _config_home("ignore")


def _config_home(name: str) -> Path | None:
    set_by_user = os.environ.get("XDG_CONFIG_HOME")
    return Path(set_by_user, "git", name) if set_by_user else _home(f".config/git/{name}")


def _home(name: str) -> Path | None:
    try:
        return Path.home() / name
    except RuntimeError:  # a user without an entry and without HOME
        return None


def _expanded(path: str, base: Path) -> Path | None:
    """A path as a setting writes it; None where it names a user that nobody is."""
    try:
        return base / Path(path).expanduser() if path else None
    except (RuntimeError, ValueError):
        return None


def _settings(file: Path, *, follow: bool) -> Iterator[tuple[str, str]]:
    """Names, in lower case, and values, in their order; the last one counts.

    Args:
        file: A file as `git config` writes it.
        follow: Whether it may be a link.
    """
    waiting = [_read(file, follow=follow)]
    included = 0
    while waiting:
        name, value = next(waiting[-1], ("", ""))
        if not name:
            waiting.pop()
        elif name == "include.path" and included < _MOST_INCLUDED:
            included += 1
            other = _expanded(value, file.parent)
            if other is not None:
                waiting.append(_read(other, follow=follow))
        else:
            yield name, value


def _read(file: Path, *, follow: bool) -> Iterator[tuple[str, str]]:
    text = settings_text(file, follow=follow)
    return iter(()) if text is None else parse_settings(text)


def parse_settings(text: str) -> Iterator[tuple[str, str]]:
    """Names, in lower case but for what a section's quotes hold, and values of git's settings.

    Args:
        text: What a file holds that `git config` writes. A line that git would refuse is passed
            over.
    """
    section = ""
    at, end = 0, len(text)
    while at < end:
        match = _SECTION.match(text, at)
        if match:
            section = match[1].lower() + (f".{match[2]}" if match[2] is not None else "")
            at = match.end()
        key = _KEY.match(text, at)
        if key is None:
            newline = text.find("\n", at)
            at = end if newline < 0 else newline + 1
        elif key[2]:
            value, at = _value(text, key.end())
            yield f"{section}.{key[1].lower()}", value
        else:
            at = key.end()
            yield f"{section}.{key[1].lower()}", "true"


def _value(text: str, at: int) -> tuple[str, int]:
    """A value and the position behind its line: without quotes, escapes, comment, outer blanks."""
    out: list[str] = []
    kept = 0
    """Pieces up to the last one that is no blank outside quotes."""
    quoted = False
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\n":
            break
        if char == "\\" and at < len(text):
            following = text[at]
            at += 1
            if following != "\n":  # at a line's end it goes on in the next one
                out.append(_ESCAPES.get(following, following))
            kept = len(out)
        elif char == '"':
            quoted = not quoted
            kept = len(out)
        elif char in "#;" and not quoted:
            newline = text.find("\n", at)
            at = len(text) if newline < 0 else newline + 1
            break
        elif quoted or not char.isspace():
            out.append(char)
            kept = len(out)
        elif out:
            out.append(char)
    return "".join(out[:kept]), at
