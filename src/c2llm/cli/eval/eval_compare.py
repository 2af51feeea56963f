"""`c2llm eval compare`: where two runs differ, query by query."""

from __future__ import annotations

from pathlib import Path

import click

from c2llm.cli.eval.eval_output import emit
from c2llm.cli.numbers import count


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("first", metavar="A", type=click.Path(path_type=Path))
@click.argument("second", metavar="B", type=click.Path(path_type=Path))
@click.option("--a", "label_a", help="System of run A, such as bm25 or 'c2llm-mini hybrid'.")
@click.option("--b", "label_b", help="System of run B.")
@click.option("--most", type=count(0), default=5, show_default=True, help="Queries shown.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    first: Path,
    second: Path,
    label_a: str | None,
    label_b: str | None,
    most: int,
    as_json: bool,
) -> None:
    """Compare two runs on the queries that both asked: paired significance, wins and losses.

    A and B are --output folders of `eval retrieval`, `eval repos` or `eval all`, or single result
    files in them. Systems that both runs have are compared with themselves.

    \b
    Examples:
      c2llm eval compare runs/before runs/after
      c2llm eval compare runs/now runs/now --a bm25 --b c2llm-mini
      c2llm eval compare runs/now runs/now --a lexical --b 'c2llm-mini hybrid' --most 20
    """
    from c2llm.evaluation.kept_runs import load_run
    from c2llm.evaluation.statistics.run_comparison import (
        choose,
        comparison_markdown,
        comparison_report,
    )

    runs = load_run(first), load_run(second)
    report = comparison_report(*runs, choose(*runs, label_a, label_b), most=most)
    emit("compare", report, comparison_markdown, None, as_json)
