"""Repository search: does the answer to a question stand among the first ten results?

NDCG@10 with binary relevance. A target's rank is that of the first result in its file (and, where
the target has lines, overlapping them); the ideal list holds min(10, targets). Two lists are
scored: the chunks as a user gets them, and the files in the order of their best chunk, where a file
answers for each of its lines. Scores are averaged over a repository's questions, then over
repositories.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from c2llm.errors import DataError
from c2llm.evaluation.kept import file_name, load_kept, save_kept
from c2llm.evaluation.provenance import short_hash
from c2llm.evaluation.repositories.repo_questions import Question, Repository, Target
from c2llm.evaluation.repositories.repo_trees import Tree
from c2llm.evaluation.statistics.metrics import dcg

K = 10
FORMAT = 1
# Chunks asked for until ten files are among them; a file of a thousand chunks can fill any list.
_FILE_DEPTHS = (50, 200, 800)


class Hit(Protocol):
    """A search result."""

    @property
    def path(self) -> str:
        """Relative to the searched root, with `/`."""

    @property
    def start_line(self) -> int:
        """First line, from 1."""

    @property
    def end_line(self) -> int:
        """Last line, inclusive."""


class Searchable(Protocol):
    """An index of one tree, ready to answer."""

    @property
    def built(self) -> bool:
        """Whether opening it made it from nothing, so that the time that took is the index time."""

    def search(self, query: str, k: int, *, mode: str) -> Sequence[Hit]:
        """The best `k` results, best first."""

    def close(self) -> None:
        """Let go of files; nothing is searched afterwards."""


@dataclass(frozen=True, slots=True)
class QuestionResult:
    """One question in one mode."""

    question: str
    category: str
    chunk_ndcg: float
    file_ndcg: float
    chunk_ranks: tuple[int | None, ...]
    """Per target, from 1; None where it is not among the first ten."""
    file_ranks: tuple[int | None, ...]
    milliseconds: float
    """Wall time of the search for ten chunks, the embedding of the question in it."""
    found: tuple[str, ...]
    """`path:start-end` of the chunks, best first."""


@dataclass(frozen=True)
class RepositoryResult:
    """One repository in one mode of one system."""

    repository: str
    language: str
    system: str
    fingerprint: str
    mode: str
    digest: str
    revision: str
    """Commit that was searched, "" where it is not known."""
    index_seconds: float
    """Wall time of opening the index, which builds it where it was not there."""
    index_built: bool
    """Whether `index_seconds` is the time of a build from nothing."""
    missing_targets: tuple[str, ...]
    """Targets whose file is not in the tree; they count as not found."""
    questions: tuple[QuestionResult, ...]

    def mean(self, files: bool) -> float:
        """Mean NDCG@10 of the file list or the chunk list."""
        scores = [q.file_ndcg if files else q.chunk_ndcg for q in self.questions]
        return sum(scores) / len(scores)


def ndcg_of_ranks(ranks: Iterable[int | None], k: int = K) -> float:
    """NDCG@k of binary targets found at `ranks` (from 1; None: not found).

    Two targets may share a rank, when one chunk overlaps the lines of both; the score stops at 1.
    """
    wanted = list(ranks)
    gains = [0.0] * k
    for rank in wanted:
        if rank is not None and rank <= k:
            gains[rank - 1] += 1.0
    return min(1.0, dcg(gains) / dcg([1.0] * min(k, len(wanted))))


def chunk_rank(target: Target, hits: Sequence[Hit], prefix: str = "") -> int | None:
    """Rank from 1 of the first hit in the target's file and, if it has lines, overlapping them.

    Args:
        target: what is looked for, relative to the repository.
        hits: results relative to the searched root.
        prefix: the searched root relative to the repository, "" or ending in `/`.
    """
    for rank, hit in enumerate(hits, 1):
        if prefix + hit.path == target.path and (
            target.start_line is None
            or target.end_line is None
            or (hit.start_line <= target.end_line and target.start_line <= hit.end_line)
        ):
            return rank
    return None


def files_of(hits: Iterable[Hit]) -> list[str]:
    """Paths in the order of their first hit."""
    return list(dict.fromkeys(hit.path for hit in hits))


def ask(index: Searchable, question: Question, mode: str, prefix: str) -> QuestionResult:
    """Search for one question and score both lists."""
    begun = time.perf_counter()
    hits = index.search(question.text, K, mode=mode)
    milliseconds = (time.perf_counter() - begun) * 1000
    chunk_ranks = tuple(chunk_rank(target, hits[:K], prefix) for target in question.targets)
    files = [prefix + path for path in _first_files(index, question.text, mode)]
    file_ranks = tuple(
        files.index(target.path) + 1 if target.path in files else None
        for target in question.targets
    )
    return QuestionResult(
        question=question.text,
        category=question.category,
        chunk_ndcg=ndcg_of_ranks(chunk_ranks),
        file_ndcg=ndcg_of_ranks(file_ranks),
        chunk_ranks=chunk_ranks,
        file_ranks=file_ranks,
        milliseconds=milliseconds,
        found=tuple(f"{prefix}{hit.path}:{hit.start_line}-{hit.end_line}" for hit in hits[:K]),
    )


def _first_files(index: Searchable, query: str, mode: str) -> list[str]:
    files: list[str] = []
    for depth in _FILE_DEPTHS:
        hits = index.search(query, depth, mode=mode)
        files = files_of(hits)[:K]
        if len(files) == K or len(hits) < depth:
            break
    return files


class RepositoryStore:
    """Kept results of the benchmark, one file for each repository, system and mode.

    A file is used again only for the same model, questions and `engine` (a hash of the code that
    makes chunks, vectors and rankings).
    """

    def __init__(self, folder: Path, engine: str) -> None:
        self._folder = folder
        self._engine = engine

    def load(
        self, repository: Repository, tree: Tree, system: str, fingerprint: str, mode: str
    ) -> RepositoryResult | None:
        """The kept result, or None.

        Raises:
            DataError: for a damaged file.
        """
        path = self._path(repository, tree, system, fingerprint, mode)
        fields = load_kept(path, FORMAT)
        if fields is None:
            return None
        try:
            questions = tuple(_question_result(entry) for entry in fields.pop("questions"))
            missing = tuple(fields.pop("missing_targets"))
            result = RepositoryResult(**fields, missing_targets=missing, questions=questions)
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path} is not a kept result ({error!r}); remove it.") from error
        if (result.fingerprint, result.digest) != (fingerprint, repository.digest()):
            raise DataError(f"{path} holds a result of another model or benchmark; remove it.")
        return result

    def save(self, result: RepositoryResult, repository: Repository, tree: Tree) -> None:
        """Keep a result.

        Raises:
            DataError: if it cannot be written.
        """
        path = self._path(repository, tree, result.system, result.fingerprint, result.mode)
        save_kept(path, FORMAT, result)

    def _path(
        self, repository: Repository, tree: Tree, system: str, fingerprint: str, mode: str
    ) -> Path:
        return (
            self._folder
            / "repos"
            / file_name(
                repository.name,
                mode,
                system,
                short_hash(fingerprint),
                self._engine[:12],
                repository.digest()[:12],
                tree.revision[:12],
            )
        )


def _question_result(entry: dict[str, Any]) -> QuestionResult:
    lists = ("chunk_ranks", "file_ranks", "found")
    return QuestionResult(**{**entry, **{key: tuple(entry[key]) for key in lists}})


def run_repository(
    repository: Repository,
    tree: Tree,
    open_index: Callable[[], tuple[Searchable, bool]],
    *,
    system: str,
    fingerprint: str,
    modes: Sequence[str],
    store: RepositoryStore | None = None,
) -> Iterator[RepositoryResult]:
    """One repository in several modes of one index, which is opened only if a mode is not kept.

    Args:
        repository: its questions.
        tree: its files.
        open_index: builds or opens the index of the tree, and says whether it was built from
            nothing, so that the time it took is the index time.
        system: what reports call the encoder.
        fingerprint: the encoder's.
        modes: those of the index.
        store: where results are kept.
    """
    with ExitStack() as opened:
        index: Searchable | None = None
        seconds, built = 0.0, False
        prefix = f"{repository.benchmark_root}/" if repository.benchmark_root else ""
        for mode in modes:
            kept = store.load(repository, tree, system, fingerprint, mode) if store else None
            if kept is not None:
                yield kept
                continue
            if index is None:
                begun = time.perf_counter()
                index, built = open_index()
                seconds = time.perf_counter() - begun
                opened.callback(index.close)
            index.search("warm up", K, mode=mode)  # loads what later searches of the mode share
            result = RepositoryResult(
                repository=repository.name,
                language=repository.language,
                system=system,
                fingerprint=fingerprint,
                mode=mode,
                digest=repository.digest(),
                revision=tree.revision,
                index_seconds=seconds,
                index_built=built,
                missing_targets=_missing(repository, tree, prefix),
                questions=tuple(ask(index, q, mode, prefix) for q in repository.questions),
            )
            if store:
                store.save(result, repository, tree)
            yield result


def _missing(repository: Repository, tree: Tree, prefix: str) -> tuple[str, ...]:
    targets = dict.fromkeys(target for q in repository.questions for target in q.targets)
    return tuple(
        str(target)
        for target in targets
        if not target.path.startswith(prefix)
        or not (tree.root / target.path.removeprefix(prefix)).is_file()
    )
