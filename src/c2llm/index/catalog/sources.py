"""What is to be added to a catalog: directories, URLs, folders of clones, lists and exports.

An export is what GitHub or GitLab say of repositories, or programs that ask them: a list of
objects, one list after the other, or an object a line. What is in a file is somebody else's text:
what has another type than it should is counted and left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from c2llm.codebase.git import is_git_directory
from c2llm.errors import DataError, UsageError
from c2llm.index.catalog.catalogs import Candidate, path_names
from c2llm.index.catalog.remotes import looks_like_url, parse_url
from c2llm.index.store.location import existing_directory, user_path

_MOST_BYTES = 256_000_000
_MOST_REPOSITORIES = 1_000_000
_DEEPEST_FOLDER = 4
_LISTS = ("items", "repositories", "projects", "values", "data", "nodes")
"""Under which names objects of other programs hold their list."""
_NAMES = ("full_name", "path_with_namespace", "nameWithOwner", "name")
_HTTPS = ("clone_url", "http_url_to_repo", "httpUrlToRepo", "url", "web_url")
_SSH = ("ssh_url", "ssh_url_to_repo", "sshUrl", "sshUrlToRepo")
_ARCHIVED = ("archived", "isArchived")
_FORK = ("fork", "isFork", "forked_from_project")


@dataclass(slots=True)
class Found:
    """Repositories that a list or a folder names."""

    candidates: list[Candidate] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    """What is wrong with the others, as many as are worth telling."""
    left_out: int = 0
    """Archived repositories or forks, where those were not wanted."""
    has_secrets: bool = False
    """A URL has a name or a password in it."""

    def add(self, candidate: Candidate) -> None:
        """Take a repository in."""
        if len(self.candidates) >= _MOST_REPOSITORIES:
            raise UsageError(f"There are more than {_MOST_REPOSITORIES:,} repositories.")
        url = candidate.url
        self.has_secrets |= url is not None and bool(url.username or url.password)
        self.candidates.append(candidate)


def named_sources(sources: Sequence[str], *, kept: bool) -> Found:
    """Directories and URLs that the user gave.

    Args:
        sources: The words.
        kept: The last commit of directories is to be kept, and not their files as they are.

    Raises:
        UsageError: One is neither.
    """
    found = Found()
    for source in sources:
        found.add(_source(source, live=not kept))
    return found


def repositories_in(folder: str) -> Found:
    """The repositories in a folder of clones, at most four folders deep.

    Raises:
        UsageError: It is no directory, or there is none in it.
    """
    found = Found()
    root = existing_directory(folder)
    for path in _repositories(str(root), _DEEPEST_FOLDER):
        found.add(Candidate(path_names(os.path.relpath(path, root)), path=path))
    if not found.candidates:
        raise UsageError(f"There is no git repository in {root}; give the folder of the clones.")
    return found


def listed_in(
    text: str, base: Path, *, ssh: bool = False, archived: bool = True, forks: bool = True
) -> Found:
    """The repositories of a list: JSON, or a path or URL a line.

    Args:
        text: The list.
        base: The directory that relative paths are meant from.
        ssh: Of two URLs of a repository take that of ssh.
        archived: Take archived repositories too.
        forks: Take forks too.

    Raises:
        DataError: It is neither.
    """
    found = Found()
    if text.lstrip()[:1] in ("[", "{"):
        for one in _objects(text):
            _exported(found, one, ssh=ssh, archived=archived, forks=forks)
    else:
        for number, line in enumerate(text.splitlines(), 1):
            words = line.strip()
            if words and not words.startswith("#"):
                try:
                    found.add(_source(words, live=False, base=base))
                except UsageError as error:
                    found.unusable.append(f"line {number}: {error}")
    if not found.candidates and not found.left_out:
        why = f" ({found.unusable[0].rstrip('.')})" if found.unusable else ""
        raise DataError(f"The list names no repository{why}.")
    return found


def read_list(file: Path) -> str:
    """The text of a list.

    Raises:
        DataError: It cannot be read, is too large, or is no text.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror}).") from error
    return decoded_list(content, str(file))


def decoded_list(content: bytes, name: str) -> str:
    """The text of a list that was read.

    Raises:
        DataError: It is too large, or no text.
    """
    if len(content) > _MOST_BYTES:
        raise DataError(f"{name} has more than {_MOST_BYTES / 1e6:.0f} MB; split it.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8; save it as UTF-8.") from error


def _source(text: str, *, live: bool, base: Path | None = None) -> Candidate:
    path = user_path(text) if base is None else base / user_path(text)
    if looks_like_url(text) and not path.exists():
        url = parse_url(text)
        return Candidate(tuple(url.names), url=url)
    root = existing_directory(path)
    if not live and not (is_git_directory(root) or (root / ".git").exists()):
        raise UsageError(f"{root} is no git repository, so there is no commit to be kept.")
    return Candidate(path_names(str(root)), path=str(root), live=live)


def _repositories(folder: str, deepest: int) -> Iterator[str]:
    """Repositories below a folder, sorted; none inside another one, and no link is followed."""
    try:
        with os.scandir(folder) as entries:
            below = sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for path in below:
        root = Path(path)
        if (root / ".git").exists() or is_git_directory(root):
            yield path
        elif deepest > 1 and not root.name.startswith("."):
            yield from _repositories(path, deepest - 1)


# -- exports ---------------------------------------------------------------------------------------


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The objects of JSON values that follow upon each other, in whatever lists they are.

    Raises:
        DataError: It is no JSON.
    """
    decoder = json.JSONDecoder()
    at = 0
    while at < len(text):
        if text[at].isspace() or text[at] == ",":
            at += 1
            continue
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError, MemoryError) as error:
            raise DataError(f"The list is no JSON ({str(error)[:100]}).") from error
        yield from _in_lists(value)


def _in_lists(value: object) -> Iterator[dict[str, Any]]:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            stack += reversed(one)
        elif isinstance(one, dict):
            inner = next((one[key] for key in _LISTS if isinstance(one.get(key), list)), None)
            if inner is None:
                yield one
            else:
                stack.append(inner)


def _exported(
    found: Found, said: dict[str, Any], *, ssh: bool, archived: bool, forks: bool
) -> None:
    if (not archived and _is_true(said, _ARCHIVED)) or (not forks and _is_true(said, _FORK)):
        found.left_out += 1
        return
    name = _text(said, _NAMES)
    texts = [_text(said, keys) for keys in ((_SSH, _HTTPS) if ssh else (_HTTPS, _SSH))]
    for text in filter(None, texts):
        if text.startswith(("https://api.", "http://api.")):
            continue  # what GitHub calls `url` is that of its interface
        try:
            url = parse_url(text)
        except UsageError as error:
            found.unusable.append(str(error))
            return
        if url.url.startswith("file:"):  # what somebody exports has no say over what is here
            continue
        names = [name, *url.names] if "/" in name else url.names
        found.add(Candidate(tuple(names), url=url))
        return
    what = repr(name[:80]) if name else "an entry"
    found.unusable.append(f"{what} has no URL to be fetched from.")


def _text(said: dict[str, Any], keys: Sequence[str]) -> str:
    return next((said[key] for key in keys if isinstance(said.get(key), str) and said[key]), "")


def _is_true(said: dict[str, Any], keys: Sequence[str]) -> bool:
    return any(bool(said.get(key)) for key in keys)
