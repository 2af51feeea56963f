"""The truth about an index, from the file and the tree as they are now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from c2llm.codebase.files.walk import Skipped, list_files
from c2llm.encoding.encoder_handle import model_key
from c2llm.index.build.refresh import find_stale, truly_changed
from c2llm.index.store.location import existing_directory, index_file
from c2llm.index.store.lock import is_held
from c2llm.index.store.records import TABLE_MODEL, Counts
from c2llm.index.store.sqlite_store import SqliteStore


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStatus:
    """What is indexed, what is stale and what was left out."""

    root: str
    index_file: str
    indexed: bool
    """There is an index of this version; without one its counts are 0."""
    outdated: bool = False
    """There is one of an older version, which the next search or build redoes."""
    model: str
    files: int = 0
    chunks: int = 0
    embedded: int = 0
    """Chunks with a vector of `model`: what is deep."""
    table_model: str = ""
    """The table model that covers the others, "" where none is used."""
    table: int = 0
    """Chunks with a vector of it; every chunk is in the lexical index."""
    reading: bool
    """A process is reading the rest of a large tree at this moment."""
    embedding: bool
    """A process is making vectors of the model at this moment."""
    watched: bool
    """`c2llm watch` keeps the index fresh."""
    changed: int
    """Files of the tree that are new or changed since they were indexed."""
    removed: int = 0
    """Indexed files that are gone."""
    languages: dict[str, int] = field(default_factory=dict)
    """Indexed files of each language."""
    models: dict[str, int] = field(default_factory=dict)
    """Vectors of each model that was used here."""
    skipped_by_reason: dict[str, int]
    skipped: tuple[Skipped, ...]
    """Files and directories (their paths end in `/`) left out."""
    size_bytes: int
    """Of the index file."""


def read_status(root: str | Path, model: str) -> IndexStatus:
    """Look at the index of a directory without changing it.

    Raises:
        UsageError: The directory is not there.
        IndexCorruptError: The index file is damaged.
    """
    folder = existing_directory(root)
    path = index_file(folder)
    if path.exists():
        store = SqliteStore(path, create=False)
        try:
            with store.believed():
                if not store.is_outdated():
                    return store_status(store, folder, model)
        finally:
            store.close()
        outdated = True
    else:
        outdated = False
    listed = list_files(folder)
    return IndexStatus(
        model=model,
        outdated=outdated,
        changed=len(listed.files),
        **_found(folder, path, listed.skipped, indexed=False),
    )


def read_counts(root: Path, model: str) -> tuple[Counts, dict[str, int]] | None:
    """How much an index holds, and the files of each language; the tree is not looked at.

    Returns:
        None where there is no index of this version.

    Raises:
        IndexCorruptError: The index file is damaged.
    """
    path = index_file(root)
    if not path.exists():
        return None
    store = SqliteStore(path, create=False)
    try:
        with store.believed():
            if store.is_outdated():
                return None
            languages = Counter(state.language for state in store.files())
            return store.counts(model_key(model)), dict(languages.most_common())
    finally:
        store.close()


def store_status(store: SqliteStore, root: Path, model: str) -> IndexStatus:
    """The status of an open index."""
    staleness = find_stale(store, root)
    model = model_key(model)
    counts = store.counts(model)
    table = store.meta(TABLE_MODEL) or ""
    opened = [Skipped(state.path, state.reason) for state in store.skipped().values()]
    languages = Counter(state.language for state in store.files())
    return IndexStatus(
        model=model,
        files=counts.files,
        chunks=counts.chunks,
        embedded=counts.embedded,
        table_model=table,
        table=store.embedded(table) if table else 0,
        changed=len(truly_changed(store, staleness)),
        removed=len(staleness.removed),
        languages=dict(languages.most_common()),
        models={name: vectors for name, _, vectors in store.models()},
        **_found(root, store.path, (*staleness.skipped, *opened), indexed=True),
    )


def _found(
    root: Path, path: Path, skipped: tuple[Skipped, ...], *, indexed: bool
) -> dict[str, Any]:
    """What is known of any index file, and of one that is not there."""
    return {
        "root": str(root),
        "index_file": str(path),
        "indexed": indexed,
        "reading": is_held(path, "reading"),
        "embedding": is_held(path, "embedding"),
        "watched": is_held(path, "watching"),
        "skipped_by_reason": dict(Counter(skip.reason for skip in skipped).most_common()),
        "skipped": tuple(sorted(skipped, key=lambda skip: skip.path)),
        "size_bytes": path.stat().st_size if indexed and path.exists() else 0,
    }
