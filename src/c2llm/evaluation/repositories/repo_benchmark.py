"""The repository-search benchmark over our index: every repository, encoder and mode.

In the home of a benchmark lie its indexes (`indexes/`), the vectors of its texts (`vectors/`) and
the files of git directories (`trees/`). Results
count for the code that made them; vectors for what the encoder gives. So after a change of the
ranker all questions are asked again and nothing is embedded, and after a change of how files are
cut only what is cut otherwise is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from c2llm.encoding.protocol import TextEncoder
from c2llm.errors import DataError, UsageError
from c2llm.evaluation.provenance import hash_source, short_hash
from c2llm.evaluation.repositories.repo_questions import Repository
from c2llm.evaluation.repositories.repo_scores import (
    Hit,
    RepositoryResult,
    RepositoryStore,
    Searchable,
    run_repository,
)
from c2llm.evaluation.repositories.repo_trees import Tree, find_tree
from c2llm.evaluation.retrieval.kept_vectors import CachedEncoder
from c2llm.progress import ProgressBar, no_progress

if TYPE_CHECKING:
    from c2llm.index.build.tree_vectors import Embed
    from c2llm.search.code_index import CodeIndex
    from c2llm.search.request import Mode

RAW = "-raw"
"""Suffix of a mode: the retriever's or the fused scores, without the ranker's features."""
FIRST = "first"
"""Mode: the answer to a question that is the first one asked of a repository. Words and vectors of
the table model cover everything, the model embeds the candidates of that question alone."""
COMPLETE = "complete"
"""Mode: the answer once every chunk has vectors of both, the model and the table model."""
MODES = (
    *(retriever + suffix for retriever in ("lexical", "dense", "hybrid") for suffix in ("", RAW)),
    FIRST,
    COMPLETE,
)
_BESIDE: tuple[tuple[str, str, Embed], ...] = (
    (COMPLETE, "beside", "all"),
    (FIRST, "after", "candidates"),
)
"""Modes with a table model beside the other: how a fingerprint says so, and what is embedded."""
NO_MODEL = "(no model)"
_MOST_KNOWN = 0.02
"""Share of kept vectors above which the time of a build tells nothing."""

Opener = Callable[[Path, TextEncoder | None], Searchable]
"""Builds or opens the index of a directory; without an encoder for lexical modes only."""


class RankedIndex:
    """A `CodeIndex` whose modes include those without the ranker."""

    def __init__(self, index: CodeIndex, *, built: bool) -> None:
        from c2llm.search.ranking.ranker import DEFAULT_WEIGHTS, NO_FEATURES

        self.built = built
        self._index = index
        self._weights = {True: NO_FEATURES, False: DEFAULT_WEIGHTS}

    def search(self, query: str, k: int, *, mode: str) -> Sequence[Hit]:
        """The best `k` chunks, best first; `mode` is one of `MODES`."""
        if mode == FIRST:
            self._index.forget_vectors()
        if mode in (FIRST, COMPLETE):
            return self._index.search(query, k)
        retriever = cast("Mode", mode.removesuffix(RAW))
        raw = mode.endswith(RAW)
        return self._index.search(query, k, retriever, weights=self._weights[raw], siblings=raw)

    def close(self) -> None:
        """Close the index file."""
        self._index.close()


def open_code_index(
    root: Path, encoder: TextEncoder | None, progress_bar: ProgressBar = no_progress
) -> Searchable:
    """The index that `c2llm search` uses, complete when it returns."""
    from c2llm.index.store.location import index_file
    from c2llm.search.code_index import CodeIndex

    built = not index_file(root).exists()
    if encoder is None:
        index = CodeIndex.open(root, embed="none", progress_bar=progress_bar)
    else:
        index = CodeIndex.open(
            root, encoder.name, encoder=encoder, embed="all", progress_bar=progress_bar
        )
    return RankedIndex(index, built=built)


def open_beside(
    root: Path,
    encoder: TextEncoder | None,
    *,
    table: TextEncoder | None,
    embed: Embed,
    progress_bar: ProgressBar,
) -> Searchable:
    """The index as `c2llm search` has it, with a table model beside the other.

    Args:
        root: the tree.
        encoder: embeds the candidates of each question, or all.
        table: embeds everything; None for an installation without such a model.
        embed: `candidates` for the first answer, `all` for a complete index.
        progress_bar: shows the embedding.
    """
    from c2llm.index.store.location import index_file
    from c2llm.search.code_index import CodeIndex

    assert encoder is not None
    built = not index_file(root).exists()
    index = CodeIndex.open(
        root,
        encoder.name,
        encoder=encoder,
        table=table,
        embed=embed,
        preload=False,
        progress_bar=progress_bar if embed == "all" else no_progress,
    )
    return RankedIndex(index, built=built)


def engine_digest() -> str:
    """Hash of the code between a tree and a ranking: chunks, vectors, index, search."""
    return hash_source("c2llm.codebase", "c2llm.encoding", "c2llm.index", "c2llm.search")


def find_trees(
    repositories: Sequence[Repository], repos: Path, cache: Path
) -> tuple[list[tuple[Repository, Tree]], list[str]]:
    """Repositories with their trees, and the names of those that `repos` does not hold.

    Raises:
        UsageError: if `repos` is no directory.
        DataError: if it holds none of them, or one without its benchmark root.
    """
    if not repos.is_dir():
        raise UsageError(f"{repos} is not a directory; give the one that holds the repositories.")
    trees = [(repository, find_tree(repository, repos, cache)) for repository in repositories]
    found = [(repository, tree) for repository, tree in trees if tree is not None]
    absent = [repository.name for repository, tree in trees if tree is None]
    if not found:
        raise DataError(f"{repos} holds none of {', '.join(absent)}; clone them there by name.")
    return found, absent


def dense_modes(modes: Sequence[str]) -> list[str]:
    """Those of `modes` that need an encoder, `first` among them.

    Raises:
        UsageError: for an unknown mode.
    """
    for mode in modes:
        if mode not in MODES:
            raise UsageError(f"No mode is named {mode!r}; there are {', '.join(MODES)}.")
    return [mode for mode in modes if not mode.startswith("lexical")]


def run_benchmark(
    trees: Sequence[tuple[Repository, Tree]],
    encoders: Sequence[TextEncoder],
    *,
    modes: Sequence[str],
    home: Path,
    table: TextEncoder | None = None,
    store: RepositoryStore | None = None,
    opener: Opener = open_code_index,
    progress_bar: ProgressBar = no_progress,
) -> Iterator[RepositoryResult]:
    """Every repository in every mode with every encoder, encoder by encoder.

    Lexical modes know no encoder: they run once, over indexes without vectors. `first` has indexes
    of its own, with vectors of the table model; before each of its searches those of the encoder
    are forgotten. So has `complete`, where they stay. These two run last, since what other modes
    embedded need not be computed again.

    Args:
        trees: repositories and where their files are.
        encoders: what the other modes run with; none is needed for lexical modes.
        modes: of `MODES`.
        home: folder of indexes and vectors, apart from the user's own; what is there is used again.
        table: the table model that stands beside the encoder in `first` and `complete`.
        store: where results are kept.
        opener: how an index is opened.
        progress_bar: shows the embedding of mode `complete`.

    Raises:
        UsageError: for an unknown mode.
    """
    from c2llm.encoding.encoder_handle import EncoderHandle

    dense = dense_modes(modes)
    lexical = [mode for mode in modes if mode not in dense]
    alone = [mode for mode in dense if mode not in (FIRST, COMPLETE)]
    if lexical:
        yield from _run_modes(trees, None, NO_MODEL, lexical, home, store, opener)
    for encoder in encoders if dense else ():
        with CachedEncoder(encoder, home / "vectors") as cached:
            known = encoder.fingerprint
            if alone:
                yield from _run_modes(trees, cached, known, alone, home, store, opener)
            # A table has no other table beside it, and embeds everything at once.
            if EncoderHandle(encoder.name, encoder).is_table:
                continue
            for mode, how, embed in _BESIDE:
                if mode in dense:
                    both = f"{known} {how} {table.fingerprint if table else 'words'}"
                    opened = partial(
                        open_beside, table=table, embed=embed, progress_bar=progress_bar
                    )
                    yield from _run_modes(trees, cached, both, [mode], home, store, opened)


def _run_modes(
    trees: Sequence[tuple[Repository, Tree]],
    encoder: CachedEncoder | None,
    fingerprint: str,
    modes: Sequence[str],
    home: Path,
    store: RepositoryStore | None,
    opener: Opener,
) -> Iterator[RepositoryResult]:
    """Every repository in modes of one index; `fingerprint` is of all the models in it."""
    system = encoder.name if encoder else NO_MODEL
    # An index that other code has written must not be searched as if it were today's.
    place = home / "indexes" / f"{short_hash(fingerprint)}-{short_hash(_cut_by())}"
    for repository, tree in trees:
        yield from run_repository(
            repository,
            tree,
            partial(_opened, tree.root, place, encoder, opener),
            system=system,
            fingerprint=fingerprint,
            modes=modes,
            store=store,
        )


def _cut_by() -> str:
    """Hash of the code that decides what stands in an index, vectors aside."""
    writers = ("build.refresh", "store.schema", "store.sqlite_file", "store.sqlite_store")
    return hash_source("c2llm.codebase", *(f"c2llm.index.{module}" for module in writers))


def _opened(
    root: Path, home: Path, encoder: CachedEncoder | None, opener: Opener
) -> tuple[Searchable, bool]:
    """The index, and whether opening it took as long as building it from nothing does."""
    reused = encoder.reused if encoder else 0
    computed = encoder.computed if encoder else 0
    with environment("C2LLM_HOME", str(home)):
        index = opener(root, encoder)
    if encoder is None:
        return index, index.built
    # A text that stands twice in one repository is not one that was embedded before.
    known, new = encoder.reused - reused, encoder.computed - computed
    return index, index.built and known <= _MOST_KNOWN * (known + new)


@contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    """Give an environment variable another value while the block runs."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
