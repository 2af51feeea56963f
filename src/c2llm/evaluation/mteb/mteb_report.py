"""Our scores of MTEB(Code, v1) beside the published ones, for machines and for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from c2llm.evaluation.mteb.mteb_run import MtebScore
from c2llm.evaluation.mteb.mteb_tasks import BENCHMARK, TASKS
from c2llm.evaluation.mteb.published import COMPARED, published_scores
from c2llm.evaluation.tables import markdown_table

_NOT_COMPARABLE = "*"


def mteb_report(
    results: Mapping[str, Sequence[MtebScore]], compared: Sequence[str] = COMPARED
) -> dict[str, Any]:
    """Scores in percent, task by task, ours and published.

    Args:
        results: our systems and their scores.
        compared: published models that stand beside them.

    Returns:
        A JSON-ready object: `benchmark`, `systems`, `tasks`, `mean` and `source`. Means are over
        the tasks that every system of ours has run; a published model that lacks one has none.

    Raises:
        UsageError: for a model in `compared` whose scores are not kept.
    """
    published = published_scores()
    names = list(dict.fromkeys(published.named(name) for name in compared))
    order = [task for task in TASKS if any(_of(scores, task) for scores in results.values())]
    order += sorted({s.task for scores in results.values() for s in scores}.difference(TASKS))
    tasks: list[dict[str, Any]] = [
        {
            "task": task,
            "ours": {
                system: {**asdict(score), "comparable": score.comparable}
                for system, scores in results.items()
                if (score := _of(scores, task))
            },
            "published": {
                name: published.models[name][task]
                for name in names
                if task in published.models[name]
            },
        }
        for task in order
    ]
    complete = [entry for entry in tasks if len(entry["ours"]) == len(results)]
    mean: dict[str, float] = {}
    for system in results:
        if complete:
            mean[system] = 100 * _mean([entry["ours"][system]["score"] for entry in complete])
    for name in names:
        if complete and all(name in entry["published"] for entry in complete):
            mean[name] = _mean([entry["published"][name] for entry in complete])
    return {
        "benchmark": BENCHMARK,
        "metric": "ndcg_at_10",
        "systems": list(results),
        "published": names,
        "tasks": tasks,
        "mean": mean,
        "mean_tasks": [entry["task"] for entry in complete],
        "all_twelve": {entry["task"] for entry in complete}.issuperset(TASKS),
        "source": published.source,
    }


def mteb_markdown(report: dict[str, Any]) -> str:
    """The object of `mteb_report` as Markdown: a row a task, then the mean, then the languages."""
    systems, published = report["systems"], report["published"]
    short = [name.rpartition("/")[2] for name in published]
    rows = [
        [
            entry["task"],
            *(_ours(entry["ours"].get(system)) for system in systems),
            *(_percent(entry["published"].get(name)) for name in published),
        ]
        for entry in report["tasks"]
    ]
    if len(report["mean_tasks"]) > 1:
        title = "mean" if report["all_twelve"] else f"mean of {len(report['mean_tasks'])}"
        ours = [_percent(report["mean"][system]) + _mean_mark(report, system) for system in systems]
        rows.append([title, *ours, *(_percent(report["mean"].get(name)) for name in published)])
    sections = [markdown_table(["NDCG@10, %", *systems, *short], rows)]
    if any(
        not score["comparable"] for entry in report["tasks"] for score in entry["ours"].values()
    ):
        sections.append(
            f"{_NOT_COMPARABLE} made from data of another revision than mteb names: not comparable "
            "with the published columns."
        )
    sections.append(f"Published: {report['source']}.")
    languages = _languages(report)
    if languages:
        sections.append(markdown_table(["NDCG@10, %", "language", *systems], languages))
    return "\n\n".join(sections) + "\n"


def _languages(report: dict[str, Any]) -> list[list[str]]:
    rows: list[list[str]] = []
    for entry in report["tasks"]:
        subsets = dict.fromkeys(
            name for score in entry["ours"].values() for name in score["subsets"]
        )
        if len(subsets) < 2:
            continue
        for subset in subsets:
            scores = [entry["ours"].get(system, {"subsets": {}}) for system in report["systems"]]
            cells = [score["subsets"].get(subset) for score in scores]
            rows.append(
                [entry["task"], subset, *(_percent(None if c is None else 100 * c) for c in cells)]
            )
    return rows


def _mean_mark(report: dict[str, Any], system: str) -> str:
    scores = [entry["ours"].get(system) for entry in report["tasks"]]
    comparable = all(score is None or score["comparable"] for score in scores)
    return "" if comparable else f" {_NOT_COMPARABLE}"


def _of(scores: Sequence[MtebScore], task: str) -> MtebScore | None:
    return next((score for score in scores if score.task == task), None)


def _ours(score: dict[str, Any] | None) -> str:
    if score is None:
        return ""
    mark = "" if score["comparable"] else f" {_NOT_COMPARABLE}"
    return _percent(100 * score["score"]) + mark


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
