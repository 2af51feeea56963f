"""The numbers by which an index knows models: a name and a fingerprint stand behind each."""

from __future__ import annotations

from collections.abc import Callable

from c2llm.encoding.encoder_handle import EncoderHandle
from c2llm.index.store.sqlite_file import SqliteFile
from c2llm.index.store.sqlite_store import SqliteStore

NO_MODEL = 0
"""The number of no model: it has no vectors, and none are looked for."""


def model_number(store: SqliteStore, handle: EncoderHandle, note: Callable[[str], None]) -> int:
    """A model's number here; vectors that another version of it made are dropped and told."""
    fingerprint = fingerprint_of(store, handle)
    known = store.model_id(handle.model)
    if known is not None and known[1] == fingerprint:
        return known[0]
    if known is not None and handle.renew():  # the index may know the newer one already
        return model_number(store, handle, note)
    if known is not None:
        note(f"The model {handle.model} has changed: its vectors are made again.")
    if store.read_only:
        return NO_MODEL
    with store.writing():
        return store.use_model(handle.model, fingerprint)


def fingerprint_of(store: object, handle: EncoderHandle) -> str:
    """The model's fingerprint; a file of ours remembers it as long as the model's are the same."""
    signature = handle.signature
    if not signature or not isinstance(store, SqliteFile):
        return handle.fingerprint
    key = f"fingerprint of {handle.model}"
    known = (store.meta(key) or "").rpartition(" ")
    if known[0] == signature:
        handle.know_fingerprint(known[2])
    elif not store.read_only:
        with store.writing():
            store.set_meta(key, f"{signature} {handle.fingerprint}")
    return handle.fingerprint
