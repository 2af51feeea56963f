"""Draw quality against seconds to the first answer, and write the README's tables, from one file.

    python tools/quality_plot.py
    python tools/quality_plot.py --published published.json --results runs/all/results.json

`docs/quality.json` holds every figure of both. `--published` takes the peers' scores anew from what
the benchmark's authors publish (`systems`: name -> `ndcg_at_10`: repository -> score);
`--results` takes ours from the JSON of `c2llm eval all` or `eval repos`. Both are written back. The
seconds are typed into the file by hand, since each comes from another command or another machine.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import fmean
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "quality.json"
LEAST = 0.5
"""Scores below this are in the table alone, so that the plot can tell the others apart."""
COLOURS = {"light": ("#1f2328", "#0969da", "#6e7781"), "dark": ("#e6edf3", "#58a6ff", "#8b949e")}
"""Text and axes, our points, the peers' points."""


def take_published(systems: list[dict[str, Any]], path: Path) -> None:
    """Put the means of the peers' published scores in place."""
    published = json.loads(path.read_text(encoding="utf-8"))["systems"]
    for system in systems:
        if "published" in system:
            scores = published[system["published"]]["ndcg_at_10"].values()
            system["ndcg_at_10"] = round(fmean(scores), 3)


def take_results(systems: list[dict[str, Any]], path: Path) -> None:
    """Put our scores in place: the chunk list of the runs in the modes that the file names."""
    report = json.loads(path.read_text(encoding="utf-8"))
    runs = report["runs"]
    if isinstance(runs, dict):  # of `eval all`: sections by the name of the run
        runs = next(sections["repos"]["runs"] for sections in runs.values())
    for system in systems:
        found = [run for run in runs if run["mode"] == system.get("mode")]
        if found:
            system["ndcg_at_10"] = round(found[0]["chunks"]["ndcg_at_10"]["mean"], 3)


def table(systems: list[dict[str, Any]]) -> str:
    """All systems, the best first, as Markdown."""
    lines = ["| | the 32 | the 28 kept | seconds |", "|---|---:|---:|---:|"]
    for system in sorted(systems, key=lambda one: -one["ndcg_at_10"]):
        name = f"**{system['name']}**" if system.get("ours") else system["name"]
        kept = f"{system['kept']:.3f}" if "kept" in system else ""
        lines.append(f"| {name} | {system['ndcg_at_10']:.3f} | {kept} | {system['seconds']:.3g} |")
    return "\n".join(lines) + "\n"


def functions_table(systems: list[dict[str, Any]]) -> str:
    """Ours on functions without telling names, as Markdown."""
    lines = ["| | NDCG@10 | kept |", "|---|---:|---:|"]
    lines += [f"| {one['name']} | {one['ndcg_at_10']:.3f} | {one['kept']:.3g} |" for one in systems]
    return "\n".join(lines) + "\n"


def put(page: Path, name: str, text: str) -> None:
    """Replace what stands between the page's two comments `name` and `/name`."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    if not end:
        raise SystemExit(f"{page.name} has no place for the table {name}.")
    page.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")


def draw(systems: list[dict[str, Any]], theme: str, out: Path) -> None:
    """One point a system, seconds on a logarithmic axis."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    text, ours, peers = COLOURS[theme]
    style = {"svg.hashsalt": "c2llm", "font.family": "DejaVu Sans", "font.size": 10}
    colours = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    with mpl.rc_context({**style, **dict.fromkeys(colours, text)}):
        figure = Figure(figsize=(7.6, 3.8), layout="constrained")
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.set_xlim(0.12, 150)
        axes.set_ylim(LEAST, 0.93)
        for system in systems:
            if system["ndcg_at_10"] < LEAST:
                continue
            is_ours = system.get("ours", False)
            place = (system["seconds"], system["ndcg_at_10"])
            axes.plot(
                *place,
                "o" if is_ours else "s",
                color=ours if is_ours else peers,
                markersize=9 if is_ours else 7,
            )
            left = place[0] > 20
            above = is_ours or place[1] < 0.8
            axes.annotate(
                system["name"],
                place,
                xytext=(-4 if left else 4, 9 if above else -9),
                textcoords="offset points",
                ha="right" if left else "left",
                va="bottom" if above else "top",
                color=ours if is_ours else text,
                fontweight="bold" if is_ours else "normal",
            )
        ticks = (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel("seconds to the first answer in a repository without an index")
        axes.set_ylabel("NDCG@10, 32 repositories")
        axes.grid(alpha=0.2, color=text)
        axes.spines[["top", "right"]].set_visible(False)
        axes.patch.set_alpha(0)
        figure.patch.set_alpha(0)
        path = out / f"quality-{theme}.svg"
        figure.savefig(path, metadata={"Date": None, "Creator": None})
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")


def main() -> None:
    """Bring the figures up to date, then write the plots and the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--published", type=Path, help="peers' scores, a repository each")
    parser.add_argument("--results", type=Path, help="JSON of `c2llm eval all` or `eval repos`")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    options = parser.parse_args()
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    if options.published:
        take_published(figures["systems"], options.published)
    if options.results:
        take_results(figures["systems"], options.results)
    FIGURES.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    options.out.mkdir(parents=True, exist_ok=True)
    for theme in COLOURS:
        draw(figures["systems"], theme, options.out)
    page = ROOT / "README.md"
    put(page, "quality", table(figures["systems"]))
    put(page, "functions", functions_table(figures["functions"]))


if __name__ == "__main__":
    main()
