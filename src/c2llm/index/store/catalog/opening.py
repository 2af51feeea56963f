"""The store of a catalog, opened by its address: a SQLite file of its own, or Milvus."""

from __future__ import annotations

from pathlib import Path

from c2llm.index.store.catalog.catalog_store import CatalogStore
from c2llm.index.store.catalog.sqlite_catalog import SqliteCatalog
from c2llm.index.store.location import resolved_path, unlink_index
from c2llm.index.store.milvus.location import parse_location

STORE_FILE = "store.sqlite"


def whole_address(address: str) -> str:
    """An address that means the same wherever it is used.

    Raises:
        UsageError: It is none.
    """
    check_address(address)
    if not address or parse_location(address).lite is None:
        return address
    path, sign, options = address.partition("?")
    return f"{resolved_path(path)}{sign}{options}"


def check_address(address: str) -> None:
    """See that a store may have this address.

    Raises:
        UsageError: It may not.
    """
    if address:
        parse_location(address)


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
        from c2llm.index.store.milvus.milvus_catalog import MilvusCatalog

        return MilvusCatalog(parse_location(address, folder.name), create=create)
    path = folder / STORE_FILE
    store = SqliteCatalog(path, create=create)
    if create and store.is_outdated():
        store.close()
        unlink_index(path)
        store = SqliteCatalog(path)
    return store
