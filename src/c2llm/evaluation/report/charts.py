"""Figures of a report: the scores of each task or mode with their intervals, as SVG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from c2llm.errors import ModelError
from c2llm.evaluation.report.collect import Report, Runs
from c2llm.evaluation.tables import run_label

_HEADLINE = "ndcg_at_10"
Row = tuple[str, Report]
"""What was measured, and its score: `mean`, `low`, `high`."""


def draw(runs: Runs, folder: Path) -> list[Path]:
    """Write a figure for each report of retrieval tasks and of repository search.

    Raises:
        ModelError: without matplotlib.
    """
    files = []
    for run, sections in runs.items():
        prefix = f"{Path(run).name}-" if len(runs) > 1 else ""
        for name, rows in (
            ("retrieval", _retrieval(sections.get("retrieval"))),
            ("repos", _repos(sections.get("repos"))),
        ):
            if rows:
                files.append(folder / f"{prefix}{name}.svg")
                _dots(rows, files[-1])
    return files


def _retrieval(report: Report | None) -> list[Row]:
    return [
        (f"{task['task']}: {result['system']}", result["metrics"][_HEADLINE])
        for task in (report or {"tasks": []})["tasks"]
        for result in task["results"]
    ]


def _repos(report: Report | None) -> list[Row]:
    runs = (report or {"runs": []})["runs"]
    return [(run_label(run), run["chunks"][_HEADLINE]) for run in runs]


def _dots(rows: Sequence[Row], path: Path) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ModelError("Figures need matplotlib: pip install 'c2llm[eval]'.") from error
    figure = Figure(figsize=(8, 1 + 0.25 * len(rows)), layout="constrained")
    axes = figure.subplots()
    means = [score["mean"] for _, score in rows]
    below = [score["mean"] - score["low"] for _, score in rows]
    above = [score["high"] - score["mean"] for _, score in rows]
    places = range(len(rows))
    axes.errorbar(means, places, xerr=(below, above), fmt="o", capsize=2)
    axes.set_yticks(places, [name.replace("$", r"\$") for name, _ in rows])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="NDCG@10 and its 95 % interval")
    axes.grid(axis="x", alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
