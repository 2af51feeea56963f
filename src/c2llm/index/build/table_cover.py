"""Vectors of the table model for files as they are cut.

Other processes cut, and this one would wait for them: it embeds what has come so far instead. Texts
are taken in slices that depend on their order alone, not on when the model was loaded, so that the
same tree gives the same vectors to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice

from c2llm.codebase.chunk import Chunk
from c2llm.encoding.encoder_handle import EncoderHandle
from c2llm.errors import ModelReplacedError
from c2llm.index.build.cutting import CutFile
from c2llm.index.store.sqlite_store import SqliteStore

_SLICE = 128
"""Texts embedded at once: some 20 ms of work, after which answers of the others are read."""


class TableCover:
    """Embeds chunks between being cut and being written.

    Args:
        store: The index.
        handle: The table model, perhaps still loading.
        model_id: Gives the model's number in the index; asked outside of transactions.
    """

    def __init__(
        self, store: SqliteStore, handle: EncoderHandle, model_id: Callable[[], int]
    ) -> None:
        self._store = store
        self._handle = handle
        self._ask_model_id = model_id
        self._known_id: int | None = None
        self._waiting: dict[bytes, Chunk] = {}
        self._done: dict[bytes, bytes] = {}

    def watch(self, cuts: Iterable[CutFile]) -> Iterator[CutFile]:
        """The same files; their chunks are embedded as they pass, if the model is there."""
        for cut in cuts:
            for chunk in cut.chunks:
                self._waiting.setdefault(chunk.embedded_hash, chunk.chunk)
            # One slice a file: answers of those that cut must not pile up.
            if len(self._waiting) >= _SLICE and self._handle.is_loaded:
                self._embed_slice()
            yield cut

    def finish(self) -> None:
        """Embed what is left of the files that have passed; outside of transactions."""
        while self._waiting:
            self._embed_slice()

    def write(self) -> None:
        """Store the vectors of the files that have passed; inside `writing`."""
        if self._done:
            # Of a table that another process has replaced nothing is kept: what is written here
            # lacks vectors then, and gets them of the new one when all has been read.
            with suppress(ModelReplacedError):
                self._store.put_vectors(self._model_id, list(self._done), list(self._done.values()))
            self._done.clear()

    def close(self) -> None:
        """Record, when all files have passed, that none of their chunks lacks a vector."""
        model_id = self._model_id
        with self._store.writing():
            self._store.prune_vectors()
            self._store.cover(model_id)

    @property
    def _model_id(self) -> int:
        if self._known_id is None:
            self._known_id = self._ask_model_id()
        return self._known_id

    def _embed_slice(self) -> None:
        from c2llm.codebase.chunks import embedding_text
        from c2llm.index.store.quantized import pack

        taken = list(islice(self._waiting, _SLICE))
        chunks = [self._waiting.pop(key) for key in taken]
        known = self._store.with_vectors(self._model_id, taken)
        rest = [pair for pair in zip(taken, chunks, strict=True) if pair[0] not in known]
        if rest:
            texts = [embedding_text(chunk) for _, chunk in rest]
            packed = pack(self._handle.get().encode_documents(texts))
            self._done.update(zip([key for key, _ in rest], packed, strict=True))
