"""The repository-search benchmark over our index: every repository, encoder and mode."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from c2llm.encoding.protocol import TextEncoder
from c2llm.errors import DataError, UsageError
from c2llm.evaluation.provenance import hash_source
from c2llm.evaluation.repo_questions import Repository
from c2llm.evaluation.repo_trees import Tree, find_tree
from c2llm.evaluation.repos import (
    MODES,
    RepositoryResult,
    RepositoryStore,
    Searchable,
    run_repository,
)

Opener = Callable[[Path, TextEncoder], Searchable]
"""Builds or opens the index of a directory with an encoder."""


def open_code_index(root: Path, encoder: TextEncoder) -> Searchable:
    """The index that `c2llm search` uses, complete when it returns."""
    from c2llm.index.code_index import CodeIndex

    return CodeIndex.open(root, model=encoder.name, encoder=encoder)


def engine_digest() -> str:
    """Hash of the code between a tree and a ranking: chunks, vectors, index, search."""
    return hash_source("c2llm.codebase", "c2llm.encoding", "c2llm.index")


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


def run_benchmark(
    trees: Sequence[tuple[Repository, Tree]],
    encoders: Sequence[TextEncoder],
    *,
    modes: Sequence[str],
    home: Path,
    store: RepositoryStore | None = None,
    opener: Opener = open_code_index,
) -> Iterator[RepositoryResult]:
    """Every repository in every mode with every encoder, encoder by encoder.

    The lexical mode knows no encoder: it is run with the first one only.

    Args:
        trees: repositories and where their files are.
        encoders: loaded once for all repositories.
        modes: of `repos.MODES`.
        home: folder of the indexes, apart from the user's own; one that is there already is used
            again and its index time is then that of a refresh.
        store: where results are kept.
        opener: how an index is opened.

    Raises:
        UsageError: for an unknown mode.
    """
    for mode in modes:
        if mode not in MODES:
            raise UsageError(f"No mode is named {mode!r}; there are {', '.join(MODES)}.")
    # Chunks of other code must not be searched as if they were today's.
    chunker = hash_source("c2llm.codebase")[:8]
    for position, encoder in enumerate(encoders):
        asked = [mode for mode in modes if mode != "lexical" or position == 0]
        place = home / f"{encoder.fingerprint[-12:]}-{chunker}"
        for repository, tree in trees:
            yield from run_repository(
                repository,
                tree,
                partial(_opened, tree.root, place, encoder, opener),
                system=encoder.name,
                fingerprint=encoder.fingerprint,
                modes=asked,
                store=store,
            )


def _opened(root: Path, home: Path, encoder: TextEncoder, opener: Opener) -> Searchable:
    with _environment("C2LLM_HOME", str(home)):
        return opener(root, encoder)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
