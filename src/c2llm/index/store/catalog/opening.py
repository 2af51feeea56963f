"""The store of a catalog, opened by its address: a SQLite file of its own, or Milvus."""

from __future__ import annotations

from pathlib import Path

from c2llm.errors import UsageError
from c2llm.index.store.catalog.catalog_store import CatalogStore
from c2llm.index.store.catalog.sqlite_catalog import SqliteCatalog
from c2llm.index.store.location import unlink_index

STORE_FILE = "store.sqlite"


def check_address(address: str) -> None:
    """See that a store may have this address.

    Raises:
        UsageError: It may not.
    """
    if address and not address.startswith(("milvus://", "milvuss://")) and not _is_lite(address):
        raise UsageError(
            f"{address!r} is no store; use milvus://HOST:PORT/DATABASE, a file that ends in .db, or"
            " leave it away for a file of the catalog's own."
        )


def open_catalog_store(folder: Path, address: str = "", *, create: bool = True) -> CatalogStore:
    """The store of a catalog; one of another version is begun anew.

    Args:
        folder: Of the catalog; its name is the catalog's.
        address: "" for a file in the folder.
        create: Make it where it is not there.

    Raises:
        C2LLMError: It cannot be had.
    """
    if address:
        check_address(address)
        raise UsageError(f"The store {address} needs Milvus, which this version does not know.")
    path = folder / STORE_FILE
    store = SqliteCatalog(path, create=create)
    if create and store.is_outdated():
        store.close()
        unlink_index(path)
        store = SqliteCatalog(path)
    return store


def _is_lite(address: str) -> bool:
    return address.endswith(".db") and "://" not in address
