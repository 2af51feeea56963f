"""All vectors of a model for what a catalog keeps, each text embedded once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from c2llm.index.store.vector_cache import VectorCache
from c2llm.progress import ProgressBar, no_progress

if TYPE_CHECKING:
    from c2llm.encoding.encoder_handle import EncoderHandle
    from c2llm.index.store.catalog.catalog_store import CatalogStore

_TEXTS_AT_ONCE = 2_048
_CHARACTERS_AT_ONCE = 64_000
"""Some seconds of a large model's work, which is what a killed process loses."""
_BATCHED = 64
"""So many times as much of a table model, which is as fast."""


def embed_catalog(
    store: CatalogStore,
    handle: EncoderHandle,
    progress_bar: ProgressBar = no_progress,
    *,
    stop: Callable[[], bool] = lambda: False,
    note: Callable[[str], None] | None = None,
) -> int:
    """Give every text that has no vector of a model one, and return how many those were.

    Texts that an index of this user has embedded before are taken from what indexes share.

    Args:
        store: Of the catalog.
        handle: The model.
        progress_bar: Shows the chunks that are done.
        stop: Asked between writes; True leaves the rest for another time.
        note: Told what the user should know.
    """
    from c2llm.index.store.quantized import is_packed, pack, packed_size

    model, fingerprint = handle.model, handle.fingerprint
    known = store.model_id(model)
    if known is not None and known[1] != fingerprint:
        store.put_vectors_of(model, fingerprint, [], [])  # which drops those of the old one
    cache = None if handle.is_table else VectorCache.of_user(note)
    most = _CHARACTERS_AT_ONCE * (_BATCHED if handle.is_table else 1)
    size, done = packed_size(handle.dim), 0
    lacking = store.chunk_count() - store.embedded(model)
    try:
        with progress_bar("Embedding", lacking) as progress:
            while not stop() and (rest := store.unembedded_hashes(model, _TEXTS_AT_ONCE)):
                found = {} if cache is None else cache.get(fingerprint, [key for key, _ in rest])
                found = {k: row for k, row in found.items() if len(row) == size and is_packed(row)}
                if found:
                    store.put_vectors_of(model, fingerprint, list(found), list(found.values()))
                    progress(len(found))
                    done += len(found)
                left = [pair for pair in rest if pair[0] not in found]
                left.sort(key=lambda pair: -len(pair[1]))
                for batch in _by_characters(left, most):
                    if stop():
                        break
                    hashes = [key for key, _ in batch]
                    texts = [text for _, text in batch]
                    packed = pack(handle.get().encode_documents(texts))
                    store.put_vectors_of(model, fingerprint, hashes, packed)
                    if cache is not None:
                        cache.put(fingerprint, hashes, packed)
                    progress(len(batch))
                    done += len(batch)
    finally:
        if cache is not None:
            cache.close()
    return done


def _by_characters(pairs: list[tuple[bytes, str]], most: int) -> list[list[tuple[bytes, str]]]:
    """Texts in groups that have so many characters together."""
    groups: list[list[tuple[bytes, str]]] = []
    size = most
    for pair in pairs:
        if size >= most:
            groups.append([])
            size = 0
        groups[-1].append(pair)
        size += len(pair[1])
    return groups
