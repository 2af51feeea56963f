"""All vectors of a model for what a catalog keeps, each text embedded once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from c2llm.index.store.vector_cache import VectorCache
from c2llm.progress import ProgressBar, no_progress

if TYPE_CHECKING:
    from c2llm.encoding.encoder_handle import EncoderHandle
    from c2llm.index.store.catalog.catalog_store import CatalogStore

_TEXTS_AT_ONCE = 2_048
_TEXTS_A_GROUP = 64
"""About; see `_CHARACTERS_AT_ONCE`."""
_CHARACTERS_AT_ONCE = 64_000
"""Some seconds of a large model's work, which is what a killed process loses."""
_BATCHED = 64
"""So many times as much of a table model, which is as fast."""


class GroupEncoder(Protocol):
    """Who embeds groups of texts: this process, or a cluster."""

    groups_at_once: int
    """How many groups it wants at a time."""

    def encode(self, groups: Sequence[list[str]]) -> Generator[tuple[int, list[bytes]], None, None]:
        """Number and packed vectors of each group, in any order.

        A group is embedded as one, so that its vectors are the same wherever that is done.
        """
        ...


class LocalEncoder:
    """Groups embedded one after the other by this process.

    Args:
        handle: The model.
    """

    groups_at_once = 1

    def __init__(self, handle: EncoderHandle) -> None:
        self._handle = handle

    def encode(self, groups: Sequence[list[str]]) -> Generator[tuple[int, list[bytes]], None, None]:
        """Each group, in order."""
        from c2llm.index.store.quantized import pack

        for number, texts in enumerate(groups):
            yield number, pack(self._handle.get().encode_documents(texts))


def embed_catalog(
    store: CatalogStore,
    handle: EncoderHandle,
    progress_bar: ProgressBar = no_progress,
    *,
    encoder: GroupEncoder | None = None,
    stop: Callable[[], bool] = lambda: False,
    note: Callable[[str], None] | None = None,
) -> int:
    """Give every text that has no vector of a model one, and return how many those were.

    Texts that an index of this user has embedded before are taken from what indexes share.

    Args:
        store: Of the catalog.
        handle: The model.
        progress_bar: Shows the chunks that are done.
        encoder: Who embeds with it, None for this process.
        stop: Asked between writes; True leaves the rest for another time.
        note: Told what the user should know.
    """
    from c2llm.index.store.quantized import is_packed, packed_size

    encoder = encoder or LocalEncoder(handle)
    model, fingerprint = handle.model, handle.fingerprint
    known = store.model_id(model)
    if known is not None and known[1] != fingerprint:
        store.put_vectors_of(model, fingerprint, [], [])  # which drops those of the old one
    cache = None if handle.is_table else VectorCache.of_user(note)
    most = _CHARACTERS_AT_ONCE * (_BATCHED if handle.is_table else 1)
    size, done = packed_size(handle.dim), 0
    lacking = store.chunk_count() - store.embedded(model)
    texts_at_once = max(_TEXTS_AT_ONCE, _TEXTS_A_GROUP * encoder.groups_at_once)
    try:
        with progress_bar("Embedding", lacking) as progress:
            while not stop() and (rest := store.unembedded_hashes(model, texts_at_once)):
                found = {} if cache is None else cache.get(fingerprint, [key for key, _ in rest])
                found = {k: row for k, row in found.items() if len(row) == size and is_packed(row)}
                if found:
                    store.put_vectors_of(model, fingerprint, list(found), list(found.values()))
                    progress(len(found))
                    done += len(found)
                left = [pair for pair in rest if pair[0] not in found]
                left.sort(key=lambda pair: -len(pair[1]))
                groups = _by_characters(left, most)
                with closing(encoder.encode([[text for _, text in one] for one in groups])) as all_:
                    for number, packed in all_:
                        hashes = [key for key, _ in groups[number]]
                        store.put_vectors_of(model, fingerprint, hashes, packed)
                        if cache is not None:
                            cache.put(fingerprint, hashes, packed)
                        progress(len(hashes))
                        done += len(hashes)
                        if stop():
                            break
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
