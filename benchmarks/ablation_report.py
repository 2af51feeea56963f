"""The tables and plots of an ablation: its part of docs/ablation.md and a PNG for each table.

A study's part of the page stands between two comments that name its folder of recipes. What stands
outside is written by hand, or by another study, and kept.

A cell's number is the mean over its seeds of NDCG@10; what stands after ± is half the 95 % interval
of that mean by Student's t over seeds, which holds what training leaves to chance but not the
choice of queries. That is in the difference to the table's first cell: paired by query, averaged
over the seeds that both have, with a percentile bootstrap over queries.
"""

from __future__ import annotations

import itertools
import json
import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ablation_study import Ablation, CellResult, Study, Table
from numpy.typing import NDArray

from c2llm.errors import UsageError
from c2llm.training.run.checkpoint import write_json

# 97.5 % quantiles of Student's t for 1, 2, 3, … degrees of freedom.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
_RESAMPLES = 2000
_LENGTHS = (48, 96)
"""Tokens that part short from middling and long code, where an evaluation set names none."""


@dataclass(frozen=True)
class Row:
    """One line of a table on one evaluation set."""

    cell: str
    seeds: int
    mean: float
    half_width: float | None
    """None with a single seed."""
    difference: tuple[float, float, float] | None
    """To the first row: mean, lower and upper bound; None for that row itself."""


def write_report(ablation: Ablation, folder: Path) -> Path:
    """Write ablation.md, ablation.json and plots; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    study = ablation.study
    sections, numbers = [], {}
    for table in study.tables:
        found = [r for cell in table.cells if (r := ablation.result(cell)) is not None]
        if not found:
            continue
        rows = {name: table_rows(found, name) for name in _set_names(found)}
        numbers[table.name] = {
            name: [vars_of(row) for row in those] for name, those in rows.items()
        }
        _plot(table, rows, study, folder / f"{study.name}-{table.name}.png")
        sections.append(_section(table, rows, found, study))
        if table is study.tables[0]:
            sections.append(_length_section(found, study, table.title))
    if not sections:
        raise UsageError(f"{ablation.out} has no result of these recipes and data: run them first.")
    kept = folder / "ablation.json"
    others = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    write_json(kept, {**others, study.name: numbers})
    page = folder / "ablation.md"
    text = page.read_text(encoding="utf-8") if page.is_file() else "# Ablation\n"
    own = f"{_facts(ablation)}\n" + "\n".join(sections)
    page.write_text(with_part(text, study.name, own), encoding="utf-8")
    return page


def with_part(page: str, name: str, part: str) -> str:
    """A page with a study's part written anew, at its end where it had none."""
    begin = f"<!-- {name}: written by benchmarks/ablation.py --report -->"
    end = f"<!-- {name}: end -->"
    above, found, rest = page.partition(begin)
    below = rest.partition(end)[2] if found else ""
    return f"{above.rstrip()}\n\n{begin}\n\n{part.rstrip()}\n\n{end}\n{below.removeprefix(chr(10))}"


def vars_of(row: Row) -> dict[str, Any]:
    """JSON-ready fields."""
    return {name: getattr(row, name) for name in Row.__dataclass_fields__}


def table_rows(results: Sequence[CellResult], name: str) -> list[Row]:
    """The cells of a table on one evaluation set, in their order.

    Args:
        results: of one table.
        name: evaluation set, with `@` and a width where it was shortened.
    """
    cells: dict[str, dict[int, NDArray[np.float64]]] = {}
    for result in results:
        if name in result.ndcg:
            cells.setdefault(result.cell, {})[result.seed] = np.array(result.ndcg[name])
    return _rows(cells)


def _rows(cells: dict[str, dict[int, NDArray[np.float64]]]) -> list[Row]:
    rows: list[Row] = []
    first = next(iter(cells.values()), {})
    for cell, seeds in cells.items():
        means = [float(values.mean()) for values in seeds.values()]
        shared = sorted(seeds.keys() & first.keys())
        difference = None
        if seeds is not first and shared:
            difference = _paired(np.mean([seeds[s] - first[s] for s in shared], axis=0))
        rows.append(Row(cell, len(means), float(np.mean(means)), _half_width(means), difference))
    return rows


def _half_width(means: Sequence[float]) -> float | None:
    if len(means) < 2:
        return None
    quantile = _T[min(len(means) - 1, len(_T)) - 1]
    return quantile * float(np.std(means, ddof=1)) / math.sqrt(len(means))


