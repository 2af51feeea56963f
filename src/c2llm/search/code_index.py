"""`CodeIndex`: the index of one directory, kept fresh, asked questions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c2llm.errors import UsageError
from c2llm.index.build.indexed_tree import SEARCH_LOCK_SECONDS, IndexedTree
from c2llm.index.store.lock import embedding
from c2llm.search.answer import SearchedIndex
from c2llm.search.asking import Asking
from c2llm.search.query.filters import filters_of
from c2llm.search.query.recency import recency_for
from c2llm.search.query_memory import QueryMemory
from c2llm.search.question_vectors import QuestionVectors
from c2llm.search.request import Mode, SearchRequest
from c2llm.search.retrieval.dense import DenseRetriever
from c2llm.search.retrieval.index_reader import IndexReader
from c2llm.search.target import LeftOut, SearchTarget

if TYPE_CHECKING:
    from c2llm.encoding.encoder_handle import EncoderHandle
    from c2llm.search.answers.callers import CallerFinder
    from c2llm.search.asked_index import AskedIndex


class CodeIndex(IndexedTree, QuestionVectors, Asking):
    """The index of one directory tree; use `open`, and close it or use it as a context manager.

        with CodeIndex.open("path/to/repo") as index:
            for hit in index.search("parse a toml file", k=10):
                print(hit.path, hit.start_line)

    Opening it brings it up to date and embeds nothing with the large model; a search embeds the
    candidates of its question, `complete()` everything. An instance belongs to one thread at a
    time. Other processes may search and refresh meanwhile.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._label = ""
        super().__init__(*arguments, **options)
        self._query_vectors = {}
        self._memory = QueryMemory(self._cache)

    def _on_store(self) -> None:
        self._dense = DenseRetriever(self._store)
        self._reader = IndexReader(self._store, self.root, self._label)

    def close(self) -> None:
        """Close the index file."""
        self._memory.save()
        super().close()

    def _expect(self, question: str | None) -> None:
        self._memory = QueryMemory(self._cache, question)

    def _awaits(self, handle: EncoderHandle) -> bool:
        # One that is made, or made again, hashes its models beside their load.
        if self._store.is_outdated() or not self._store.has_files():
            return True
        self._model_id(handle)  # the index remembers the fingerprint of these very files
        return not self._memory.has(handle)

    @property
    def label(self) -> str:
        """What answers are told apart by when several indexes are searched, "" for nothing."""
        return self._label

    @label.setter
    def label(self, label: str) -> None:
        self._label = self._reader.label = label

    def target(
        self,
        request: SearchRequest,
        others: Sequence[AskedIndex] = (),
        left_out: LeftOut | None = None,
    ) -> SearchTarget:
        """This index made ready for a request, for `pipeline.ask`, which also takes several.

        Args:
            request: What is asked.
            others: The indexes that are asked too. One of a directory below this one's answers for
                the files that it has.
            left_out: A file and its first and last line that are no answer.
        """
        text = request.text
        lexical = request.mode == "lexical"
        if self._embed == "none" and not lexical:
            raise UsageError(
                "This index was opened without vectors; ask with the mode lexical, or open it "
                "without embed='none'."
            )
        self._reader.begin_question()
        unread = [file.path for file in self._unread]
        filters = filters_of(self._store, request, self._paths_in(others), unread)
        return SearchTarget(
            self._reader,
            filters,
            None if lexical else partial(self._similarities, text),
            None if lexical else partial(self._merged, text),
            None if lexical else partial(self._nearness, text),
            recency_for(self.root, filters, self._store),
            self._below(left_out),
        )

    def _below(self, place: LeftOut | None) -> tuple[str, int, int] | None:
        """A file and its lines, the file as the index has it; None where it is elsewhere."""
        if place is None:
            return None
        file, *lines = place
        if not isinstance(file, Path) or not file.is_relative_to(self.root):
            return None
        return (file.relative_to(self.root).as_posix(), lines[0], lines[1])

    @property
    def source(self) -> Path:
        """The directory that it is the index of."""
        return self.root

    def remarks(self, request: SearchRequest) -> Iterator[str]:
        """What was not read before the answer, after seeing to it that somebody does."""
        if not self.unread_files:
            return
        from c2llm.index.build import background_reading

        files, unread = self.listed_files, self.unread_files
        reads = background_reading.start(self)
        rest = "the rest is being read: ask again" if reads else "the rest has to be asked for"
        where = f"{self.label}: " if self.label else ""
        yield f"{where}This is from {files - unread:,} of {files:,} files; {rest}."

    def has(self, called: str) -> bool:
        """Whether hits that say to be in this repository are its own."""
        return called == self._label

    def read_for(self, request: SearchRequest) -> None:
        """Read what smells of a request, where files of a large tree have not been read yet."""
        if self.unread_files:
            from c2llm.search.retrieval.scent import scent_of

            self.read_promising(scent_of(request), SEARCH_LOCK_SECONDS)

    def _paths_in(self, others: Sequence[AskedIndex]) -> set[str]:
        """Paths of the files that the indexes of directories below this one have."""
        return {
            (other.root.relative_to(self.root) / file.path).as_posix()
            for other in others
            if isinstance(other, CodeIndex)
            if other.root != self.root and other.root.is_relative_to(self.root)
            for file in other._store.files()
        }

    def described(self, mode: Mode) -> SearchedIndex:
        """What the index holds at this moment, for an answer in this mode."""
        counts = self.counts()
        return SearchedIndex(
            root=str(self.root),
            label=self.label,
            model=None if mode == "lexical" else self.model,
            table_model=None if mode == "lexical" else self.table_model,
            files=counts.files,
            chunks=counts.chunks,
            embedded=counts.embedded,
            stale=self.stale_files,
            unread=self.unread_files,
            left_out=self.left_out(),
        )

    def paths(self) -> list[str]:
        """Paths of the indexed files below the root, in any order."""
        with self.believed():
            return [file.path for file in self._store.files()]

    def caller_finder(self, called: str = "") -> CallerFinder:
        """What finds of a hit who calls it, what its file imports and what imports that."""
        from c2llm.search.answers.callers import CallerFinder

        return CallerFinder(self._store, self.root.parts)

    def build_graphs(self) -> int:
        """Make the HNSW graphs that a large index lacks, and return how many."""
        handles = [handle for handle in (self._encoder, self._table) if handle is not None]
        large = [self._model_id(handle) for handle in handles]
        large = [model_id for model_id in large if self._store.is_large(model_id)]
        if not large:
            return 0
        from c2llm.search.retrieval.hnsw import build_graph

        with self.believed(), embedding(self._store.path, give_way=True) as held:
            return sum(build_graph(self._store, model_id) for model_id in large) if held else 0

    def _number(self, handle: EncoderHandle) -> int:
        return self._model_id(handle)

    def _embed_candidates(self, chunk_ids: Sequence[int]) -> None:
        self.embed_only(chunk_ids)

    def _text_lengths(self, chunk_ids: Sequence[int]) -> Mapping[int, int]:
        return self._store.text_lengths(chunk_ids)
