"""What `@NAME` means to who asks: which repositories of a catalog, and the index of those it keeps.

`@work` is all of the catalog `work`, `@work:acme` what lies below `acme/`, `@work:*/api,beta/web`
what matches one of the globs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.encoding.encoder_handle import DEFAULT_TABLE
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.errors import NothingToIndexError, UsageError
from c2llm.index.catalog.catalogs import SIGN, Catalog, Entry, catalog_named, load_catalogs
from c2llm.index.store.catalog.opening import STORE_FILE, open_catalog_store
from c2llm.index.store.catalog.refresh_log import RefreshLog
from c2llm.search.catalog_index import CatalogIndex
from c2llm.search.target import KeptFile

if TYPE_CHECKING:
    from c2llm.encoding.protocol import TextEncoder
    from c2llm.index.build.tree_vectors import Embed


@dataclass(frozen=True, slots=True)
class AskedCatalog:
    """A catalog, and which of its repositories are asked."""

    catalog: Catalog
    globs: tuple[str, ...] = ()
    """Of names; all repositories when empty."""

    @property
    def live(self) -> tuple[Entry, ...]:
        """The directories that are asked, which are answered from their own indexes."""
        return tuple(entry for entry in self.catalog.live if is_named(entry.name, self.globs))

    @property
    def kept(self) -> tuple[Entry, ...]:
        """The repositories that are asked and that the catalog's store keeps."""
        return tuple(entry for entry in self.catalog.kept if is_named(entry.name, self.globs))

    @property
    def seen(self) -> tuple[str, ...] | None:
        """Names of the kept ones; None where all are."""
        return tuple(entry.name for entry in self.kept) if self.globs else None


def is_named(name: str, globs: Iterable[str]) -> bool:
    """Whether a repository is meant: by its name, by what is above it, or by a glob."""
    asked = tuple(globs)
    return not asked or any(
        name == glob or name.startswith(f"{glob.rstrip('/')}/") or fnmatchcase(name, glob)
        for glob in asked
    )


def is_catalog(path: str) -> bool:
    """Whether a path names a catalog, and no file that is called so."""
    return path.startswith(SIGN) and not Path(path).exists()


def asked_catalog(path: str) -> AskedCatalog:
    """What `@NAME` or `@NAME:GLOB,GLOB` means.

    Raises:
        UsageError: There is no such catalog, or none of its repositories is meant.
    """
    name, _, globs = path.removeprefix(SIGN).partition(":")
    asked = AskedCatalog(
        catalog_named(name), tuple(glob.strip() for glob in globs.split(",") if glob.strip())
    )
    if not (asked.live or asked.kept):
        raise UsageError(
            f"No repository of @{name} is called {' or '.join(asked.globs)}; all of them: "
            f"c2llm catalog show {name}"
        )
    return asked


def file_named(path: str) -> KeptFile | Path | None:
    """The file that `@NAME:REPOSITORY/PATH` names, as answers have it; None where it names none.

    Of a live directory it is the file on the disk, of a kept repository the catalog's own.

    Raises:
        UsageError: There is no such catalog.
    """
    name, _, rest = path.removeprefix(SIGN).partition(":")
    entries = {entry.name: entry for entry in catalog_named(name).entries}
    around = [one for one in entries if rest.startswith(f"{one}/") and rest != f"{one}/"]
    if not around:
        return None
    repository = max(around, key=len)
    within = rest[len(repository) + 1 :]
    entry = entries[repository]
    return Path(entry.path) / within if entry.live else KeptFile(name, repository, within)


def lines_kept(file: KeptFile) -> list[str]:
    """All lines of a file as its catalog keeps it.

    Raises:
        NothingToIndexError: Nothing has been read yet.
        UsageError: The catalog has no such file.
        C2LLMError: The store cannot be opened.
    """
    asked = asked_catalog(f"{SIGN}{file.catalog}:{file.repository}")
    with open_catalog(asked, embed="none") as index:
        lines = index.file_lines(file.path)
    if lines is None:
        raise UsageError(
            f"There is no file {file.path!r} in {file.repository}; paths are as search shows them."
        )
    return lines


def open_catalog(
    asked: AskedCatalog,
    model: str = DEFAULT_MODEL,
    *,
    encoder: TextEncoder | None = None,
    table: str | TextEncoder | None = DEFAULT_TABLE,
    repositories: Collection[str] | None = None,
    embed: Embed = "candidates",
    note: Callable[[str], None] | None = None,
    question: str | None = None,
) -> CatalogIndex:
    """The index of what a catalog keeps.

    Args:
        asked: The catalog, and which of its repositories are asked.
        model: Name of the embedding model.
        encoder: A loaded model instead.
        table: The model of the `table` engine beside it.
        repositories: Those that whoever asks may see; None for all that are asked.
        embed: See `CatalogIndex`.
        note: Called with what the user should be told.
        question: What will be asked, where that is known.

    Raises:
        NothingToIndexError: Nothing has been read yet.
        C2LLMError: The store cannot be opened.
    """
    catalog = asked.catalog
    if not catalog.store and not (catalog.folder / STORE_FILE).exists():
        raise NothingToIndexError(
            f"The repositories of @{catalog.name} have not been read yet: "
            f"c2llm catalog refresh {catalog.name}"
        )
    seen = asked.seen
    if repositories is not None:
        seen = tuple(name for name in repositories if is_named(name, asked.globs))
    return CatalogIndex(
        catalog.name,
        open_catalog_store(catalog.folder, catalog.store, create=False),
        model,
        encoder=encoder,
        table=table,
        repositories=seen,
        embed=embed,
        folders={entry.name: Path(entry.path) for entry in asked.kept if entry.path},
        late=partial(late_repositories, catalog.name),
        note=note,
        question=question,
    )


def late_repositories(name: str, read: Collection[str]) -> dict[str, str]:
    """A sentence for each repository that was not read, or that the last refresh could not have.

    Args:
        name: Of the catalog.
        read: The repositories that its store has.
    """
    catalog = load_catalogs().get(name)
    if catalog is None:
        return {}
    with RefreshLog(catalog.folder) as log:
        known = log.repositories()
    there = frozenset(read)
    found = {}
    for entry in catalog.kept:
        one = known.get(entry.name)
        if entry.name not in there:
            found[entry.name] = f"{entry.name} has not been read: c2llm catalog refresh {name}"
        elif one is not None and one.error and one.refreshed:
            when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(one.refreshed))
            found[entry.name] = f"{entry.name} could not be refreshed and is as of {when}."
    return found
