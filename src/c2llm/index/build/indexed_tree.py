"""`IndexedTree`: the index of one directory, made and kept fresh.

Words, names and the vectors of a table model cover everything at once; the large model embeds what
it is asked to. `search/code_index.py` adds the questions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from c2llm.codebase.files.nested import NOT_CHECKED_OUT
from c2llm.codebase.files.walk import MAX_FILE_BYTES, MOST_FILE_BYTES, Skipped, SourceFile
from c2llm.encoding.encoder_handle import DEFAULT_TABLE, EncoderHandle, table_handle
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.errors import IndexWriteError, NothingToIndexError, UsageError
from c2llm.index.build.first_files import Scent, is_large, promising
from c2llm.index.build.index_status import IndexStatus, store_status
from c2llm.index.build.refresh import (
    ProgressBar,
    Staleness,
    find_stale,
    refresh_files,
    rounds,
    silent_progress,
)
from c2llm.index.build.tree_vectors import Embed, TreeVectors
from c2llm.index.build.upgrade import begun_anew, cut_again
from c2llm.index.store.inventory import make_room, mark_used
from c2llm.index.store.location import existing_directory, index_file, remove_index
from c2llm.index.store.lock import Lock, holding, is_held, refreshing
from c2llm.index.store.records import (
    FILE_LIMIT,
    RULES,
    RULES_CHANGE,
    UNREAD,
    Counts,
    RefreshReport,
)
from c2llm.index.store.sqlite_store import SqliteStore
from c2llm.index.store.vector_cache import VectorCache

if TYPE_CHECKING:
    from c2llm.encoding.protocol import TextEncoder
    from c2llm.index.store.imported.record_file import RecordFile

SEARCH_LOCK_SECONDS = 2.0
"""How long a search waits for another process that refreshes the same index."""
_FIRST_FILES_SECONDS = 10.0
"""The same where the index of a large tree has nothing yet to answer from: two that ask at once."""


class IndexedTree(TreeVectors):
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
        self._unread: Sequence[SourceFile] = ()
        """New files that were left for `read_promising`."""
        self._listed = 0
        """Files of the tree when it was last compared, these among them."""
        self._waits = True
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
        wait: bool = True,
        rebuild: bool = False,
        embed: Embed = "candidates",
        preload: bool = True,
        progress_bar: ProgressBar = silent_progress,
        note: Callable[[str], None] | None = None,
        lock_seconds: float | None = None,
        max_file_bytes: int | None = None,
        question: str | None = None,
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
            wait: Read all that is new in a large tree before this returns. Else each search reads
                what smells of its question, answers from that, and leaves the rest to a process in
                the background; see `unread_files`.
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
            question: What will be asked, where that is known: its vectors are kept, and no model
                begins to load for it where they were kept before.

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
            wait=wait,
            seconds=lock_seconds,
            question=question,
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
        wait: bool,
        seconds: float | None,
        question: str | None,
    ) -> None:
        """Make ready what has just been opened; see `open`."""
        self.is_new = is_new
        self._expect(question)
        self._preloads = preloads
        self._waits = wait
        try:
            with self.believed():
                expects_unread = not wait and bool(self._store.meta(UNREAD))
                if not is_new and not expects_unread:
                    self._begin_loading()
                self._upgrade(seconds)
                self._limit_files(max_file_bytes)
            if refresh:
                self.refresh(seconds)
            if expects_unread and not self._unread:
                self._begin_loading()
        except BaseException:
            self.close()
            raise

    @property
    def unread_files(self) -> int:
        """New files of a large tree that are in no answer yet."""
        return len(self._unread)

    @property
    def listed_files(self) -> int:
        """All files of the tree when it was last compared with the index."""
        return self._listed

    @property
    def file(self) -> Path:
        """The index file."""
        return self._store.path

    @property
    def records(self) -> RecordFile:
        """What was measured of the code and imported."""
        return self._store.records

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
        staleness = self._without_unread(find_stale(store, self.root))
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
        # Only a process of one thread can fork those that look into the unread files.
        loading = partial(self._begin_loading, changed=True) if not self._unread else None
        new_rules = store.meta(RULES) != staleness.rules and not store.read_only
        if self.stale_files or new_rules or self._table_lacks():
            with refreshing(store.path, lock_seconds) as held:
                if not held:
                    self._note("Another process is refreshing this index; this answer is older.")
                    return None
                if new_rules and is_held(store.path, "reading"):
                    # It writes no more by the rules of before; what it wrote is compared below.
                    with store.writing():
                        store.set_meta(RULES, RULES_CHANGE if store.meta(RULES) else "")
                if store.generation() != generation:  # the holder before us may have done it
                    staleness = self._without_unread(find_stale(store, self.root))
                removed = staleness.removed
                changed = tuple(
                    refresh_files(
                        store,
                        staleness,
                        self._progress_bar,
                        self._cover(),
                        loading,
                    )
                )
                self.stale_files = 0
                self._note_unread()
                self._require_files()
                if self._table_lacks():
                    self._embed_table()
            if self.is_kept and (changed or removed):
                make_room(store.path, self._note)
        self._require_files()
        return changed, removed

    def _without_unread(self, staleness: Staleness) -> Staleness:
        """What is redone before an answer: in a large tree not what is new."""
        self._listed = staleness.listed
        new = [file for file in staleness.changed if file.path in staleness.new]
        self._unread = () if self._waits or not is_large(new) else new
        if not self._unread:
            return staleness
        known = tuple(file for file in staleness.changed if file.path not in staleness.new)
        return replace(staleness, changed=known)

    def read_promising(self, scent: Scent, lock_seconds: float | None = None) -> None:
        """Read those of the unread files that smell of a question, if there are any unread.

        Args:
            scent: What is looked for in them.
            lock_seconds: As in `refresh`.

        Raises:
            NothingToIndexError: No file of the tree is source after all.
        """
        if not self._unread:
            return
        with self.believed():
            known = self._store.stamps()  # somebody in the background reads them too
            self._unread = [file for file in self._unread if file.path not in known]
            try:
                while self._unread and self._read_some(scent, lock_seconds):
                    if self._store.has_files():
                        break
            except IndexWriteError as error:
                if lock_seconds is None or not self._store.has_files():
                    raise
                self._note(f"{error} This answer is from the index as it is.")
            self._require_files()
        if self._embed == "all":
            self.complete()

    def _read_some(self, scent: Scent, lock_seconds: float | None) -> bool:
        """Read the most promising of the unread files; False when another process refreshes."""
        store = self._store
        if lock_seconds is not None and not store.has_files():
            lock_seconds = max(lock_seconds, _FIRST_FILES_SECONDS)
        chosen = promising(self._unread, scent)
        paths = frozenset(file.path for file in chosen)
        staleness = Staleness(tuple(chosen), paths, rules=store.meta(RULES) or "")
        with refreshing(store.path, lock_seconds) as held:
            if not held:
                self._note("Another process is refreshing this index; this answer is older.")
                return False
            loading = partial(self._begin_loading, changed=True)
            refresh_files(store, staleness, self._progress_bar, self._cover(), loading)
            self._unread = [file for file in self._unread if file.path not in paths]
            self._note_unread()
        return True

    def _note_unread(self) -> None:
        """Have the index know whether files of a large tree are not in it yet."""
        unread = "1" if self._unread else ""
        if (self._store.meta(UNREAD) or "") != unread and not self._store.read_only:
            with self._store.writing():
                self._store.set_meta(UNREAD, unread)

    def read_on(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Read all that is not read yet, beside others who search and refresh; one does it at once.

        Args:
            stop: Asked every few seconds; True leaves the rest for another time.
        """
        store = self._store
        with self.believed(), holding(store.path, "reading", 0.0) as held:
            if held and not self._read_all(stop):
                return
            self._unread = ()
            if held:
                self._note_unread()
        if self._embed == "all":
            self.complete(stop)

    def _read_all(self, stop: Callable[[], bool]) -> bool:
        """Read what is not read yet, again where ignore files change; False when it was stopped."""
        store = self._store
        while True:
            rules = store.meta(RULES)
            staleness = find_stale(store, self.root)
            for part in rounds(store, staleness):
                if stop() or store.was_replaced():
                    return False
                if store.meta(RULES) == rules:
                    refresh_files(store, part, table=self._cover(), in_background=True)
                if store.meta(RULES) != staleness.rules:  # somebody has judged by others
                    break
            else:
                return True

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

    def _count_not_checked_out(self) -> int:
        return sum(1 for skip in self._not_opened if skip.reason == NOT_CHECKED_OUT)

    def _upgrade(self, lock_seconds: float | None) -> None:
        """Begin anew in another schema, and have all cut again by another chunker."""
        if self._store.is_outdated():
            self._note("The index was made by an older version; all is redone.")
            self._use(begun_anew(self._store, lock_seconds))
        told = cut_again(self._store, self.root)
        if told is not None:
            self._note(told)

    def _limit_files(self, max_file_bytes: int | None) -> None:
        """Note how large a file may be, where that is another limit than before."""
        store = self._store
        known = int(store.meta(FILE_LIMIT) or MAX_FILE_BYTES)
        if max_file_bytes not in (None, known) and not store.read_only:
            with store.writing():
                store.set_meta(FILE_LIMIT, str(max_file_bytes))

    def _require_files(self) -> None:
        if self._unread or self._store.has_files():
            return
        skipped = Counter(skip.reason for skip in self._not_opened)
        skipped.update(state.reason for state in self._store.skipped().values())
        left_out = ", ".join(f"{count} {reason}" for reason, count in skipped.most_common())
        raise NothingToIndexError(
            f"There is nothing to search in {self.root}: no source file"
            + (f" (left out: {left_out})." if left_out else ".")
        )
