"""Each evaluation as a part of the page: its charts, and its tables behind a click."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from c2llm.evaluation.page.charts import (
    Point,
    Score,
    heatmap,
    lines,
    mark,
    pareto,
    score_rows,
)
from c2llm.evaluation.page.collect import Collected, Report
from c2llm.evaluation.page.svg import clean, drawing
from c2llm.evaluation.retrieval.granularity_task import GROUPS

_HEADLINE = "ndcg_at_10"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page; an empty body is not shown."""

    id: str
    title: str
    body: str


def retrieval(report: Report) -> str:
    """A mark for each system in each task."""
    names = [system["name"] for system in report["systems"]]
    rows = [(task["task"], _scores(task["results"], names)) for task in report["tasks"]]
    if report.get("mean") and len(rows) > 1:
        means = [
            Score(names.index(name), name, value)
            for name, value in report["mean"].items()
            if name in names
        ]
        rows.append(("mean of tasks", means))
    return _figure(
        _legend(enumerate(names)) + score_rows(rows, "NDCG@10 by task and system"),
        "NDCG@10; the bars are 95 % bootstrap intervals over queries.",
    )


def granularity(report: Report) -> str:
    """A chart for each kind of answer: quality over the length of code."""
    names = [system["name"] for system in report["systems"]]
    parts = [retrieval(report)]
    for task in report["tasks"]:
        by_system = {result["system"]: result for result in task["results"]}
        groups = dict.fromkeys(name for result in task["results"] for name in result["groups"])
        columns = sorted(groups, key=_bucket)
        if len(columns) < 2:
            continue
        series = [
            (
                number,
                name,
                [by_system[name]["groups"].get(column, {}).get("mean") for column in columns],
            )
            for number, name in enumerate(names)
            if name in by_system
        ]
        first = next(iter(by_system.values()))["groups"]
        counted = [
            f"{column} ({first[column]['n']})" if column in first else column for column in columns
        ]
        drawn = _legend([(number, name) for number, name, _ in series]) + lines(
            counted, series, f"NDCG@10 of {task['task']} by length"
        )
        parts.append(_figure(drawn, f"{task['task']}: NDCG@10 by length, queries in brackets."))
    return "".join(parts)


def repos(report: Report) -> str:
    """Every retriever and ablation, then languages and categories."""
    names = [run_name(run) for run in report["runs"]]
    rows = []
    for number, (name, run) in enumerate(zip(names, report["runs"], strict=True)):
        score = run["chunks"][_HEADLINE]
        rows.append((name, [Score(number % 4, name, score["mean"], score["low"], score["high"])]))
    parts = [
        _figure(
            score_rows(rows, "NDCG@10 of repository search"),
            "NDCG@10 of the chunk list; the bars are 95 % intervals over repositories. -raw goes "
            "without the ranker.",
        )
    ]
    for key, caption in (
        ("by_language", "NDCG@10 by language of the repository."),
        ("by_category", "NDCG@10 by kind of question."),
    ):
        groups = sorted({name for run in report["runs"] for name in run["chunks"][key]})
        values = [
            [run["chunks"][key].get(group, {}).get("mean") for run in report["runs"]]
            for group in groups
        ]
        if groups:
            parts.append(
                _figure(heatmap([g or "(none)" for g in groups], names, values, caption), caption)
            )
    return "".join(parts)


def languages(report: Report) -> str:
    """A matrix for each system, all in the same shades."""
    known = [
        value
        for system in report["systems"]
        for row in system["matrix"]
        for value in row
        if value is not None
    ]
    return "".join(
        _figure(
            heatmap(
                report["query_languages"],
                report["document_languages"],
                system["matrix"],
                f"NDCG@10 of {system['system']} by language",
                (min(known), max(known)) if known else None,
            ),
            f"{system['system']}: NDCG@10, rows ask, columns are found.",
        )
        for system in report["systems"]
    )


def mteb(report: Report) -> str:
    """Our scores and the published ones, in percent of the axis."""
    ours, published = list(report["systems"]), list(report.get("published", []))
    names = [*ours, *(name.rpartition("/")[2] for name in published)]
    rows = []
    for task in report["tasks"]:
        marks = [
            Score(ours.index(name), name, score["score"])
            for name, score in task["ours"].items()
            if name in ours
        ]
        marks += [
            Score(
                len(ours) + published.index(name),
                names[len(ours) + published.index(name)],
                value / 100,
            )
            for name, value in task.get("published", {}).items()
            if name in published
        ]
        rows.append((task["task"], marks))
    if not rows:
        return ""
    return _figure(
        _legend(enumerate(names)) + score_rows(rows, "NDCG@10 on MTEB(Code, v1)"),
        "NDCG@10 on MTEB(Code, v1), ours beside published scores.",
    )


