"""`c2llm eval report`: the reports of one run or several as JSON, Markdown and figures."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from c2llm.cli.eval.eval_output import write_text
from c2llm.cli.output import note, print_json, print_text


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the tables here.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the whole report as JSON here.")
@click.option("--figures", type=click.Path(path_type=Path), help="Write figures to this folder.")
@click.option("--title", default="Evaluation", show_default=True, help="Of the tables.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as one JSON object.")
def command(
    runs: tuple[Path, ...],
    markdown: Path | None,
    out: Path | None,
    figures: Path | None,
    title: str,
    as_json: bool,
) -> None:
    """Put the reports in the folders RUNS together and show them.

    A folder is the --output of any `c2llm eval` or of `c2llm profile`. Without --markdown, --out
    and --figures the Markdown is printed. It opens with a summary.

    \b
    Examples:
      c2llm eval report runs/now --markdown report.md --figures figures
      c2llm eval report runs/mini runs/nano --markdown both.md --title 'mini and nano'
    """
    told = shlex.join(["c2llm", "eval", "report", *map(str, runs)])
    report, text = write_report(
        runs, command=told, title=title, markdown=markdown, out=out, figures=figures
    )
    if as_json:
        print_json(report)
    elif not (markdown or out or figures):
        print_text(text)


def write_report(
    runs: Sequence[Path],
    *,
    command: str,
    title: str,
    markdown: Path | None,
    out: Path | None,
    figures: Path | None,
    remark: str = "",
) -> tuple[dict[str, Any], str]:
    """Write what is asked for, and return the whole report as an object and as Markdown.

    Raises:
        UsageError: for a folder that is not there.
        DataError: for a damaged report, or a file that cannot be written.
    """
    from c2llm.evaluation.report import build
    from c2llm.evaluation.report.collect import collect

    collected = collect(runs)
    report = build.as_json(collected, command)
    text = build.as_markdown(collected, command, title, remark)
    for path, content in (
        (markdown, text),
        (out, json.dumps(report, indent=1, allow_nan=False)),
    ):
        if path is None:
            continue
        write_text(path, content)
        note(f"Wrote {path}.")
    if figures is not None:
        from c2llm.evaluation.report.charts import draw

        for path in draw(collected, figures):
            note(f"Wrote {path}.")
    return report, text
