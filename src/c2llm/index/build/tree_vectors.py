"""The vectors of a tree's chunks: by which models, which are missing, and how they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Literal

from c2llm.encoding.encoder_handle import EncoderHandle
from c2llm.errors import C2LLMError, IndexWriteError, ModelReplacedError
from c2llm.index.build.model_numbers import model_number
from c2llm.index.build.refresh import ProgressBar, embed_missing
from c2llm.index.build.table_cover import TableCover
from c2llm.index.store.lock import embedding
from c2llm.index.store.records import TABLE_MODEL
from c2llm.index.store.sqlite_store import SqliteStore
from c2llm.index.store.vector_cache import VectorCache

Embed = Literal["all", "candidates", "none"]


class TreeVectors:
    """What an `IndexedTree` does with models; it makes the attributes."""

    _store: SqliteStore
    _encoder: EncoderHandle
    _table: EncoderHandle | None
    """The model of the `table` engine that stands beside it, if any."""
    _embed: Embed
    _cache: VectorCache
    _preloads: bool
    """A search follows; it needs the models."""
    _progress_bar: ProgressBar
    _note: Callable[[str], None]

    def believed(self) -> AbstractContextManager[None]:
        """Around what reads the index: if it fails because of damage in the file, that is told.

        Raises:
            IndexCorruptError: So it is.
        """
        return self._store.believed()

    def complete(self, stop: Callable[[], bool] | None = None) -> int:
        """Embed every chunk that has no vector of the model yet, and return how many those were.

        Args:
            stop: Asked every few seconds; True leaves the rest for another time. With it the work
                is done in the background: it is left to whoever else does it already.
        """
        store = self._store
        self._encoder.renew()
        with self.believed():
            model_id = self._model_id()
            if not self._lacks(model_id):
                return 0
        with self.believed(), embedding(store.path, give_way=stop is not None) as held:
            if not held:
                return 0
            return embed_missing(
                store,
                model_id,
                self._encoder.get(),
                self._progress_bar,
                cache=None if self._encoder.is_table else self._cache,
                fingerprint=self._encoder.fingerprint,
                batched=self._encoder.is_table,
                stop=stop or (lambda: False),
            )

    def embed_only(self, chunk_ids: Sequence[int]) -> None:
        """Give these chunks vectors of the model; where the disk refuses, that is told and all."""
        if self._store.read_only or not self._store.unembedded(self._model_id(), chunk_ids):
            return
        try:
            embed_missing(
                self._store,
                self._model_id(),
                self._encoder.get(),
                self._progress_bar,
                chunk_ids,
                cache=self._cache,
                fingerprint=self._encoder.fingerprint,
            )
        except (IndexWriteError, ModelReplacedError) as error:
            self._note(f"{error} This answer is from the vectors that are there.")

    def forget_vectors(self) -> None:
        """Drop the model's vectors, so that the next answer is a first one; the table's stay."""
        model_id = self._model_id()
        with self._store.writing():
            self._store.forget_vectors(model_id)

    def is_complete(self) -> bool:
        """Whether every chunk has a vector of the model."""
        return not self._lacks(self._model_id())

    def table_vectors(self) -> int:
        """How many chunks have a vector of the table model that stands beside the large one."""
        return 0 if self._table is None else self._store.embedded(self._table.model)

    def _table_lacks(self) -> bool:
        """Whether a chunk has no vector of the table model."""
        table = self._table
        return table is not None and self._lacks(self._model_id(table))

    def _lacks(self, model_id: int) -> bool:
        """Whether a chunk has no vector of the model; what no chunk lacks is marked as covered.

        A build that is killed between its last vector and its mark leaves that to the next one.
        """
        if self._store.lacks_vectors(model_id):
            return True
        if not self._store.is_marked(model_id):
            with suppress(C2LLMError), self._store.writing():  # it only spares the next count
                self._store.cover(model_id)
        return False

    def _begin_loading(self, *, changed: bool = False) -> None:
        """Load the models in the background: for a search, or for what has `changed`."""
        if self._preloads or (changed and self._embed == "all"):
            hashed = not self._store.has_files()
            for handle in (self._table, self._encoder):
                if handle is not None and (changed or self._awaits(handle)):
                    handle.preload(hashed=hashed)

    def _expect(self, question: str | None) -> None:
        """Take note of what will be asked; a subclass answers questions."""

    def _awaits(self, handle: EncoderHandle) -> bool:
        """Whether what is expected needs the model."""
        return True

    def _cover(self) -> TableCover | None:
        """What gives new chunks the table's vectors, and notes whose they are."""
        table = self._table
        if table is None:
            return None
        if self._store.meta(TABLE_MODEL) != table.model:
            with self._store.writing():
                self._store.set_meta(TABLE_MODEL, table.model)
        return TableCover(self._store, table, partial(self._model_id, table))

    def _embed_table(self) -> None:
        """Give older chunks what `_cover` gives new ones, as when the model has changed."""
        if self._table is not None:
            embed_missing(
                self._store,
                self._model_id(self._table),
                self._table.get(),
                self._progress_bar,
                batched=True,
            )

    def _model_id(self, handle: EncoderHandle | None = None) -> int:
        """A model's number here; vectors that another version of it made are dropped and told."""
        return model_number(self._store, handle or self._encoder, self._note)
