"""Functions without telling names: retrieval tasks as trees of files, for the whole search.

In a repository the paths and names of files give many answers away. Here each document of a
retrieval task is a file whose path says nothing (`d003/x001742.py`), and the task's queries are the
questions: what is left are the words of the code and the vectors. Such a tree is to the benchmark
a repository like another, so everything that runs, keeps and fits repositories takes it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from c2llm.encoding.protocol import TextEncoder
from c2llm.errors import DataError
from c2llm.evaluation.provenance import short_hash
from c2llm.evaluation.repositories.repo_benchmark import FIRST, open_code_index, run_benchmark
from c2llm.evaluation.repositories.repo_questions import Question, Repository, Target
from c2llm.evaluation.repositories.repo_scores import RepositoryResult, RepositoryStore
from c2llm.evaluation.repositories.repo_trees import Tree
from c2llm.evaluation.retrieval.data_files import find_file, read_pairs
from c2llm.evaluation.retrieval.held_out import held_out
from c2llm.evaluation.retrieval.retrieval_task import RetrievalTask
from c2llm.evaluation.statistics.significance import bootstrap, compare
from c2llm.evaluation.tables import against_cells, interval, markdown_table, number
from c2llm.progress import ProgressBar, no_progress

TABLE = "table"
"""Mode: words and the table model's vectors, without the larger model."""
TASKS = ("cosqa", "codenn", "csn_cloze")
"""Tasks whose documents are functions or snippets of a length that people search for."""
_SUFFIXES = {
    "csharp": "cs",
    "go": "go",
    "java": "java",
    "javascript": "js",
    "php": "php",
    "python": "py",
    "ruby": "rb",
    "sql": "sql",
}
_PYTHON = "py"
"""Of a document whose data names no language: CosQA is Python alone."""
_FILES_OF_A_FOLDER = 500


def function_trees(
    data: Path, cache: Path, names: Sequence[str] = (), limit: int | None = None
) -> list[tuple[Repository, Tree]]:
    """The trees of the tasks whose data is there, with their questions.

    Args:
        data: directory of the retrieval tasks.
        cache: where the files are written, once.
        names: of `TASKS`; all whose file is there by default.
        limit: at most this many questions a tree; the functions stay.

    Raises:
        UsageError: for a `data` that is no directory.
        DataError: for data that is missing or malformed, or a `cache` that cannot be written.
    """
    from c2llm.evaluation.retrieval.local_tasks import load_tasks

    chosen = names or trees_there(data)
    if not chosen and data.is_dir():
        raise DataError(f"{data} has the data of none of {', '.join(TASKS)}.")
    return [
        function_tree(task.limited(limit), _languages(data, task.family), cache)
        for task in load_tasks(data, chosen)
    ]


def trees_there(data: Path) -> list[str]:
    """Those of `TASKS` whose data is in a directory."""
    return [name for name in TASKS if _is_there(data, name)]


def function_tree(
    task: RetrievalTask, languages: dict[str, str], cache: Path
) -> tuple[Repository, Tree]:
    """A task's documents as files and its queries as questions about them.

    Args:
        task: the task.
        languages: language of a document by its id; Python where it has none.
        cache: where the folder of files is made, named after the documents.
    """
    paths = [
        f"d{at // _FILES_OF_A_FOLDER:03}/x{at:06}."
        f"{_SUFFIXES.get(languages.get(document.id, ''), _PYTHON)}"
        for at, document in enumerate(task.documents)
    ]
    questions = tuple(
        Question(query.text, tuple(Target(paths[at]) for at in sorted(answers)), query.group)
        for query, answers in zip(task.queries, task.relevance, strict=True)
    )
    repository = Repository(task.name, "functions", "", "", questions)
    # The files are the same whatever is asked of them, so their folder is named by them alone.
    texts = [f"{document.text}\n" for document in task.documents]
    root = cache / f"{task.name.replace(':', '-')}-{short_hash(repr([paths, texts]))}"
    if not root.is_dir():
        _write(root, paths, texts)
    return repository, Tree(root, "")


def _write(root: Path, paths: Sequence[str], texts: Sequence[str]) -> None:
    """Make the folder whole or not at all: a run that is cut off leaves no half tree."""
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent, prefix="writing-") as writing:
            files = Path(writing) / "files"
            for path, text in zip(paths, texts, strict=True):
                (files / path).parent.mkdir(parents=True, exist_ok=True)
                (files / path).write_text(text, encoding="utf-8", errors="replace")
            files.rename(root)
    except OSError as error:
        raise DataError(f"{root} cannot be written ({error.strerror}).") from error


