"""`IndexedTree`: the index of one directory, made and kept fresh.

Words, names and the vectors of a table model cover everything at once; the large model embeds what
it is asked to. `search/code_index.py` adds the questions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from c2llm.codebase.files.nested import NOT_CHECKED_OUT
from c2llm.codebase.files.walk import MAX_FILE_BYTES, MOST_FILE_BYTES, Skipped
from c2llm.encoding.encoder_handle import DEFAULT_TABLE, EncoderHandle, table_handle
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.errors import (
    C2LLMError,
    IndexWriteError,
    ModelReplacedError,
    NothingToIndexError,
    UsageError,
)
from c2llm.index.build.index_status import IndexStatus, store_status
from c2llm.index.build.model_numbers import model_number
from c2llm.index.build.refresh import (
    CHUNKER_VERSION,
    ProgressBar,
    Staleness,
    embed_missing,
    find_stale,
    refresh_files,
    silent_progress,
)
from c2llm.index.build.table_cover import TableCover
from c2llm.index.store.inventory import ROOT, make_room, mark_used
from c2llm.index.store.location import (
    existing_directory,
    index_file,
    remove_index,
    unlink_index,
)
from c2llm.index.store.lock import Lock, embedding, refreshing
from c2llm.index.store.records import FILE_LIMIT, RULES, TABLE_MODEL, Counts, RefreshReport
from c2llm.index.store.sqlite_store import SqliteStore
from c2llm.index.store.vector_cache import VectorCache

if TYPE_CHECKING:
    from c2llm.encoding.protocol import TextEncoder

Embed = Literal["all", "candidates", "none"]
SEARCH_LOCK_SECONDS = 2.0
"""How long a search waits for another process that refreshes the same index."""


class IndexedTree:
    """The index of one directory tree; use `open`, and close it or use it as a context manager.

    An instance belongs to one thread at a time. Other processes may search and refresh meanwhile.
    """

    def __init__(
        self,
        root: Path,
        store: SqliteStore,
        encoder: EncoderHandle,
        *,
        table: EncoderHandle | None = None,
        embed: Embed = "candidates",
        progress_bar: ProgressBar = silent_progress,
        note: Callable[[str], None] | None = None,
    ) -> None:
        self.root = root
        self.model = encoder.model
        self.table_model = None if table is None else table.model
        self.last_refresh = RefreshReport(0, 0)
        self.stale_files = 0
        """Files that were known to differ from the index when it was last compared."""
        self._not_opened: tuple[Skipped, ...] = ()
        """What the last comparison left out by name."""
        self.is_new = False
        """`open` has made the index, it was not there before."""
        self._using = Lock(store.path, "using", shared=True)
        self._use(store)
        self._encoder = encoder
        self._table = table
        self._embed = embed
        self._progress_bar = progress_bar
        self._note = note or (lambda message: None)
        self._cache = VectorCache.of_user(lambda message: self._note(message))
        self._preloads = False
        """A search follows; it needs the models."""

    def _use(self, store: SqliteStore) -> None:
        """Take a store, instead of the one before if there was one."""
        self._store = store
        if not store.in_memory:
            self._using.take(0.0)  # whoever makes room takes another one
            mark_used(store.path)
        self._on_store()

    def _on_store(self) -> None:
        """What depends on the store is made; a subclass has such."""

    def silence(self) -> None:
        """Show no progress and tell nothing from now on: the terminal is another's."""
        self._progress_bar = silent_progress
        self._note = lambda message: None

    @classmethod
    def open(
        cls,
        root: str | Path,
        model: str = DEFAULT_MODEL,
        *,
        encoder: TextEncoder | None = None,
        table: str | TextEncoder | None = DEFAULT_TABLE,
        threads: int = 0,
        refresh: bool = True,
        rebuild: bool = False,
        embed: Embed = "candidates",
        preload: bool = True,
        progress_bar: ProgressBar = silent_progress,
        note: Callable[[str], None] | None = None,
        lock_seconds: float | None = None,
        max_file_bytes: int | None = None,
    ) -> Self:
        """Open the index of a directory, making it or bringing it up to date.

        Args:
            root: The directory.
            model: Name of the embedding model.
            encoder: A loaded model to use instead of the one named.
            table: A model of the `table` engine, by name or loaded, whose vectors stand beside the
                model's and cover what it has not embedded yet; None for none. The default one is
                used where it is there, and not beside a loaded `encoder`; C2LLM_TABLE_MODEL names
                another one.
            threads: Threads of the model, 0 for all cores.
            refresh: Redo what changed since the last time.
            rebuild: Throw the present index away first, whatever state it is in.
            embed: Which chunks get vectors: `all` of them now, the `candidates` of each search
                when it is made, or `none` (only lexical searches are possible).
            preload: With `candidates`, begin to load the models at once, since a search follows.
            progress_bar: Shows long work.
            note: Called with what the user should be told.
            lock_seconds: How long to wait for another process that refreshes the same index before
                going on without a refresh; None for as long as it takes.
            max_file_bytes: Larger files are left out, now and when the index is opened later
                without a limit; `!name` in `.c2llmignore` takes one in, up to 20 MB. None for the
                limit that the index has, which is 1 MB at first.

        Raises:
            UsageError: The directory is not there, the model is unknown, or the limit is out of
                its bounds.
            IndexCorruptError: The index file is damaged.
            C2LLMError: There is nothing to index, or the disk fails.
        """
        if max_file_bytes is not None and not 1 <= max_file_bytes <= MOST_FILE_BYTES:
            raise UsageError(
                f"A file may have 1 to {MOST_FILE_BYTES:,} bytes at most, not {max_file_bytes:,}; "
                "give another limit."
            )
        folder = existing_directory(root)
        path = index_file(folder)
        handle = EncoderHandle(model, encoder, threads)
        beside: EncoderHandle | None = None
        if embed != "none":
            handle.check()  # an unknown model is told before any work is done
            if handle.is_table:
                embed = "all"  # it costs no more than a second
            else:
                beside = table_handle(table, alone=encoder is None)
        if rebuild:
            remove_index(path)
        make = partial(
            cls, folder, encoder=handle, table=beside, embed=embed, progress_bar=progress_bar
        )
        start = partial(
            cls._start,
            preloads=preload and embed == "candidates",
            max_file_bytes=max_file_bytes,
            refresh=refresh,
            seconds=lock_seconds,
        )
        is_new = not path.exists()
        try:
            index = make(SqliteStore(path), note=note)
            start(index, is_new=is_new)
        except IndexWriteError as error:
            if lock_seconds is None or rebuild:
                raise
            if note is not None:
                note(f"{error} This answer is from an index in memory.")
            index = make(SqliteStore(path, in_memory=True), note=note)
            start(index, is_new=True)
        return index

    def _start(
        self,
        *,
        is_new: bool,
        preloads: bool,
        max_file_bytes: int | None,
        refresh: bool,
        seconds: float | None,
    ) -> None:
        """Make ready what has just been opened; see `open`."""
        self.is_new = is_new
        self._preloads = preloads
        try:
            with self.believed():
                if not is_new:
                    self._begin_loading()
                self._upgrade(seconds)
                self._limit_files(max_file_bytes)
            if refresh:
                self.refresh(seconds)
        except BaseException:
            self.close()
            raise

    @property
    def file(self) -> Path:
        """The index file."""
        return self._store.path

    @property
    def is_kept(self) -> bool:
        """It is in its file, and not in memory because the disk refused."""
        return not self._store.in_memory

    def close(self) -> None:
        """Close the index file."""
        self._encoder.wait()
        if self._table is not None:
            self._table.wait()
        self._cache.close()
        self._store.close()
        self._using.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def refresh(self, lock_seconds: float | None = None) -> RefreshReport:
        """Redo what changed since the index was last compared with the tree.

        Args:
            lock_seconds: How long to wait for another process that does the same; when it takes
                longer, nothing is done and `stale_files` tells how much is behind. So it is when
                the disk does not let the index be written, which raises when this is None.
        """
        for handle in (self._encoder, self._table):
            if handle is not None:
                handle.renew()
        if self._store.was_replaced():
            self._reopen()
        with self.believed():
            self.last_refresh = self._refresh(lock_seconds)
        return self.last_refresh

    def believed(self) -> AbstractContextManager[None]:
        """Around what reads the index: if it fails because of damage in the file, that is told.

        Raises:
            IndexCorruptError: So it is.
        """
        return self._store.believed()

    def _reopen(self) -> None:
        """Go on with the index that has taken the place of ours, or with a new one."""
        self._note("The index was removed or replaced by another process; it is opened again.")
        self._store.close()
        self._use(SqliteStore(self._store.path))
        self._upgrade(None)

    def _refresh(self, lock_seconds: float | None) -> RefreshReport:
        try:
            done = self._refresh_files(lock_seconds)
        except IndexWriteError as error:
            if lock_seconds is None or self.is_new or not self._store.has_files():
                raise
            self._note(f"{error} This answer is from the index as it is.")
            done = None
        if done is None:
            return RefreshReport(0, 0)
        changed, removed = done
        embedded = self.complete() if self._embed == "all" else 0
        return RefreshReport(len(changed) + len(removed), embedded, changed, removed)

    def _refresh_files(
        self, lock_seconds: float | None
    ) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Files, words and vectors of the table; None when another process has the lock."""
        store = self._store
        generation = store.generation()
        staleness = find_stale(store, self.root)
        self.stale_files = len(staleness.changed) + len(staleness.removed)
        told = self._count_not_checked_out()
        self._not_opened = staleness.skipped
        missing = self._count_not_checked_out()
        if missing and missing != told:
            self._note(
                f"{missing} {'submodules are' if missing > 1 else 'submodule is'} not checked out "
                "and so not searched; to have them: git submodule update --init"
            )
        changed: tuple[str, ...] = ()
        removed: tuple[str, ...] = ()
        new_rules = store.meta(RULES) != staleness.rules and not store.read_only
        if self.stale_files or new_rules or self._table_lacks():
            with refreshing(store.path, lock_seconds) as held:
                if not held:
                    self._note("Another process is refreshing this index; this answer is older.")
                    return None
                if store.generation() != generation:  # the holder before us may have done it
                    staleness = find_stale(store, self.root)
                removed = staleness.removed
                changed = tuple(
                    refresh_files(
                        store,
                        staleness,
                        self._progress_bar,
                        self._cover(),
                        partial(self._begin_loading, changed=True),
                    )
                )
                self.stale_files = 0
                self._require_files(staleness)
                self._embed_table()
            if self.is_kept and (changed or removed):
                make_room(store.path, self._note)
        self._require_files(staleness)
        return changed, removed

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
        if self._store.read_only:
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

    def left_out(self) -> dict[str, int]:
        """For each reason how many files and directories of the tree are not in the index."""
        return dict(Counter(skip.reason for skip in self.left_out_files()).most_common())

    def left_out_files(self) -> list[Skipped]:
        """What of the tree is not in the index; the path of a directory ends in `/`."""
        opened = self._store.skipped().values()
        return [*self._not_opened, *(Skipped(state.path, state.reason) for state in opened)]

    def status(self) -> IndexStatus:
        """Count what is indexed, what is stale and what was left out."""
        return store_status(self._store, self.root, self.model)

    def counts(self) -> Counts:
        """How many files, chunks and vectors there are."""
        with self.believed():
            return self._store.counts(self.model)

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
                if handle is not None:
                    handle.preload(hashed=hashed)

    def _count_not_checked_out(self) -> int:
        return sum(1 for skip in self._not_opened if skip.reason == NOT_CHECKED_OUT)

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

    def _upgrade(self, lock_seconds: float | None) -> None:
        """Begin anew in another schema, and have all cut again by another chunker."""
        if self._store.is_outdated():
            self._note("The index was made by an older version; all is redone.")
            path = self._store.path
            self._store.close()
            # In another file: a process of the older version goes on writing its own tables in the
            # one that it has open. Others like us may have done it by the time that we may.
            with refreshing(path, lock_seconds):
                store = SqliteStore(path)
                if store.is_outdated():
                    store.close()
                    unlink_index(path)
                    store = SqliteStore(path)
                self._use(store)
        version = str(CHUNKER_VERSION)
        known = self._store.meta("chunker")
        if known == version:
            return
        if known is not None:
            self._note(
                f"Code is cut another way now (version {known} to {version}): all is redone."
            )
        with self._store.writing():
            if known is not None:
                self._store.forget_contents()
            self._store.set_meta("chunker", version)
            self._store.set_meta(ROOT, str(self.root))

    def _limit_files(self, max_file_bytes: int | None) -> None:
        """Note how large a file may be, where that is another limit than before."""
        store = self._store
        known = int(store.meta(FILE_LIMIT) or MAX_FILE_BYTES)
        if max_file_bytes not in (None, known) and not store.read_only:
            with store.writing():
                store.set_meta(FILE_LIMIT, str(max_file_bytes))

    def _require_files(self, staleness: Staleness) -> None:
        if self._store.has_files():
            return
        skipped = Counter(skip.reason for skip in staleness.skipped)
        skipped.update(state.reason for state in self._store.skipped().values())
        left_out = ", ".join(f"{count} {reason}" for reason, count in skipped.most_common())
        raise NothingToIndexError(
            f"There is nothing to search in {self.root}: no source file"
            + (f" (left out: {left_out})." if left_out else ".")
        )
