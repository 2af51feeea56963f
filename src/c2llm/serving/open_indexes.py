"""The indexes that a server holds open: a few, each used by one request at a time, all kept fresh.

A request waits for its answer no longer than a client is patient. What takes longer (a large tree
that is read for the first time, another process that writes the index) goes on in its thread, and
the request is answered from what the index holds by then.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Lock
from typing import TYPE_CHECKING

from c2llm.encoding.encoder_handle import DEFAULT_TABLE, forget_loaded
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.errors import C2LLMError, NothingToIndexError
from c2llm.index.store.location import index_file
from c2llm.search.answering import labels

if TYPE_CHECKING:
    from c2llm.encoding.protocol import Progress
    from c2llm.search.code_index import CodeIndex

MOST_OPEN = 4
"""Indexes that stay open between requests."""
IDLE_SECONDS = 900.0
"""After so long without a request an index is closed."""
LOCK_SECONDS = 1.0
"""How long a request waits for another process that refreshes the same index."""


class BusyError(C2LLMError):
    """An index is at work for another request, and nothing can be answered from it yet."""


@dataclass(slots=True)
class _Entry:
    """One root, with its index once that is open."""

    root: Path
    lock: Lock = field(default_factory=Lock)
    """Held by the request that uses the index: it belongs to one thread at a time."""
    index: CodeIndex | None = None
    waiting: int = 0
    """Requests that use it or wait for it."""
    used: float = 0.0
    compared: float = 0.0
    """When the last comparison with the tree began that has been finished."""
    notes: list[str] = field(default_factory=list)
    """What the index has told since the last answer; while it is lent, the list of that answer."""
    reading: tuple[int, int] | None = None
    """Files that were read and that there are to read, while an index is made or refreshed."""

    @contextmanager
    def progress_bar(self, description: str, total: int) -> Iterator[Progress]:
        done = 0

        def advance(more: int) -> None:
            nonlocal done
            done += more
            if description == "Reading":
                self.reading = done, total

        if description == "Reading":
            self.reading = 0, total
        try:
            yield advance
        finally:
            self.reading = None

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def close(self) -> None:
        if self.index is not None:
            with suppress(Exception):  # what cannot be closed is not used any more either
                self.index.close()
            self.index = None


class OpenIndexes:
    """Opens, refreshes, lends and closes the indexes of a server.

    Args:
        model: Name or folder of the embedding model.
        most_open: Indexes that stay open between requests.
    """

    def __init__(self, model: str = DEFAULT_MODEL, *, most_open: int = MOST_OPEN) -> None:
        self.model = model
        self._most_open = most_open
        self._entries: OrderedDict[Path, _Entry] = OrderedDict()
        self._changed = Condition()

    @contextmanager
    def lent(
        self, roots: Sequence[Path], *, seconds: float, names: Sequence[str] | None = None
    ) -> Iterator[tuple[list[CodeIndex], list[str]]]:
        """The indexes of these roots, brought up to date, for the block alone, with their notes.

        Notes are added to the list until the block ends.

        Args:
            roots: Resolved directories.
            seconds: How long to wait for another request that uses one of them.
            names: What each of the roots is called where there are several; None to find names.

        Raises:
            BusyError: That took longer.
            C2LLMError: An index cannot be opened; of several that hold nothing one is enough.
        """
        asked = time.monotonic()
        deadline = asked + seconds
        roots = list(dict.fromkeys(roots))
        with ExitStack() as stack:
            # Always in the same order: two requests never wait for each other.
            entries = {
                root: stack.enter_context(self._used(root, deadline)) for root in sorted(roots)
            }
            names = _names(roots, names)
            indexes: list[CodeIndex] = []
            empty: list[NothingToIndexError] = []
            for root, name in zip(roots, names, strict=True):
                try:
                    index = self._fresh(entries[root], asked, deadline)
                except NothingToIndexError as error:
                    empty.append(error)
                    continue
                index.label = name
                indexes.append(index)
            if not indexes:
                raise empty[0]
            notes = [*map(str, empty), *(note for root in roots for note in entries[root].notes)]
            for entry in entries.values():
                entry.notes = notes  # what is told while it answers belongs to this answer
            try:
                yield indexes, notes
            finally:
                for entry in entries.values():
                    entry.notes = []

    @contextmanager
    def as_they_are(
        self, roots: Sequence[Path], *, names: Sequence[str] | None = None
    ) -> Iterator[tuple[list[CodeIndex], list[str]]]:
        """What the index files of these roots hold at this moment, read beside those who write.

        Raises:
            BusyError: They hold nothing yet.
        """
        from c2llm.search.code_index import CodeIndex

        roots = list(dict.fromkeys(roots))
        told = [self._progress_of(root) for root in roots]
        names = _names(roots, names)
        with ExitStack() as stack:
            indexes: list[CodeIndex] = []
            for root, name in zip(roots, names, strict=True):
                if not index_file(root).exists():
                    continue
                with suppress(C2LLMError):
                    index = CodeIndex.open(
                        root, DEFAULT_TABLE, refresh=False, preload=False, lock_seconds=0.0
                    )
                    stack.enter_context(index)
                    if index.counts().files:
                        index.label = name
                        indexes.append(index)
            if not indexes:
                raise BusyError(f"{' '.join(told)} Nothing can be answered from it yet.")
            yield indexes, told

    def is_open(self, root: Path) -> bool:
        """Whether the index of a root is held open."""
        with self._changed:
            entry = self._entries.get(root)
        return entry is not None and entry.index is not None

    def reading_of(self, root: Path) -> tuple[int, int] | None:
        """Files that were read and that there are to read, while the index of a root is made."""
        with self._changed:
            entry = self._entries.get(root)
        return entry.reading if entry is not None else None

    def close_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """Close what nobody has asked for so long."""
        now = time.monotonic()
        with self._changed:
            for root, entry in list(self._entries.items()):
                if not entry.waiting and now - entry.used >= seconds:
                    del self._entries[root]
                    entry.close()
            idle = not self._entries
        if idle:
            forget_loaded()  # some hundred megabytes, loaded again in a second

    def close(self) -> None:
        """Close all that is not in use."""
        self.close_idle(0.0)

    @contextmanager
    def _used(self, root: Path, deadline: float) -> Iterator[_Entry]:
        """The entry of a root, for this thread alone."""
        with self._changed:
            entry = self._entries.setdefault(root, _Entry(root))
            self._entries.move_to_end(root)
            entry.waiting += 1
        try:
            if not entry.lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
                raise BusyError(self._progress_of(root))
            try:
                yield entry
            finally:
                entry.used = time.monotonic()
                entry.lock.release()
        finally:
            with self._changed:
                entry.waiting -= 1
                self._make_room()

    def _make_room(self) -> None:
        """Close the indexes that were used longest ago, until no more than may be are open."""
        free = [root for root, entry in self._entries.items() if not entry.waiting]
        for root in free[: max(0, len(self._entries) - self._most_open)]:
            self._entries.pop(root).close()

    def _fresh(self, entry: _Entry, asked: float, deadline: float) -> CodeIndex:
        """The index of an entry, made or brought up to date since the moment of the request.

        Of requests that have waited for each other the first compares it with the tree for all.
        """
        begun = time.monotonic()
        try:
            if entry.index is None:
                entry.index = self._opened(entry)
            elif entry.compared >= asked and not entry.index.stale_files:
                return entry.index
            elif entry.root.is_dir():
                entry.index.refresh(LOCK_SECONDS)
            else:
                raise C2LLMError(f"{entry.root} is not there any more; ask about another place.")
            # Another process is making it: its first files are there soon.
            while self._is_hollow(entry.index) and time.monotonic() < deadline:
                entry.notes.clear()
                entry.index.refresh(LOCK_SECONDS)
        except BaseException:
            entry.close()
            raise
        entry.compared = begun
        return entry.index

    def _opened(self, entry: _Entry) -> CodeIndex:
        from c2llm.search.code_index import CodeIndex

        return CodeIndex.open(
            entry.root,
            self.model,
            progress_bar=entry.progress_bar,
            note=entry.note,
            lock_seconds=LOCK_SECONDS,
            wait=False,
        )

    @staticmethod
    def _is_hollow(index: CodeIndex) -> bool:
        """Nothing can be answered, since another process has the files of a tree to read."""
        return not index.unread_files and not index.counts().files

    def _progress_of(self, root: Path) -> str:
        """What an index is busy with."""
        with self._changed:
            entry = self._entries.get(root)
        reading = entry.reading if entry is not None else None
        index = entry.index if entry is not None else None
        if index is not None and index.unread_files:  # more than what is read before an answer
            return (
                f"{root} has {index.listed_files:,} files, which are still being read; ask again "
                "in some seconds for an answer from more of them."
            )
        if reading is None:
            return f"The index of {root} is still at work; ask again in some seconds for all of it."
        return (
            f"The index of {root} is being made: {reading[0]:,} of {reading[1]:,} files are read; "
            "ask again in some seconds for an answer from more of them."
        )


def _names(roots: Sequence[Path], names: Sequence[str] | None) -> Sequence[str]:
    """What answers tell the roots apart by; "" for the only one."""
    if len(roots) < 2:
        return [""]
    return labels(roots) if names is None else names