def _is_there(data: Path, name: str) -> bool:
    stem = held_out(name).file
    return (data / stem).is_dir() or find_file(data, stem) is not None


def _languages(data: Path, family: str) -> dict[str, str]:
    """The language of each document of a pair file, whose ids are those of its rows."""
    path = find_file(data, held_out(family).file)
    return {} if path is None else {pair.id: pair.language for pair in read_pairs(path)}


def run_function_trees(
    trees: Sequence[tuple[Repository, Tree]],
    encoders: Sequence[TextEncoder],
    *,
    modes: Sequence[str],
    home: Path,
    table: TextEncoder | None,
    store: RepositoryStore | None = None,
    progress_bar: ProgressBar = no_progress,
) -> Iterator[RepositoryResult]:
    """Every tree in every mode, as `run_benchmark` does it, and `TABLE`: the table model alone.

    Raises:
        UsageError: for an unknown mode.
    """
    run = partial(
        run_benchmark,
        trees,
        home=home,
        table=table,
        store=store,
        opener=partial(open_code_index, progress_bar=progress_bar),
        progress_bar=progress_bar,
    )
    yield from run(encoders, modes=[mode for mode in modes if mode != TABLE])
    if TABLE in modes and table is not None:
        for result in run([table], modes=["hybrid"]):
            yield replace(result, mode=TABLE)


def function_report(results: Iterable[RepositoryResult]) -> dict[str, Any]:
    """NDCG@10 of the file list of each tree, with 95 % intervals that resample its questions.

    Returns:
        A JSON-ready object: `trees` (name, questions and `runs`, each a system in a mode, compared
        with the first one question by question) and `mean` (over the trees, of what ran on all).
    """
    by_tree: dict[str, list[RepositoryResult]] = {}
    for result in results:
        by_tree.setdefault(result.repository, []).append(result)
    trees = [
        {
            "tree": name,
            "questions": len(runs[0].questions),
            "runs": [_run(run, None if run is runs[0] else runs[0]) for run in runs],
        }
        for name, runs in by_tree.items()
    ]
    of_runs: dict[tuple[str, str], list[float]] = {}
    for runs in by_tree.values():
        for run in runs:
            of_runs.setdefault((run.system, run.mode), []).append(run.mean(files=True))
    return {
        "metric": "ndcg_at_10",
        "trees": trees,
        "mean": [
            {"system": system, "mode": mode, "ndcg_at_10": sum(scores) / len(scores)}
            for (system, mode), scores in of_runs.items()
            if len(scores) == len(trees)
        ],
    }


def _run(run: RepositoryResult, baseline: RepositoryResult | None) -> dict[str, Any]:
    scores = [question.file_ndcg for question in run.questions]
    times = [question.milliseconds for question in run.questions]
    entry: dict[str, Any] = {
        "system": run.system,
        "fingerprint": run.fingerprint,
        "mode": run.mode,
        "ndcg_at_10": asdict(bootstrap(scores)),
        "milliseconds": float(np.median(times)),
        "index_seconds": run.index_seconds if run.index_built else None,
    }
    if baseline is not None and baseline.digest == run.digest:
        entry["against_first"] = asdict(compare(scores, [q.file_ndcg for q in baseline.questions]))
    return entry


def function_markdown(report: dict[str, Any]) -> str:
    """The object of `function_report` as Markdown."""
    header = ["tree", "questions", "system", "mode", "NDCG@10", "95 % interval", "p50 ms"]
    header += ["against first", "p"]
    rows = [
        _row(tree["tree"], tree["questions"], run)
        for tree in report["trees"]
        for run in tree["runs"]
    ]
    means = [
        [entry["system"], entry["mode"], number(entry["ndcg_at_10"])] for entry in report["mean"]
    ]
    parts = [markdown_table(header, rows)]
    if means and len(report["trees"]) > 1:
        parts.append(markdown_table(["system", "mode", "mean over the trees"], means))
    return "\n\n".join(parts) + "\n"


def _row(tree: str, questions: int, run: dict[str, Any]) -> list[str]:
    score = run["ndcg_at_10"]
    # Most of a first answer is embedding, which a cache of vectors makes vain to time.
    timed = run["mode"] != FIRST
    return [
        tree,
        str(questions),
        run["system"],
        run["mode"],
        number(score["mean"]),
        interval(score["low"], score["high"]),
        f"{run['milliseconds']:.1f}" if timed else "",
        *against_cells(run.get("against_first")),
    ]
