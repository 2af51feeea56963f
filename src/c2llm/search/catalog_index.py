"""`CatalogIndex`: the repositories that a catalog keeps, asked as one index.

It answers beside `CodeIndex`es (`answering.answer`), from the catalog's store alone: no directory
is looked at, so an answer is as fresh as the last refresh of each repository. Whoever asks may be
let see some of the repositories; what they do not have is in nothing that it says
(`index/store/catalog/visible_store.py`).
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from c2llm.encoding.encoder_handle import DEFAULT_TABLE, EncoderHandle, table_handle
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.errors import IndexWriteError, UsageError
from c2llm.index.store.catalog.visible_store import VisibleStore
from c2llm.index.store.vector_cache import VectorCache
from c2llm.search.answer import SearchedIndex
from c2llm.search.asked_index import LeavesOutError
from c2llm.search.asking import Asking
from c2llm.search.query.filters import filters_of
from c2llm.search.query_memory import QueryMemory
from c2llm.search.question_vectors import QuestionVectors
from c2llm.search.request import Mode, SearchRequest
from c2llm.search.retrieval.catalog_reader import CatalogReader
from c2llm.search.target import KeptFile, LeftOut, SearchTarget

if TYPE_CHECKING:
    from c2llm.encoding.protocol import TextEncoder
    from c2llm.index.build.tree_vectors import Embed
    from c2llm.index.store.catalog.catalog_store import CatalogStore
    from c2llm.index.store.catalog.records import RepositoryState
    from c2llm.search.answers.callers import CallerFinder
    from c2llm.search.asked_index import AskedIndex
    from c2llm.search.retrieval.shared_vectors import CatalogVectors

_MOST_VIEWS = 3
"""Selections of repositories of which it is remembered what may be seen: those of keys that take
turns in a server."""
NO_MODEL = 0
"""The number of a model that has no vectors in the store."""
_MOST_LATE = 3
"""Repositories that an answer says to be late."""


class CatalogIndex(QuestionVectors, Asking):
    """The repositories of one catalog; close it or use it as a context manager.

    An instance belongs to one thread at a time; the vectors are in memory once for all of them.

    Args:
        name: Of the catalog.
        store: The catalog's; closed with this.
        model: Name of the embedding model.
        encoder: A loaded model to use instead of the one named.
        table: The model of the `table` engine whose vectors a refresh has made; None for none.
        repositories: Those that whoever asks may see; None for all that there are at any time.
        embed: `candidates` of each question, or `none` (only lexical searches are possible).
        folders: Directories whose commits are kept, by repository: what lies there is known again.
        late: Told which repositories may be seen and have been read, gives a sentence for each
            that is late or is not among them; asked with each question, since a refresh may have
            been in between.
        note: Called with what the user should be told.
        question: What will be asked, where that is known; see `CodeIndex.open`.
    """

    unread_files = 0

    def __init__(
        self,
        name: str,
        store: CatalogStore,
        model: str = DEFAULT_MODEL,
        *,
        encoder: TextEncoder | None = None,
        table: str | TextEncoder | None = DEFAULT_TABLE,
        repositories: Collection[str] | None = None,
        embed: Embed = "candidates",
        folders: Mapping[str, Path] | None = None,
        late: Callable[[Collection[str]], Mapping[str, str]] | None = None,
        note: Callable[[str], None] | None = None,
        question: str | None = None,
    ) -> None:
        self.name = name
        self._catalog = store
        self._folders = dict(folders or {})
        self._late = late or (lambda read: {})
        self._note = note or (lambda message: None)
        self._label = ""
        self._encoder = EncoderHandle(model, encoder)
        self._table: EncoderHandle | None = None
        if embed != "none":
            self._encoder.check()
            if self._encoder.is_table:
                embed = "all"  # a refresh has made its vectors
            else:
                self._table = table_handle(table, alone=encoder is None)
        self._embed = embed
        self._cache = VectorCache.of_user(self._note)
        self._memory = QueryMemory(self._cache, question)
        self._query_vectors = {}
        self._views: OrderedDict[frozenset[str] | None, CatalogReader] = OrderedDict()
        self._vectors: dict[int, CatalogVectors] = {}
        self.see(repositories)

    @property
    def _dense(self) -> CatalogVectors:  # type: ignore[override]
        known = self._vectors.get(id(self._reader))
        if known is None:
            from c2llm.search.retrieval.shared_vectors import CatalogVectors

            known = self._vectors[id(self._reader)] = CatalogVectors(self._visible)
        return known

    # -- what it is ------------------------------------------------------------------------------

    @property
    def model(self) -> str:
        """The model that embeds candidates."""
        return self._encoder.model

    @property
    def label(self) -> str:
        """What the names of its repositories begin with, "" for nothing."""
        return self._label

    @label.setter
    def label(self, label: str) -> None:
        self._label = self._reader.label = label

    @property
    def source(self) -> str:
        """The catalog that it is the index of."""
        return f"@{self.name}"

    @property
    def repositories(self) -> tuple[str, ...]:
        """The repositories that may be seen, sorted."""
        return self._visible.names

    def see(self, repositories: Collection[str] | None) -> None:
        """Have others be seen by whoever asks next; None for all that there are at any time."""
        wanted = None if repositories is None else frozenset(repositories)
        reader = self._views.pop(wanted, None)
        if reader is None:
            reader = CatalogReader(VisibleStore(self._catalog, wanted), self._label)
        self._views[wanted] = self._reader = reader
        self._store = self._visible = reader.visible
        reader.label = self._label
        while len(self._views) > _MOST_VIEWS:
            _, old = self._views.popitem(last=False)
            self._vectors.pop(id(old), None)

    def state_of(self, repository: str) -> RepositoryState | None:
        """The state of a repository, seen at the moment or not; None where it was not read."""
        return self._catalog.repositories().get(repository)

    def languages(self) -> dict[str, int]:
        """How many files of each language may be seen, the most frequent first."""
        counts = Counter(language for _, _, language in self._visible.place_rows())
        return dict(counts.most_common())

    def file_lines(self, path: str) -> list[str] | None:
        """A file of the repository that may be seen, as it was cut; None where there is none."""
        from c2llm.index.store.imported.file_text import file_lines

        for file_id, place, _ in self._visible.place_rows():
            if place.path == path:
                return file_lines(self._visible, file_id)
        return None

    def was_replaced(self) -> bool:
        """Whether the file of the store has been removed or another put in its place."""
        return bool(getattr(self._catalog, "was_replaced", bool)())

    def close(self) -> None:
        """Let go of the store."""
        self._memory.save()
        for handle in (self._encoder, self._table):
            if handle is not None:
                handle.wait()
        self._cache.close()
        self._catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def believed(self) -> AbstractContextManager[None]:
        """Around what reads the store: if it fails because of damage in it, that is told."""
        believed: AbstractContextManager[None] = getattr(self._catalog, "believed", nullcontext)()
        return believed

    # -- questions -------------------------------------------------------------------------------

    def read_for(self, request: SearchRequest) -> None:
        """Nothing: a catalog is read by its refresh."""

    def target(
        self,
        request: SearchRequest,
        others: Sequence[AskedIndex] = (),
        left_out: LeftOut | None = None,
    ) -> SearchTarget:
        """The catalog made ready for a request; see `AskedIndex`."""
        lexical = request.mode == "lexical"
        if self._embed == "none" and not lexical:
            raise UsageError("This catalog was opened without vectors; ask with the mode lexical.")
        if request.asks_records:
            raise LeavesOutError(
                "Records are kept beside the index of a directory; the kept repositories of "
                f"{self.source} have none."
            )
        filters = filters_of(self._visible, request, has_places=True)
        self._reader.begin_question(filters.paths)
        itself = self._kept(left_out)
        return SearchTarget(
            self._reader,
            filters,
            None if lexical else partial(self._similarities, request.text),
            None if lexical else partial(self._merged, request.text),
            None if lexical else partial(self._nearness, request.text),
            None,
            None if itself is None else (itself[1], *itself[2:]),
            "" if itself is None else itself[0],
        )

    def _kept(self, left_out: LeftOut | None) -> tuple[str, str, int, int] | None:
        """Repository, path and lines by which answers would call a place."""
        if left_out is None:
            return None
        file, first, last = left_out
        named = {(name, path) for name, path in self._names_of(file) if name in self._visible.names}
        for file_id, there, _ in self._visible.place_rows() if named else ():
            if tuple(there) in named:
                repository, path = self._visible.places([file_id])[file_id][0]
                return repository, path, first, last
        return None

    def _names_of(self, file: Path | KeptFile) -> Iterator[tuple[str, str]]:
        """Repositories, and paths in them, by which this catalog knows a file."""
        if isinstance(file, KeptFile):
            if file.catalog == self.name:
                yield file.repository, file.path
            return
        for name, folder in self._folders.items():
            if file.is_relative_to(folder):
                yield name, file.relative_to(folder).as_posix()

    def described(self, mode: Mode) -> SearchedIndex:
        """What of the catalog may be seen at this moment, for an answer in this mode."""
        lexical = mode == "lexical"
        table = self._table
        return SearchedIndex(
            root=self.source,
            label=self._label,
            model=None if lexical else self.model,
            table_model=None if lexical or table is None else table.model,
            files=self._visible.place_count,
            chunks=self._visible.chunk_count(),
            embedded=0 if lexical else self._seen_by(self._encoder),
            stale=0,
            unread=0,
            left_out={},
            repositories=len(self._visible.names),
        )

    def _seen_by(self, handle: EncoderHandle) -> int:
        """How many chunks that may be seen have a vector of a model."""
        number = self._number(handle)
        return self._dense.seen(number) if number else 0

    def remarks(self, request: SearchRequest) -> Iterator[str]:
        """What is not done for kept repositories, and which of them are late."""
        if request.recent:
            yield (
                f"The history of the kept repositories of {self.source} is not read, so that "
                "nothing of theirs counts as recent."
            )
        wanted = self._visible.wanted
        told = self._late(self._visible.names)
        late = [said for name, said in told.items() if wanted is None or name in wanted]
        yield from late[:_MOST_LATE]
        if len(late) > _MOST_LATE:
            yield f"So it is with {len(late) - _MOST_LATE:,} others: c2llm catalog show {self.name}"

    def has(self, called: str) -> bool:
        """Whether hits that say to be in this repository are its own."""
        return self._reader.own_name(called) is not None

    def caller_finder(self, called: str = "") -> CallerFinder:
        """What finds of a hit in this repository who calls it, in that repository alone."""
        from c2llm.search.answers.callers import CallerFinder

        name = self._reader.own_name(called)
        return CallerFinder(self._visible.narrowed([] if name is None else [name]), ())

    # -- vectors ---------------------------------------------------------------------------------

    def _number(self, handle: EncoderHandle) -> int:
        known = self._catalog.model_id(handle.model)
        if known is None or known[1] != self._fingerprint(handle):
            return NO_MODEL
        return known[0]

    def _fingerprint(self, handle: EncoderHandle) -> str:
        from c2llm.index.build.model_numbers import fingerprint_of

        return fingerprint_of(self._catalog, handle)

    def _lacks_some(self) -> bool:
        number = self._number(self._encoder)
        return not number or self._catalog.lacks_vectors(number)

    def _text_lengths(self, chunk_ids: Sequence[int]) -> Mapping[int, int]:
        return {one.id: len(one.chunk.text) for one in self._visible.chunks(chunk_ids)}

    def _embed_candidates(self, chunk_ids: Sequence[int]) -> None:
        """Give these chunks vectors of the large model; where that is refused, it is told."""
        missing = self._catalog.unembedded_hashes(self.model, len(chunk_ids), only=chunk_ids)
        if not missing:
            return
        from c2llm.index.store.quantized import is_packed, pack, packed_size
        from c2llm.search.retrieval.shared_vectors import adding

        encoder, fingerprint = self._encoder.get(), self._fingerprint(self._encoder)
        size = packed_size(encoder.dim)
        cached = self._cache.get(fingerprint, [key for key, _ in missing])
        known = {key: row for key, row in cached.items() if len(row) == size and is_packed(row)}
        new = [(key, text) for key, text in missing if key not in known]
        if new:
            packed = pack(encoder.encode_documents([text for _, text in new]))
            self._cache.put(fingerprint, [key for key, _ in new], packed)
            known |= {key: row for (key, _), row in zip(new, packed, strict=True)}
        try:
            with adding(self._catalog, self.model, chunk_ids):
                self._catalog.put_vectors_of(
                    self.model, fingerprint, list(known), list(known.values())
                )
        except IndexWriteError as error:
            self._note(f"{error} This answer is from the vectors that are there.")
