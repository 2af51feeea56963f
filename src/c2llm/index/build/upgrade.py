"""An index of an older version: begun anew in another schema, cut again by another chunker."""

from __future__ import annotations

from pathlib import Path

from c2llm.index.build.refresh import CHUNKER_VERSION
from c2llm.index.store.inventory import ROOT
from c2llm.index.store.location import unlink_index
from c2llm.index.store.lock import refreshing
from c2llm.index.store.sqlite_store import SqliteStore


def begun_anew(outdated: SqliteStore, lock_seconds: float | None) -> SqliteStore:
    """An empty index in the place of one of another schema, which is closed.

    In another file: a process of the older version goes on writing its own tables in the one that
    it has open. Others like us may have done it by the time that we may.
    """
    path = outdated.path
    outdated.close()
    with refreshing(path, lock_seconds):
        store = SqliteStore(path)
        if store.is_outdated():
            store.close()
            unlink_index(path)
            store = SqliteStore(path)
    return store


def cut_again(store: SqliteStore, root: Path) -> str | None:
    """Have everything cut again where another chunker did it; returns what to tell of that."""
    version = str(CHUNKER_VERSION)
    known = store.meta("chunker")
    if known == version:
        return None
    with store.writing():
        if known is not None:
            store.forget_contents()
        store.set_meta("chunker", version)
        store.set_meta(ROOT, str(root))
    if known is None:
        return None
    return f"Code is cut another way now (version {known} to {version}): all is redone."
