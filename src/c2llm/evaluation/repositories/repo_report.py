"""Results of the repository-search benchmark as one object and as Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np

from c2llm.evaluation.repositories.repo_benchmark import COMPLETE, FIRST
from c2llm.evaluation.repositories.repo_questions import Repository
from c2llm.evaluation.repositories.repo_scores import QuestionResult, RepositoryResult
from c2llm.evaluation.statistics.significance import bootstrap, compare
from c2llm.evaluation.tables import against_cells, interval, markdown_table, number, run_label

UNKNOWN = "unknown"
Item = TypeVar("Item")


def repository_report(
    results: Iterable[RepositoryResult], wanted: Sequence[Repository], absent: Sequence[str]
) -> dict[str, Any]:
    """Means over repositories with 95 % intervals that resample repositories.

    A category's score is the mean over its questions, a language's the mean over its repositories.
    Each run is compared with the first one, repository by repository, on the chunk list.

    Args:
        results: of `run_benchmark`.
        wanted: the repositories that were asked for.
        absent: names of those that were not there.

    Returns:
        A JSON-ready object: `repositories` (what was measured and how it departs from the pins),
        `runs` (a system in a mode), `first_answers` (how much of the complete index's answers first
        ones hold) and `indexing` (seconds by system).
    """
    runs: dict[tuple[str, str, str], list[RepositoryResult]] = {}
    for result in results:
        runs.setdefault((result.system, result.fingerprint, result.mode), []).append(result)
    first = next(iter(runs.values()), [])
    modes = {run[0].mode for run in runs.values()}
    whole = COMPLETE if COMPLETE in modes else "hybrid"
    return {
        "repositories": {
            "measured": [result.repository for result in first],
            "absent": list(absent),
            "other_revision": _other_revisions(first, wanted),
            "missing_targets": {
                result.repository: list(result.missing_targets)
                for result in first
                if result.missing_targets
            },
        },
        "runs": [_run(run, None if run is first else first) for run in runs.values()],
        "first_answers": [
            {"system": early[0].system, **recall_of_complete(early, complete)}
            for early in runs.values()
            for complete in runs.values()
            if (early[0].mode, complete[0].mode) == (FIRST, whole)
            and early[0].system == complete[0].system
        ],
        "indexing": _indexing(runs.values()),
    }


def _run(run: list[RepositoryResult], baseline: list[RepositoryResult] | None) -> dict[str, Any]:
    questions = [question for result in run for question in result.questions]
    times = [question.milliseconds for question in questions]
    p50, p90, p99 = np.percentile(times, [50, 90, 99])
    entry: dict[str, Any] = {
        "system": run[0].system,
        "fingerprint": run[0].fingerprint,
        "mode": run[0].mode,
        "questions": len(questions),
        "chunks": _list_scores(run, files=False),
        "files": _list_scores(run, files=True),
        "milliseconds": {"p50": float(p50), "p90": float(p90), "p99": float(p99)},
        "by_repository": {
            result.repository: {
                "language": result.language,
                "chunks": result.mean(files=False),
                "files": result.mean(files=True),
                "n": len(result.questions),
            }
            for result in run
        },
    }
    if baseline is not None and _names(baseline) == _names(run):
        scores, before = ([r.mean(files=False) for r in each] for each in (run, baseline))
        entry["against_first"] = asdict(compare(scores, before))
    return entry


def recall_of_complete(
    early: Sequence[RepositoryResult], complete: Sequence[RepositoryResult]
) -> dict[str, Any]:
    """How much of the best ten chunks of a complete index is among the ten of first answers.

    Args:
        early: results of mode `first`.
        complete: results of mode `hybrid` with the same model; repositories in both count.

    Returns:
        `recall` (mean over questions, then over repositories), `by_repository` and `identical`
        (share of the questions whose ten are the same in the same order).
    """
    later = {result.repository: result for result in complete}
    recall: dict[str, float] = {}
    same: list[bool] = []
    for result in early:
        if result.repository not in later:
            continue
        pairs = list(zip(result.questions, later[result.repository].questions, strict=True))
        shares = [len({*a.found} & {*b.found}) / len(b.found) for a, b in pairs if b.found]
        recall[result.repository] = float(np.mean(shares)) if shares else 1.0
        same += [a.found == b.found for a, b in pairs]
    return {
        "recall": float(np.mean(list(recall.values()))) if recall else None,
        "identical": float(np.mean(same)) if same else None,
        "by_repository": recall,
    }


def _list_scores(run: list[RepositoryResult], files: bool) -> dict[str, Any]:
    def score(question: QuestionResult) -> float:
        return question.file_ndcg if files else question.chunk_ndcg

    questions = [question for result in run for question in result.questions]
    return {
        "ndcg_at_10": asdict(bootstrap([result.mean(files) for result in run])),
        "by_category": _means(questions, lambda question: question.category, score),
        "by_language": _means(run, lambda result: result.language, lambda r: r.mean(files)),
    }


def _means(
    items: Iterable[Item], group: Callable[[Item], str], score: Callable[[Item], float]
) -> dict[str, dict[str, float]]:
    groups: dict[str, list[float]] = {}
    for item in items:
        groups.setdefault(group(item), []).append(score(item))
    return {
        name: {"mean": sum(scores) / len(scores), "n": len(scores)}
        for name, scores in sorted(groups.items())
    }


def _indexing(runs: Iterable[list[RepositoryResult]]) -> list[dict[str, Any]]:
    """Seconds of the indexes that were built in this run, by system."""
    built: dict[tuple[str, str], dict[str, float]] = {}
    for run in runs:
        name = f"{run[0].system} {FIRST}" if run[0].mode == FIRST else run[0].system
        seconds = {r.repository: r.index_seconds for r in run if r.index_built}
        built.setdefault((name, run[0].fingerprint), {}).update(seconds)
    return [
        {
            "system": name,
            "built": len(seconds),
            "total_seconds": sum(seconds.values()),
            "median_seconds": float(np.median(list(seconds.values()))) if seconds else None,
        }
        for (name, _), seconds in built.items()
    ]


def _other_revisions(
    run: Iterable[RepositoryResult], wanted: Sequence[Repository]
) -> dict[str, str]:
    """Measured at another commit than the pinned one, or at one that no git tells."""
    pins = {repository.name: repository.revision for repository in wanted}
    return {
        result.repository: result.revision or UNKNOWN
        for result in run
        if pins.get(result.repository) and result.revision != pins[result.repository]
    }


def _names(run: Iterable[RepositoryResult]) -> list[tuple[str, str]]:
    return [(result.repository, result.digest) for result in run]


def repository_markdown(report: dict[str, Any]) -> str:
    """The object of `repository_report` as Markdown."""
    runs = report["runs"]
    categories = list(dict.fromkeys(name for r in runs for name in r["chunks"]["by_category"]))
    header = ["system", "mode", "questions", "NDCG@10 chunks", "95 % interval", "files"]
    header += [*categories, "p50 ms", "p90 ms", "p99 ms", "against first", "p"]
    sections = [
        _told(report["repositories"]),
        markdown_table(header, [_row(run, categories) for run in runs]),
        *(_first_answers(entry) for entry in report["first_answers"] if entry["by_repository"]),
        _index_times(report["indexing"]),
        _by(runs, "by_language", "language", "repositories"),
    ]
    return "\n\n".join(sections) + "\n"


def _first_answers(entry: dict[str, Any]) -> str:
    return (
        f"First answers of {entry['system']} hold {number(entry['recall'])} of the ten chunks that "
        f"answer once the index is complete; {entry['identical']:.0%} of the lists are the same."
    )


def _index_times(systems: Sequence[dict[str, Any]]) -> str:
    rows = [
        [each["system"], str(each["built"]), f"{each['total_seconds']:.1f}", f"{median:.2f}"]
        for each in systems
        if (median := each["median_seconds"]) is not None
    ]
    return markdown_table(["system", "indexes built", "seconds", "median"], rows)


def _told(repositories: dict[str, Any]) -> str:
    lines = [f"{len(repositories['measured'])} repositories."]
    if repositories["absent"]:
        lines.append(f"Not there: {', '.join(repositories['absent'])}.")
    revisions = repositories["other_revision"]
    other = [name for name, revision in revisions.items() if revision != UNKNOWN]
    if other:
        lines.append(f"At another commit than the pinned one: {', '.join(other)}.")
    if len(other) < len(revisions):
        lines.append(f"{len(revisions) - len(other)} trees have no git to tell their commit.")
    missing = sum(len(targets) for targets in repositories["missing_targets"].values())
    if missing:
        where = ", ".join(repositories["missing_targets"])
        lines.append(f"{missing} targets are not in the trees and count as not found ({where}).")
    return " ".join(lines)


def _row(run: dict[str, Any], categories: Sequence[str]) -> list[str]:
    chunks, files = run["chunks"], run["files"]
    score = chunks["ndcg_at_10"]
    row = [
        run["system"],
        run["mode"],
        str(run["questions"]),
        number(score["mean"]),
        interval(score["low"], score["high"]),
        number(files["ndcg_at_10"]["mean"]),
    ]
    row += [_cell(chunks["by_category"], name) for name in categories]
    # In `first` most of that is embedding candidates, which a cache of vectors makes vain to time.
    timed = run["mode"] != FIRST
    row += [f"{run['milliseconds'][p]:.1f}" if timed else "" for p in ("p50", "p90", "p99")]
    return [*row, *against_cells(run.get("against_first"))]


def _by(runs: Sequence[dict[str, Any]], key: str, title: str, unit: str) -> str:
    names = sorted({name for run in runs for name in run["chunks"][key]})
    sizes = {name: group["n"] for run in runs for name, group in run["chunks"][key].items()}
    rows = [
        [name, str(sizes[name]), *(_cell(run["chunks"][key], name) for run in runs)]
        for name in names
    ]
    return markdown_table([title, unit, *map(run_label, runs)], rows)


def _cell(groups: dict[str, dict[str, float]], name: str) -> str:
    return number(groups[name]["mean"]) if name in groups else ""
