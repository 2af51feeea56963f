"""What is known of a catalog without fetching or reading anything."""

from __future__ import annotations

from dataclasses import dataclass, field

from c2llm.encoding.encoder_handle import DEFAULT_TABLE
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.index.catalog.catalogs import Catalog
from c2llm.index.store.catalog.opening import STORE_FILE, open_catalog_store
from c2llm.index.store.catalog.refresh_log import RefreshLog


@dataclass(frozen=True, slots=True)
class RepositoryStatus:
    """A repository of a catalog, as the last refresh left it."""

    name: str
    source: str
    """The directory or the URL, without a password."""
    live: bool
    commit: str = ""
    """What its files were read from, "" where nothing was."""
    files: int = 0
    refreshed: float = 0.0
    """When a refresh last had it, in seconds since 1970; 0 for never."""
    tried: float = 0.0
    error: str = ""
    """Why the last refresh could not have it."""
    files_failed: dict[str, str] = field(default_factory=dict)
    """Path and reason of what could not be read or cut."""

    @property
    def is_stale(self) -> bool:
        """Whether the store has an older state, or none, for all we know."""
        return not self.live and (bool(self.error) or not self.refreshed)


@dataclass(frozen=True, slots=True)
class CatalogStatus:
    """A catalog, as the last refresh left it."""

    repositories: list[RepositoryStatus]
    contents: int
    """Different files."""
    chunks: int
    vectors: dict[str, int]
    """For each of the shipped models how many chunks have a vector, where some have."""


def catalog_status(catalog: Catalog) -> CatalogStatus:
    """What is known of a catalog.

    Raises:
        C2LLMError: Its store cannot be opened.
    """
    stored, contents, chunks = {}, 0, 0
    vectors: dict[str, int] = {}
    if catalog.store or (catalog.folder / STORE_FILE).exists():
        store = open_catalog_store(catalog.folder, catalog.store, create=False)
        try:
            stored = store.repositories()
            contents, chunks = store.files_state()[0], store.chunk_count()
            vectors = {
                model: count
                for model in (DEFAULT_TABLE, DEFAULT_MODEL)
                if (count := store.embedded(model))
            }
        finally:
            store.close()
    found = []
    with RefreshLog(catalog.folder) as log:
        known = log.repositories()
        failed = log.all_files_failed()
        for entry in catalog.entries:
            state, refreshed = stored.get(entry.name), known.get(entry.name)
            found.append(
                RepositoryStatus(
                    entry.name,
                    entry.source,
                    entry.live,
                    commit=state.revision if state else "",
                    files=state.files if state else 0,
                    refreshed=refreshed.refreshed if refreshed and state else 0.0,
                    tried=refreshed.tried if refreshed else 0.0,
                    error=refreshed.error if refreshed else "",
                    files_failed=failed.get(entry.name, {}),
                )
            )
    return CatalogStatus(found, contents, chunks, vectors)
