"""Results of retrieval tasks as one object for machines and as Markdown tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from c2llm.evaluation.retrieval.retrieval_run import METRICS, TaskResult, group_values
from c2llm.evaluation.statistics.significance import bootstrap, compare
from c2llm.evaluation.tables import against_cells, interval, markdown_table, number

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

    Where the first one did not run a task, the first that did stands for it.

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
    baseline = baseline if baseline in by_system else next(iter(by_system))
    return {
        "task": name,
        "baseline": baseline,
        "parts": [result.task for result in first],
        "queries": sum(len(result.queries) for result in first),
        "of_queries": sum(result.full_size[0] for result in first),
        "documents": [result.documents for result in first],
        "of_documents": [result.full_size[1] for result in first],
        "results": [
            _system(label, results, by_system[baseline] if label != baseline else None)
            for label, results in by_system.items()
        ],
    }


def _system(
    label: str, results: list[TaskResult], baseline: list[TaskResult] | None
) -> dict[str, Any]:
    if baseline is not None and _asked(baseline) != _asked(results):
        baseline = None
    values = {metric: _values(results, metric) for metric in METRICS}
    entry: dict[str, Any] = {
        "system": label,
        "seconds": round(sum(result.seconds for result in results), 3),
        "metrics": {metric: asdict(bootstrap(scores)) for metric, scores in values.items()},
        "groups": _groups(results, baseline),
    }
    if baseline is not None:
        entry["against_baseline"] = asdict(compare(values[HEADLINE], _values(baseline, HEADLINE)))
    return entry


def _groups(
    results: list[TaskResult], baseline: list[TaskResult] | None
) -> dict[str, dict[str, Any]]:
    """NDCG@10 by part of a family, or by the groups of a single task; empty where there is one."""
    values = _by_group(results)
    if len(values) < 2:
        return {}
    against = _by_group(baseline) if baseline is not None else {}
    groups: dict[str, dict[str, Any]] = {}
    for group, scores in values.items():
        groups[group] = {"mean": _mean(scores), "n": len(scores)}
        if group in against:
            groups[group]["against_baseline"] = asdict(compare(scores, against[group]))
    return groups


def _by_group(results: list[TaskResult]) -> dict[str, list[float]]:
    if len(results) > 1:
        return {result.task.partition(":")[2]: _values([result], HEADLINE) for result in results}
    return group_values(results[0].queries, HEADLINE)


def _values(results: Iterable[TaskResult], metric: str) -> list[float]:
    return [query.scores[metric] for result in results for query in result.queries]


def _asked(results: Iterable[TaskResult]) -> list[str]:
    return [result.digest for result in results]


def _mean(values: Iterable[float]) -> float:
    scores = list(values)
    return sum(scores) / len(scores)


def retrieval_markdown(report: dict[str, Any]) -> str:
    """The object of `retrieval_report` as Markdown: scores, then NDCG@10 by part or language."""
    compared = any("against_baseline" in r for task in report["tasks"] for r in task["results"])
    header = ["task", "queries", "documents", "system", "NDCG@10", "95 % interval"]
    header += [_TITLES[metric] for metric in METRICS if metric != HEADLINE]
    header += [_against(report), "p"] if compared else []
    rows = [_row(task, result, compared) for task in report["tasks"] for result in task["results"]]
    sections = [markdown_table([*header, "seconds"], rows)]
    if len(report["tasks"]) > 1 and report["mean"]:
        means = [f"{name} {number(mean)}" for name, mean in report["mean"].items()]
        sections.append(f"Mean NDCG@10 over tasks: {', '.join(means)}.")
    if any(result["groups"] for task in report["tasks"] for result in task["results"]):
        sections.append(_parts(report))
    return "\n\n".join(sections) + "\n"


def _against(report: dict[str, Any]) -> str:
    """Title of the differences: the baseline of those tasks in which something is compared."""
    baselines = {
        task.get("baseline", report["baseline"])
        for task in report["tasks"]
        if any("against_baseline" in result for result in task["results"])
    }
    return f"against {baselines.pop()}" if len(baselines) == 1 else "against the first"


def _row(task: dict[str, Any], result: dict[str, Any], compared: bool) -> list[str]:
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
    if compared:
        row += against_cells(result.get("against_baseline"))
    return [*row, f"{result['seconds']:.1f}"]


def _parts(report: dict[str, Any]) -> str:
    """A column a system; of two systems their difference too, of more there is no room for it."""
    names = [system["name"] for system in report["systems"]]
    rows: list[list[str]] = []
    differences: list[list[str]] = []
    for task in report["tasks"]:
        by_system = {result["system"]: result["groups"] for result in task["results"]}
        for group, first in next(iter(by_system.values())).items():
            found = [by_system[name][group] for name in names if group in by_system.get(name, {})]
            cells = [by_system.get(name, {}).get(group) for name in names]
            means = ["" if cell is None else number(cell["mean"]) for cell in cells]
            rows.append([task["task"], group or "(none)", str(first["n"]), *means])
            compared = found[1].get("against_baseline") if len(found) == 2 else None
            differences.append(against_cells(compared))
    header = ["NDCG@10", "part", "queries", *names]
    if any(difference[0] for difference in differences):
        header += [_against(report), "p"]
        rows = [[*row, *more] for row, more in zip(rows, differences, strict=True)]
    return markdown_table(header, rows)


def _of(used: int, there: int) -> str:
    return f"{used:,}" if used == there else f"{used:,} of {there:,}"


def _corpora(used: list[int], there: list[int]) -> str:
    """Documents of one corpus, or the smallest and largest of several."""
    if len(used) == 1:
        return _of(used[0], there[0])
    limited = "" if used == there else f" of {min(there):,} to {max(there):,}"
    return f"{len(used)} × {min(used):,} to {max(used):,}{limited}"
