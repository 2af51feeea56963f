"""Results of retrieval tasks as one object for machines and as Markdown tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from c2llm.evaluation.retrieval import METRICS, TaskResult, group_values
from c2llm.evaluation.significance import bootstrap, compare
from c2llm.evaluation.tables import interval, markdown_table, number, p_value, signed

HEADLINE = "ndcg_at_10"
_TITLES = {
    "ndcg_at_10": "NDCG@10",
    "mrr_at_10": "MRR@10",
    "recall_at_1": "R@1",
    "recall_at_10": "R@10",
    "recall_at_100": "R@100",
    "map_at_100": "MAP@100",
}


def retrieval_report(results: Iterable[TaskResult]) -> dict[str, Any]:
    """Means with 95 % bootstrap intervals, and each system against the first one.

    Tasks of one family (`mxeval:cpp`, `mxeval:java`) are pooled: the family's mean runs over all
    their queries. The overall mean is the unweighted one over the families that all systems have.

    Returns:
        A JSON-ready object: `baseline`, `metrics`, `systems`, `tasks` (an entry a family), `mean`.
    """
    labelled = _labelled(list(results))
    systems = {label: result.fingerprint for label, result in labelled}
    families: dict[str, dict[str, list[TaskResult]]] = {}
    for label, result in labelled:
        families.setdefault(result.family, {}).setdefault(label, []).append(result)
    baseline = next(iter(systems), "")
    tasks = [_family(name, by_system, baseline) for name, by_system in families.items()]
    complete = [task for task in tasks if len(task["results"]) == len(systems)]
    return {
        "baseline": baseline,
        "metrics": list(METRICS),
        "systems": [{"name": name, "fingerprint": print_} for name, print_ in systems.items()],
        "tasks": tasks,
        "mean": {
            label: _mean(
                result["metrics"][HEADLINE]["mean"]
                for task in complete
                for result in task["results"]
                if result["system"] == label
            )
            for label in systems
            if complete
        },
    }


def _labelled(results: Sequence[TaskResult]) -> list[tuple[str, TaskResult]]:
    """Names of systems, with a piece of the fingerprint where two of one name differ."""
    prints: dict[str, set[str]] = {}
    for result in results:
        prints.setdefault(result.system, set()).add(result.fingerprint)
    return [
        (
            result.system
            if len(prints[result.system]) == 1
            else f"{result.system}@{result.fingerprint[-6:]}",
            result,
        )
        for result in results
    ]


def _family(name: str, by_system: dict[str, list[TaskResult]], baseline: str) -> dict[str, Any]:
    first = next(iter(by_system.values()))
    return {
        "task": name,
        "parts": [result.task for result in first],
        "queries": sum(len(result.queries) for result in first),
        "of_queries": sum(result.full_size[0] for result in first),
        "documents": [result.documents for result in first],
        "of_documents": [result.full_size[1] for result in first],
        "results": [
            _system(label, results, by_system.get(baseline) if label != baseline else None)
            for label, results in by_system.items()
        ],
    }


def _system(
    label: str, results: list[TaskResult], baseline: list[TaskResult] | None
) -> dict[str, Any]:
    values = {metric: _values(results, metric) for metric in METRICS}
    entry: dict[str, Any] = {
        "system": label,
        "seconds": round(sum(result.seconds for result in results), 3),
        "metrics": {metric: asdict(bootstrap(scores)) for metric, scores in values.items()},
        "groups": _groups(results),
    }
    if baseline is not None and _asked(baseline) == _asked(results):
        entry["against_baseline"] = asdict(compare(values[HEADLINE], _values(baseline, HEADLINE)))
    return entry


def _groups(results: list[TaskResult]) -> dict[str, dict[str, float]]:
    """NDCG@10 by part of a family, or by the groups of a single task; empty where there is one."""
    if len(results) > 1:
        values = {result.task.partition(":")[2]: _values([result], HEADLINE) for result in results}
    else:
        values = group_values(results[0].queries, HEADLINE)
    if len(values) < 2:
        return {}
    return {group: {"mean": _mean(scores), "n": len(scores)} for group, scores in values.items()}


def _values(results: Iterable[TaskResult], metric: str) -> list[float]:
    return [query.scores[metric] for result in results for query in result.queries]


def _asked(results: Iterable[TaskResult]) -> list[str]:
    return [result.digest for result in results]


def _mean(values: Iterable[float]) -> float:
    scores = list(values)
    return sum(scores) / len(scores)


def retrieval_markdown(report: dict[str, Any]) -> str:
    """The object of `retrieval_report` as Markdown: scores, then NDCG@10 by part or language."""
    baseline = report["baseline"]
    header = ["task", "queries", "documents", "system", "NDCG@10", "95 % interval"]
    header += [_TITLES[metric] for metric in METRICS if metric != HEADLINE]
    header += [f"against {baseline}", "p", "seconds"]
    rows = [_row(task, result) for task in report["tasks"] for result in task["results"]]
    sections = [markdown_table(header, rows)]
    if len(report["tasks"]) > 1 and report["mean"]:
        means = [f"{name} {number(mean)}" for name, mean in report["mean"].items()]
        sections.append(f"Mean NDCG@10 over tasks: {', '.join(means)}.")
    parts = _parts(report)
    if parts:
        names = [system["name"] for system in report["systems"]]
        sections.append(markdown_table(["NDCG@10", "part", "queries", *names], parts))
    return "\n\n".join(sections) + "\n"


def _row(task: dict[str, Any], result: dict[str, Any]) -> list[str]:
    metrics = result["metrics"]
    row = [
        task["task"],
        _of(task["queries"], task["of_queries"]),
        _corpora(task["documents"], task["of_documents"]),
        result["system"],
        number(metrics[HEADLINE]["mean"]),
        interval(metrics[HEADLINE]["low"], metrics[HEADLINE]["high"]),
    ]
    row += [number(metrics[metric]["mean"]) for metric in METRICS if metric != HEADLINE]
    against = result.get("against_baseline")
    if against is None:
        row += ["", ""]
    else:
        bounds = interval(against["low"], against["high"])
        row += [f"{signed(against['difference'])} {bounds}", p_value(against["p_value"])]
    return [*row, f"{result['seconds']:.1f}"]


def _parts(report: dict[str, Any]) -> list[list[str]]:
    rows: list[list[str]] = []
    for task in report["tasks"]:
        by_system = {result["system"]: result["groups"] for result in task["results"]}
        for group, first in next(iter(by_system.values())).items():
            scores = [by_system.get(system["name"], {}) for system in report["systems"]]
            cells = [number(found[group]["mean"]) if group in found else "" for found in scores]
            rows.append([task["task"], group or "(none)", str(first["n"]), *cells])
    return rows


def _of(used: int, there: int) -> str:
    return f"{used:,}" if used == there else f"{used:,} of {there:,}"


def _corpora(used: list[int], there: list[int]) -> str:
    """Documents of one corpus, or the smallest and largest of several."""
    if len(used) == 1:
        return _of(used[0], there[0])
    limited = "" if used == there else f" of {min(there):,} to {max(there):,}"
    return f"{len(used)} × {min(used):,} to {max(used):,}{limited}"
