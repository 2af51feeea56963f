"""Named lists of repositories, so that `search QUERY @work` asks all of them.

They are kept as one readable JSON file, `catalogs.json`, its owner's alone since a URL may have had
a password. A list of `workspaces.json`, which older versions wrote, is read as a catalog of live
directories, and is taken over when something is written.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from c2llm.codebase.revisions.clone import Remote
from c2llm.errors import C2LLMError, UsageError
from c2llm.home import home_folder
from c2llm.index.catalog.remotes import GitUrl, without_password
from c2llm.index.store.location import cache_home, resolved_path
from c2llm.index.store.lock import holding
from c2llm.index.store.private import check_file, check_folder, check_home, make_file, make_folder

SIGN = "@"
FOLDER = "catalogs"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")
_LOCK_SECONDS = 10.0
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A repository of a catalog."""

    name: str
    """By which it is known in the catalog: `acme/api`, or that of its directory."""
    path: str = ""
    """The directory on this machine, resolved; "" where it is fetched."""
    url: str = ""
    """Where it is fetched from, without a password; "" where it is a directory."""
    live: bool = False
    """It is answered from an index of its own, uncommitted changes and all; else the catalog's
    store keeps its last commit."""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def source(self) -> str:
        """The directory or the URL, as it may be shown."""
        return self.path or self.url

    @property
    def identity(self) -> str:
        """The same for all that name this repository."""
        return self.path or GitUrl(self.url).identity

    @property
    def remote(self) -> Remote:
        """What a clone of it is fetched from."""
        return Remote(self.url, self.username, self.password)


@dataclass(frozen=True, slots=True)
class Catalog:
    """A list of repositories with a name."""

    name: str
    entries: tuple[Entry, ...] = ()
    store: str = ""
    """Where its store is, such as `milvus://host:19530/db`; "" for a file of its own."""

    @property
    def shown_store(self) -> str:
        """The address of its store without a password."""
        return without_password(self.store)

    @property
    def folder(self) -> Path:
        """Where what is kept of it lies, whether it is there or not."""
        return catalog_folder(self.name)

    @property
    def live(self) -> tuple[Entry, ...]:
        """Directories that are answered from their own indexes."""
        return tuple(entry for entry in self.entries if entry.live)

    @property
    def kept(self) -> tuple[Entry, ...]:
        """Repositories that the catalog's store keeps."""
        return tuple(entry for entry in self.entries if not entry.live)


def catalog_folder(name: str) -> Path:
    """Where what is kept of a catalog lies."""
    return home_folder() / FOLDER / name


def load_catalogs() -> dict[str, Catalog]:
    """All catalogs by name.

    Raises:
        C2LLMError: The file cannot be read or holds something else.
    """
    for path, read in ((_file(), _catalogs), (_old_file(), _workspaces)):
        try:
            check_file(path)
            said = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError) as error:
            raise C2LLMError(f"{path} cannot be read ({error}); correct or remove it.") from error
        try:
            return read(said)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = "catalogs" if read is _catalogs else "workspaces"
            raise C2LLMError(f"{path} is not a file of {what}; correct or remove it.") from error
    return {}


def catalog_named(name: str) -> Catalog:
    """A catalog.

    Raises:
        UsageError: There is none of this name.
    """
    catalogs = load_catalogs()
    if name not in catalogs:
        there = f"there are: {', '.join(sorted(catalogs))}" if catalogs else "there is none"
        raise UsageError(
            f"No catalog is named {name!r} ({there}); make one: c2llm catalog add NAME SOURCE…"
        )
    return catalogs[name]


def catalogs_stamp() -> object:
    """What differs when the file of catalogs has been written since."""
    try:
        status = _file().stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


