"""Runs tasks through systems, scores every query, and keeps the scores so that a run can go on.

Exact search over the whole corpus; the first 100 documents of each query are scored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from c2llm.encoding.protocol import Progress
from c2llm.errors import DataError
from c2llm.evaluation.kept import file_name, load_kept, save_kept
from c2llm.evaluation.provenance import short_hash
from c2llm.evaluation.retrieval.retrieval_task import RetrievalTask
from c2llm.evaluation.statistics.metrics import average_precision, mrr, ndcg_at_k, recall_at_k
from c2llm.evaluation.systems.system import Ranking, System
from c2llm.progress import ProgressBar, no_progress

DEPTH = 100
"""Documents of a ranking that are scored: recall, AP and the like know nothing beyond them."""
KEPT = 10
"""Documents of a ranking that are kept, to see later where two systems differ."""
FORMAT = 1
_SHOWN = 300
"""Characters of a query that are kept."""

METRICS: dict[str, Callable[[Sequence[int], dict[int, float]], float]] = {
    "ndcg_at_10": partial(ndcg_at_k, k=10),
    "mrr_at_10": partial(mrr, k=10),
    "recall_at_1": partial(recall_at_k, k=1),
    "recall_at_10": partial(recall_at_k, k=10),
    "recall_at_100": partial(recall_at_k, k=DEPTH),
    "map_at_100": partial(average_precision, k=DEPTH),
}


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What one system found for one query."""

    id: str
    group: str
    found: tuple[str, ...]
    """Ids of the first documents, best first."""
    scores: dict[str, float]
    """Metric -> value, for every metric of `METRICS`."""
    text: str = ""
    """The query, cut to what a report shows."""
    first_rank: int | None = None
    """Of the first relevant document, from 1; None where it is not among the first `DEPTH`."""


@dataclass(frozen=True)
class TaskResult:
    """One system on one task, query by query, in the order of the task's queries."""

    task: str
    digest: str
    system: str
    fingerprint: str
    documents: int
    full_size: tuple[int, int]
    seconds: float
    """Wall time of encoding and ranking; texts that an earlier task had encoded cost nothing."""
    queries: tuple[QueryResult, ...]

    @property
    def family(self) -> str:
        """The task's name before the colon."""
        return self.task.partition(":")[0]


class ResultStore:
    """A directory of results, one JSON file for each task and system.

    A file is used again only for the same system (by fingerprint) on the same task (by digest), so
    results of other models, other data or other limits may lie beside each other.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, task: RetrievalTask, system: System) -> TaskResult | None:
        """The kept result, or None.

        Raises:
            DataError: for a file that is damaged or holds another result than its name says.
        """
        path = self._path(task, system)
        fields = load_kept(path, FORMAT)
        if fields is None:
            return None
        try:
            queries = tuple(
                QueryResult(**{**q, "found": tuple(q["found"]), "scores": dict(q["scores"])})
                for q in fields.pop("queries")
            )
            asked, searched = fields.pop("full_size")
            result = TaskResult(**fields, full_size=(asked, searched), queries=queries)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path} is not a kept result ({error!r}); remove it.") from error
        if (result.fingerprint, result.digest) != (system.fingerprint, task.digest()):
            raise DataError(f"{path} holds a result of another model or task; remove it.")
        return result

    def save(self, result: TaskResult, task: RetrievalTask, system: System) -> None:
        """Keep a result.

        Raises:
            DataError: if the directory cannot be written.
        """
        save_kept(self._path(task, system), FORMAT, result)

    def _path(self, task: RetrievalTask, system: System) -> Path:
        name = file_name(task.name, system.name, short_hash(system.fingerprint), task.digest()[:12])
        return self._folder / "retrieval" / name


def run_tasks(
    tasks: Iterable[RetrievalTask],
    systems: Sequence[System],
    *,
    store: ResultStore | None = None,
    progress_bar: ProgressBar = no_progress,
) -> Iterator[TaskResult]:
    """Every task through every system, task by task; results come as they are made or found kept.

    Raises:
        DataError: as `ResultStore`.
    """
    for task in tasks:
        for system in systems:
            kept = store.load(task, system) if store else None
            if kept is not None:
                yield kept
                continue
            texts = len(task.queries) + len(task.documents)
            with progress_bar(f"{task.name} · {system.name}", texts) as progress:
                result = run_task(task, system, progress)
            if store:
                store.save(result, task, system)
            yield result


def run_task(
    task: RetrievalTask, system: System, progress: Progress = lambda done: None
) -> TaskResult:
    """One task through one system."""
    begun = time.perf_counter()
    rankings = system.rank(task, DEPTH, progress)
    seconds = time.perf_counter() - begun
    return TaskResult(
        task=task.name,
        digest=task.digest(),
        system=system.name,
        fingerprint=system.fingerprint,
        documents=len(task.documents),
        full_size=task.full_size,
        seconds=seconds,
        queries=tuple(score_rankings(task, rankings)),
    )


def score_rankings(task: RetrievalTask, rankings: Sequence[Ranking]) -> Iterator[QueryResult]:
    """Every metric of every query.

    Args:
        task: the task that was ranked.
        rankings: for each query, positions of documents, best first.
    """
    for query, relevance, ranking in zip(task.queries, task.relevance, rankings, strict=True):
        gains = dict(relevance)
        ranked = [int(position) for position in ranking[:DEPTH]]
        yield QueryResult(
            id=query.id,
            group=query.group,
            found=tuple(task.documents[position].id for position in ranked[:KEPT]),
            scores={name: metric(ranked, gains) for name, metric in METRICS.items()},
            text=query.text[:_SHOWN],
            first_rank=next((rank for rank, found in enumerate(ranked, 1) if found in gains), None),
        )


def group_values(queries: Sequence[QueryResult], metric: str) -> dict[str, list[float]]:
    """Values of a metric by group, groups in the order of their first query."""
    groups: dict[str, list[float]] = {}
    for query in queries:
        groups.setdefault(query.group, []).append(query.scores[metric])
    return groups