def _paired(differences: NDArray[np.float64]) -> tuple[float, float, float]:
    rng = np.random.default_rng(17)
    drawn = differences[rng.integers(0, len(differences), (_RESAMPLES, len(differences)))].mean(1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(differences.mean()), float(low), float(high)


def _set_names(results: Sequence[CellResult]) -> list[str]:
    return list(dict.fromkeys(name for result in results for name in result.ndcg))


def _section(
    table: Table, rows: dict[str, list[Row]], found: Sequence[CellResult], study: Study
) -> str:
    plain = [name for name in rows if "@" not in name]
    missing = len(table.cells) - len(found)
    lines = [f"## {table.title}", "", " ".join(table.question.split()), ""]
    lines += [f"![{table.title}]({study.name}-{table.name}.png)", ""]
    header = " | ".join(f"{name} | to the first [95 %]" for name in plain)
    about = _about(found)
    columns = "".join(f" {title} |" for title in about)
    lines += [f"| | seeds |{columns} {header} |"]
    lines += ["|---|---:|" + "---:|" * len(about) + "---:|---|" * len(plain)]
    for index, row in enumerate(rows[plain[0]]):
        facts = "".join(f" {values[row.cell]} |" for values in about.values())
        cells = " | ".join(_shown(rows[name][index]) for name in plain)
        lines.append(f"| {row.cell} | {row.seeds} |{facts} {cells} |")
    shortened = {name: those for name, those in rows.items() if "@" in name}
    if shortened:
        lines += ["", "| shortened | seeds | set | NDCG@10 |", "|---|---:|---|---:|"]
        for name, those in shortened.items():
            chosen, _, width = name.partition("@")
            how = (
                f"{width[3:]} principal components" if width.startswith("pca") else f"first {width}"
            )
            lines += [
                f"| {row.cell}, {how} | {row.seeds} | {chosen} | {_mean(row)} |" for row in those
            ]
    trained = {result.cell: result.trained_parameters for result in found}
    steps = {result.cell: result.steps for result in found}
    lines += [
        "",
        "Trained parameters: "
        + ", ".join(f"{cell} {count:,}" for cell, count in trained.items())
        + f". Steps: {', '.join(sorted({f'{n}' for n in steps.values()}, key=int))}.",
    ]
    if missing:
        lines += ["", f"{missing} of {len(table.cells)} trainings of this table were not run."]
    return "\n".join(lines) + "\n"


def _about(found: Sequence[CellResult]) -> dict[str, dict[str, str]]:
    """What stands beside the scores of a table that tells it: title -> cell -> text.

    The rate, and the entropy of the attention: the mean over heads and seeds, and that of the head
    that attends most narrowly where there are several.
    """
    about: dict[str, dict[str, str]] = {}
    if any(result.validation for result in found):
        rates = {result.cell: f"{result.rate:g}" for result in found}
        trained = {result.cell: result.trained_parameters for result in found}
        about["rate"] = {cell: rate if trained[cell] else "" for cell, rate in rates.items()}
    if any(result.entropy for result in found):
        heads: dict[str, list[list[float]]] = {}
        for result in found:
            heads.setdefault(result.cell, []).append(result.entropy or [float("nan")])
        about["entropy"] = {
            cell: f"{np.mean(values):.2f}"
            + (f" (least {np.mean(np.min(values, axis=1)):.2f})" if len(values[0]) > 1 else "")
            for cell, values in heads.items()
        }
    return about


def _length_section(found: Sequence[CellResult], study: Study, title: str) -> str:
    """A table by the length of the code that is looked for."""
    lines = [f"### {title}, by length", ""]
    lines += ["The same models, by the tokens of the document that is looked for.", ""]
    for chosen in study.evaluate:
        buckets = []
        bounds = (0, *(chosen.lengths or _LENGTHS), 10**9)
        for low, high in itertools.pairwise(bounds):
            cells: dict[str, dict[int, NDArray[np.float64]]] = {}
            for result in found:
                lengths = np.array(result.lengths[chosen.name])
                mask = (lengths >= low) & (lengths < high)
                cells.setdefault(result.cell, {})[result.seed] = np.array(result.ndcg[chosen.name])[
                    mask
                ]
            count = len(next(iter(next(iter(cells.values())).values())))
            buckets.append((low, high, count, _rows(cells) if count else []))
        titles = " | ".join(
            f"{low} to {high - 1} tokens ({n})" if high < 10**9 else f"{low} and more ({n})"
            for low, high, n, _ in buckets
        )
        lines += [f"| {chosen.name} | {titles} |", "|---|" + "---:|" * len(buckets)]
        names = list(dict.fromkeys(result.cell for result in found))
        for index, name in enumerate(names):
            cells_shown = " | ".join(_mean(r[index]) if r else "" for *_, r in buckets)
            lines.append(f"| {name} | {cells_shown} |")
        lines.append("")
    return "\n".join(lines)


def _mean(row: Row) -> str:
    return f"{row.mean:.3f}" + ("" if row.half_width is None else f" ± {row.half_width:.3f}")


def _shown(row: Row) -> str:
    if row.difference is None:
        return f"{_mean(row)} | "
    mean, low, high = row.difference
    return f"{_mean(row)} | {mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def _plot(table: Table, rows: dict[str, list[Row]], study: Study, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    plain = [chosen.name for chosen in study.evaluate if chosen.name in rows]
    figure, axes = pyplot.subplots(
        1, len(plain), figsize=(4.2 * len(plain), 0.9 + 0.36 * len(rows[plain[0]])), squeeze=False
    )
    for axis, name in zip(axes[0], plain, strict=True):
        those = rows[name]
        places = np.arange(len(those))[::-1]
        axis.errorbar(
            [row.mean for row in those],
            places,
            xerr=[row.half_width or 0.0 for row in those],
            fmt="o",
            capsize=3,
        )
        axis.set_yticks(places, [row.cell for row in those])
        axis.set_ylim(-0.7, len(those) - 0.3)
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("NDCG@10", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.grid(axis="x", alpha=0.3)
        if axis is not axes[0][0]:
            axis.set_yticklabels([])
    figure.suptitle(table.title, fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _facts(ablation: Ablation) -> str:
    """How large it was, as counted."""
    results = [r for cell in ablation.study.in_order() if (r := ablation.result(cell)) is not None]
    cells = sum(len(table.cells) for table in ablation.study.tables)
    queries = ", ".join(
        f"{len(values)} of {name}" for name, values in results[0].ndcg.items() if "@" not in name
    )
    return (
        f"{len(results)} of {cells} trainings, {sum(r.seconds for r in results) / 60:.0f} minutes "
        f"of wall time, {platform.machine()}, {platform.system()}, torch {torch.__version__}. "
        f"Queries: {queries}.\n"
    )