@dataclass(frozen=True, slots=True)
class Added:
    """What became of repositories that were to be added."""

    catalog: Catalog
    new: tuple[Entry, ...]
    there: tuple[Entry, ...]
    """They were there already, under these names."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A repository that is to be added; it gets its name when it is."""

    names: tuple[str, ...]
    """Names for it, the one that is liked best first."""
    path: str = ""
    url: GitUrl | None = None
    live: bool = False


def add_to_catalog(name: str, candidates: Iterable[Candidate], store: str | None = None) -> Added:
    """Add repositories to a catalog, which is made if there is none.

    Raises:
        UsageError: The name is none, or the catalog has another store.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a catalog; use letters, digits, -, _ and ., 64 at most."
        )
    with _changing() as catalogs:
        for other in catalogs:
            if other != name and other.casefold() == name.casefold():
                raise UsageError(f"There is a catalog {other!r}; choose a name that differs more.")
        known = catalogs.get(name, Catalog(name, store=store or ""))
        if store is not None and store != known.store:
            raise UsageError(
                f"@{name} has its store in {known.shown_store or 'a file of its own'}; remove it"
                " first, or choose another name."
            )
        entries = {entry.identity: entry for entry in known.entries}
        taken = {entry.name for entry in known.entries}
        new: dict[str, Entry] = {}
        there: dict[str, Entry] = {}
        for candidate in candidates:
            made = _entry(candidate)
            old = entries.get(made.identity)
            if old is None:
                made = replace(made, name=_unique(candidate.names, taken))
                taken.add(made.name)
                new[made.identity] = made
            else:
                made = replace(made, name=old.name)
                if made.identity not in new:
                    there[made.identity] = made
            entries[made.identity] = made
        catalogs[name] = replace(known, entries=tuple(entries.values()))
        return Added(catalogs[name], tuple(new.values()), tuple(there.values()))


def remove_from_catalog(name: str, which: Sequence[str] = ()) -> tuple[Catalog | None, list[Entry]]:
    """Take repositories out of a catalog, or all of it away.

    Args:
        name: Of the catalog.
        which: Names, directories or URLs; none for the whole catalog.

    Returns:
        What is left, None for nothing, and what was taken out.

    Raises:
        UsageError: There is no such catalog, or no such repository in it.
    """
    catalog_named(name)
    with _changing() as catalogs:
        catalog = catalogs[name]
        gone: dict[str, Entry] = {}
        for one in which:
            found = [entry for entry in catalog.entries if _is_meant(entry, one)]
            if not found:
                raise UsageError(
                    f"@{name} has no repository {one!r}; see c2llm catalog show {name}."
                )
            gone.update((entry.name, entry) for entry in found)
        left = tuple(entry for entry in catalog.entries if which and entry.name not in gone)
        if left:
            catalogs[name] = replace(catalog, entries=left)
            return catalogs[name], list(gone.values())
        del catalogs[name]
        return None, list(catalog.entries)


def expand(paths: Sequence[str]) -> list[str]:
    """Paths with `@name` replaced by the live directories of the catalog, each once.

    Raises:
        UsageError: There is no such catalog, or it keeps repositories that are in no directory.
    """
    found: list[str] = []
    for path in paths:
        if path.startswith(SIGN) and not Path(path).exists():
            catalog = catalog_named(path[1:])
            if catalog.kept:
                raise UsageError(
                    f"{path} keeps repositories in its own store ({len(catalog.kept):,}), which "
                    "search and serve ask; here name directories, or a catalog of live ones."
                )
            found += [entry.path for entry in catalog.live]
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _is_meant(entry: Entry, text: str) -> bool:
    if text in (entry.name, entry.source):
        return True
    if entry.path:
        return entry.path == str(resolved_path(text))
    return GitUrl(text).identity == entry.identity


def _entry(candidate: Candidate) -> Entry:
    if candidate.url is None:
        return Entry("", path=candidate.path, live=candidate.live)
    url, username, password = candidate.url
    return Entry("", url=url, username=username, password=password)


def _unique(names: Sequence[str], taken: set[str]) -> str:
    clean = [_clean(name) for name in names] or ["repository"]
    for name in clean:
        if name not in taken:
            return name
    number = 2
    while f"{clean[-1]}-{number}" in taken:
        number += 1
    return f"{clean[-1]}-{number}"


def _clean(name: str) -> str:
    """A name that can be typed, shown and matched: nothing unseen, no surrogates, not too long."""
    seen = "".join(c if c.isprintable() and not c.isspace() else "_" for c in name)
    return seen.encode("utf-8", "replace").decode().strip("/")[-_LONGEST_NAME:] or "repository"


# -- the file --------------------------------------------------------------------------------------


def _file() -> Path:
    return home_folder() / "catalogs.json"


def _old_file() -> Path:
    return cache_home() / "workspaces.json"


def _catalogs(said: Any) -> dict[str, Catalog]:
    found: dict[str, Catalog] = {}
    for name, rest in said["catalogs"].items():
        if not _NAME.fullmatch(name):  # it names a folder
            raise ValueError("no name of a catalog")
        entries = tuple(_read(one) for one in rest["repositories"])
        found[name] = Catalog(name, entries, str(rest.get("store", "")))
    return found


def _read(said: dict[str, Any]) -> Entry:
    texts = {key: said.get(key, "") for key in ("name", "path", "url", "username", "password")}
    if not all(isinstance(text, str) for text in texts.values()) or not texts["name"]:
        raise ValueError("a repository is described by texts")
    if bool(texts["path"]) == bool(texts["url"]):
        raise ValueError("a repository has a path or a URL")
    return Entry(**texts, live=bool(said.get("live", False)))


def _workspaces(said: Any) -> dict[str, Catalog]:
    found: dict[str, Catalog] = {}
    for name, paths in said.items():
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise ValueError("a workspace is a list of paths")
        taken: set[str] = set()
        entries = []
        for path in dict.fromkeys(paths):
            entries.append(Entry(_unique(path_names(path), taken), path=path, live=True))
            taken.add(entries[-1].name)
        found[name] = Catalog(name, tuple(entries))
    return found


def path_names(path: str) -> tuple[str, ...]:
    """Names for a directory: its own, then with those above it."""
    parts = [part for part in Path(path).parts if part != os.sep] or ["root"]
    parts[-1] = parts[-1].removesuffix(".git") or parts[-1]
    return tuple("/".join(parts[-count:]) for count in range(1, len(parts) + 1))


def _written(entry: Entry) -> dict[str, Any]:
    fields = {key: getattr(entry, key) for key in ("name", "path", "url", "username", "password")}
    written: dict[str, Any] = {key: value for key, value in fields.items() if value}
    if entry.live:
        written["live"] = True
    return written


@contextmanager
def _changing() -> Iterator[dict[str, Catalog]]:
    """All catalogs, which are written when the block ends well; others wait meanwhile."""
    path = _file()
    try:
        make_folder(path.parent)
    except OSError as error:
        raise C2LLMError(f"{path} cannot be written ({error.strerror}).") from error
    check_home(path.parent)
    check_folder(path.parent / FOLDER)
    with holding(path, "refreshing", _LOCK_SECONDS) as held:
        if not held:
            raise C2LLMError(f"Another process is writing {path}; try again when it has ended.")
        catalogs = load_catalogs()
        yield catalogs
        _save(path, catalogs)


def _save(path: Path, catalogs: dict[str, Catalog]) -> None:
    said = {
        "catalogs": {
            name: {
                **({"store": catalog.store} if catalog.store else {}),
                "repositories": [_written(entry) for entry in catalog.entries],
            }
            for name, catalog in catalogs.items()
        }
    }
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        make_file(temporary)
        temporary.write_text(json.dumps(said, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
        temporary.replace(path)
        _old_file().unlink(missing_ok=True)
    except OSError as error:
        raise C2LLMError(f"{path} cannot be written ({error.strerror}).") from error
