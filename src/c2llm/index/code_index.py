"""`CodeIndex`: the index of one directory, kept fresh, asked questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from c2llm.codebase.languages import language_named
from c2llm.errors import C2LLMError, UsageError
from c2llm.index.build import (
    CHUNKER_VERSION,
    ProgressBar,
    Staleness,
    embed_missing,
    find_stale,
    refresh_files,
    silent_progress,
)
from c2llm.index.encoder_handle import EncoderHandle
from c2llm.index.location import existing_directory, index_file, remove_index
from c2llm.index.lock import refreshing
from c2llm.index.rank import DEFAULT_WEIGHTS, RankWeights
from c2llm.index.search import (
    Filters,
    Granularity,
    Hit,
    Mode,
    search_store,
)
from c2llm.index.status import IndexStatus, store_status
from c2llm.index.store import Counts, Store

if TYPE_CHECKING:
    from c2llm.encoding.protocol import TextEncoder
    from c2llm.index.vectors import Matrix, Vectors

DEFAULT_MODEL = "c2llm-mini"
Embed = Literal["all", "candidates", "none"]
_CANDIDATES = 32
"""Chunks that a search embeds at most on its own: some two seconds of a small model."""
SEARCH_LOCK_SECONDS = 2.0
"""How long a search of the command line waits for another process that refreshes the same index."""


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """What a refresh did."""

    redone: int
    """Files read and cut anew, or forgotten."""
    embedded: int
    """Texts that were embedded."""


class CodeIndex:
    """The index of one directory tree; use `open`, and close it or use it as a context manager.

        with CodeIndex.open("path/to/repo") as index:
            for hit in index.search("parse a toml file", k=10):
                print(hit.path, hit.start_line)

    An instance belongs to one thread at a time. Other processes may search and refresh meanwhile.
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        encoder: EncoderHandle,
        *,
        embed: Embed = "all",
        progress_bar: ProgressBar = silent_progress,
        note: Callable[[str], None] | None = None,
    ) -> None:
        self.root = root
        self.model = encoder.model
        self.last_refresh = RefreshReport(0, 0)
        self.stale_files = 0
        """Files that were known to differ from the index when it was last compared."""
        self._store = store
        self._encoder = encoder
        self._embed = embed
        self._progress_bar = progress_bar
        self._note = note or (lambda message: None)
        self._matrix: Matrix | None = None

    @classmethod
    def open(
        cls,
        root: str | Path,
        model: str = DEFAULT_MODEL,
        *,
        encoder: TextEncoder | None = None,
        refresh: bool = True,
        rebuild: bool = False,
        embed: Embed = "all",
        progress_bar: ProgressBar = silent_progress,
        note: Callable[[str], None] | None = None,
        lock_seconds: float | None = None,
    ) -> Self:
        """Open the index of a directory, making it or bringing it up to date.

        Args:
            root: The directory.
            model: Name of the embedding model.
            encoder: A loaded model to use instead of the one named.
            refresh: Redo what changed since the last time.
            rebuild: Throw the present index away first, whatever state it is in.
            embed: Which chunks get vectors: `all` of them now, the `candidates` of each search
                when it is made, or `none` (only lexical searches are possible).
            progress_bar: Shows long work.
            note: Called with what the user should be told.
            lock_seconds: How long to wait for another process that refreshes the same index before
                going on without a refresh; None for as long as it takes.

        Raises:
            UsageError: The directory is not there, or the model is unknown.
            IndexCorruptError: The index file is damaged.
            C2LLMError: There is nothing to index, or the disk fails.
        """
        folder = existing_directory(root)
        path = index_file(folder)
        handle = EncoderHandle(model, encoder)
        if embed != "none":
            handle.check()  # an unknown model is told before any work is done
        if embed == "candidates":
            handle.preload()  # a search follows
        try:
            if rebuild:
                remove_index(path)
            store = Store(path)
        except BaseException:
            handle.wait()
            raise
        index = cls(folder, store, handle, embed=embed, progress_bar=progress_bar, note=note)
        try:
            index._upgrade()
            if refresh:
                index.refresh(lock_seconds)
        except BaseException:
            index.close()
            raise
        return index

    @property
    def file(self) -> Path:
        """The index file."""
        return self._store.path

    def close(self) -> None:
        """Close the index file."""
        self._encoder.wait()
        self._store.close()

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
                longer, nothing is done and `stale_files` tells how much is behind.
        """
        self.last_refresh = self._refresh(lock_seconds)
        return self.last_refresh

    def _refresh(self, lock_seconds: float | None) -> RefreshReport:
        store = self._store
        staleness = find_stale(store, self.root)
        self.stale_files = len(staleness.changed) + len(staleness.removed)
        embeds = self._embed == "all"
        if self.stale_files or (embeds and store.unembedded(self._model_id())):
            with refreshing(store.path, lock_seconds) as held:
                if not held:
                    self._note("Another process is refreshing this index; this answer is older.")
                    return RefreshReport(0, 0)
                if embeds:
                    self._encoder.preload()
                staleness = find_stale(store, self.root)  # the holder before us may have done it
                redone = refresh_files(store, staleness, self._progress_bar)
                self.stale_files = 0
                self._require_files(staleness)
                embedded = 0
                if embeds:
                    embedded = embed_missing(
                        store, self._model_id(), self._encoder.get(), self._progress_bar
                    )
                return RefreshReport(redone, embedded)
        self._require_files(staleness)
        return RefreshReport(0, 0)

    def search(
        self,
        query: str,
        k: int = 10,
        mode: Mode = "hybrid",
        *,
        language: str | Sequence[str] = (),
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        granularity: Granularity = "chunk",
        weights: RankWeights = DEFAULT_WEIGHTS,
    ) -> list[Hit]:
        """The k best answers, the best first; the same index and query give the same list.

        Args:
            query: A question, some words, or a name.
            k: How many answers.
            mode: `hybrid`, or one leg alone: `dense` (vectors) or `lexical` (no model is loaded).
            language: Only files of this language or these.
            include: Only paths that match one of these globs.
            exclude: No path that matches one of these globs.
            granularity: `chunk`, or `file` for each file's best chunk only.
            weights: What the ranker's evidence is worth.

        Raises:
            UsageError: k is below 1 or the query is empty.
        """
        if k < 1:
            raise UsageError(f"The number of results must be at least 1, not {k}.")
        if not query.strip():
            raise UsageError("The query is empty; say what you are looking for.")
        languages = self._languages((language,) if isinstance(language, str) else language)
        return search_store(
            self._store,
            query,
            k=k,
            mode=mode,
            filters=Filters(languages, tuple(include), tuple(exclude)),
            vectors=None if mode == "lexical" else partial(self._vectors, query),
            weights=weights,
            granularity=granularity,
        )

    def status(self) -> IndexStatus:
        """Count what is indexed, what is stale and what was left out."""
        return store_status(self._store, self.root, self.model)

    def counts(self) -> Counts:
        """How many files, chunks and vectors there are."""
        return self._store.counts(self.model)

    def _vectors(self, query: str, candidates: Sequence[int]) -> Vectors:
        """Similarity of the query to every chunk that has a vector, the candidates among them."""
        store = self._store
        model_id = self._model_id()
        self._fresh_matrix(model_id)  # while the encoder is still being loaded
        encoder = self._encoder.get()
        if self._embed == "candidates":
            embed_missing(store, model_id, encoder, self._progress_bar, candidates[:_CANDIDATES])
        return self._fresh_matrix(model_id).similarities(encoder.encode_queries([query])[0])

    def _fresh_matrix(self, model_id: int) -> Matrix:
        from c2llm.index.vectors import Matrix

        known = self._matrix
        key = (model_id, self._store.generation())
        if known is None or (known.model_id, known.generation) != key:
            self._matrix = known = Matrix.read(self._store, model_id)
        return known

    def _languages(self, names: Sequence[str]) -> tuple[str, ...]:
        """The languages that these names mean, each of which some indexed file has."""
        if not names:
            return ()
        indexed = {state.language for state in self._store.files().values()}
        wanted = tuple(language_named(name) for name in names)
        for name, language in zip(names, wanted, strict=True):
            if language not in indexed:
                raise UsageError(
                    f"No indexed file is written in {name}; there are: "
                    f"{', '.join(sorted(indexed))}."
                )
        return wanted

    def _model_id(self) -> int:
        """The model's number here; vectors that another version of it made are dropped and told."""
        fingerprint = self._encoder.fingerprint
        known = self._store.model_id(self.model)
        if known is not None and known[1] == fingerprint:
            return known[0]
        if known is not None:
            self._note(f"The model {self.model} has changed: its vectors are made again.")
        dim = self._encoder.get().dim
        with self._store.writing():
            return self._store.use_model(self.model, fingerprint, dim)

    def _upgrade(self) -> None:
        """Begin anew in another schema, and have all cut again by another chunker."""
        if self._store.is_outdated():
            self._note("The index was made by an older version; all is redone.")
            self._store.recreate()
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
            self._store.set_meta("root", str(self.root))

    def _require_files(self, staleness: Staleness) -> None:
        if self._store.counts(self.model).files:
            return
        skipped = Counter(skip.reason for skip in staleness.listed.skipped)
        skipped.update(state.reason for state in self._store.skipped().values())
        left_out = ", ".join(f"{count} {reason}" for reason, count in skipped.most_common())
        raise C2LLMError(
            f"There is nothing to search in {self.root}: no source file"
            + (f" (left out: {left_out})." if left_out else ".")
        )