def costs(collected: Collected) -> str:
    """Quality against time and size, wherever both are known."""
    parts = []
    for points, cost, less, caption in (
        (
            _by_latency(collected),
            "query p50, ms",
            True,
            "Repository search: quality against the time of a query.",
        ),
        (
            _by_indexing(collected),
            "median seconds to index a repository",
            True,
            "Repository search: quality against the time to build an index.",
        ),
        (
            _by_time(collected),
            "ms a text",
            True,
            "Retrieval tasks: mean quality against time for a text, encoding and ranking together.",
        ),
        (
            _by_speed(collected),
            "tokens/s",
            False,
            "Retrieval tasks: mean quality against the best throughput of the profile.",
        ),
        (
            _by_size(collected),
            "MB of weights",
            True,
            "Retrieval tasks: mean quality against the size of the weights on disk.",
        ),
    ):
        if len(points) > 1:
            drawn = pareto(points, cost=cost, quality="NDCG@10", less_is_better=less)
            parts.append(_figure(drawn, caption + " Nothing beats the dashed line in both."))
    return "".join(parts)


def run_name(run: Report) -> str:
    """What a run of repository search is called; words alone have no model."""
    mode = str(run["mode"])
    return mode if mode.startswith("lexical") else f"{run['system']} {mode}"


def _by_latency(collected: Collected) -> list[Point]:
    report = collected.get("repos")
    return [
        Point(number, run_name(run), run["milliseconds"]["p50"], run["chunks"][_HEADLINE]["mean"])
        for number, run in enumerate(report["runs"] if report else [])
        if run["milliseconds"]["p50"] > 0
    ]


def _by_indexing(collected: Collected) -> list[Point]:
    report = collected.get("repos")
    if report is None:
        return []
    seconds = {entry["system"]: entry["median_seconds"] for entry in report["indexing"]}
    return [
        Point(number, run_name(run), seconds[run["system"]], run["chunks"][_HEADLINE]["mean"])
        for number, run in enumerate(report["runs"])
        if seconds.get(run["system"])
    ]


def _by_time(collected: Collected) -> list[Point]:
    report = collected.get("retrieval")
    if report is None or not report.get("mean"):
        return []
    points = []
    for number, system in enumerate(report["systems"]):
        name = system["name"]
        spent = [
            (result["seconds"], task["queries"] + sum(task["documents"]))
            for task in report["tasks"]
            for result in task["results"]
            if result["system"] == name
        ]
        seconds, texts = (sum(column) for column in zip(*spent, strict=True)) if spent else (0, 0)
        if seconds > 0 and texts and name in report["mean"]:
            points.append(Point(number, name, 1000 * seconds / texts, report["mean"][name]))
    return points


def _by_speed(collected: Collected) -> list[Point]:
    return _profiled(
        collected,
        lambda model: max((c.get("tokens_per_second", 0.0) for c in model["cells"]), default=0.0),
    )


def _by_size(collected: Collected) -> list[Point]:
    return _profiled(
        collected, lambda model: min(model["weight_file_bytes"].values(), default=0) / 1e6
    )


def _profiled(collected: Collected, cost: Any) -> list[Point]:
    report, profile = collected.get("retrieval"), collected.get("profile")
    if report is None or profile is None:
        return []
    names = [system["name"] for system in report["systems"]]
    return [
        Point(
            names.index(model["model"]), model["model"], cost(model), report["mean"][model["model"]]
        )
        for model in profile["models"]
        if model["model"] in report.get("mean", {}) and cost(model) > 0
    ]


def _scores(results: Sequence[Report], names: Sequence[str]) -> list[Score]:
    return [
        Score(
            names.index(result["system"]),
            result["system"],
            result["metrics"][_HEADLINE]["mean"],
            result["metrics"][_HEADLINE]["low"],
            result["metrics"][_HEADLINE]["high"],
        )
        for result in results
    ]


def _bucket(name: str) -> int:
    return GROUPS.index(name) if name in GROUPS else len(GROUPS)


def _figure(drawn: str, caption: str) -> str:
    return f"<figure>{drawn}<figcaption>{clean(caption)}</figcaption></figure>"


def _legend(series: Iterable[tuple[int, str]]) -> str:
    entries = "".join(
        f"<span>{drawing(14, 14, mark(number, 7, 7), label='mark')}{clean(name)}</span>"
        for number, name in series
    )
    return f'<div class="legend">{entries}</div>'
