"""`c2llm eval languages`: query language against document language."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.eval.eval_output import check_output, emit, report_options
from c2llm.cli.numbers import count
from c2llm.cli.options.devices import device_options
from c2llm.cli.output import note, progress_bar

if TYPE_CHECKING:
    from c2llm.evaluation.systems.system import System


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="Directory that has mxeval."
)
@click.option(
    "--model",
    "models",
    multiple=True,
    help="As for `eval retrieval`; repeatable.  [default: c2llm-mini]",
)
@click.option("--limit", type=count(), help="At most this many queries a pair.")
@device_options("models")
@report_options
def command(
    data: Path, models: tuple[str, ...], limit: int | None, output: Path | None, as_json: bool
) -> None:
    """Ask in one programming language for the same program in another, for every pair.

    \b
    Examples:
      c2llm eval languages --data data --model bm25 --model c2llm-mini --output runs/now
      c2llm eval languages --data data --limit 50 --json
    """
    from c2llm.cli.eval.eval_retrieval import load_systems
    from c2llm.encoding.model_folder import DEFAULT_MODEL
    from c2llm.evaluation.retrieval.language_matrix import languages_markdown

    check_output(output)
    systems = load_systems(models or [DEFAULT_MODEL])
    report = score_languages(data, systems, limit=limit, output=output)
    emit("languages", report, languages_markdown, output, as_json)


def score_languages(
    data: Path, systems: Sequence[System], *, limit: int | None, output: Path | None
) -> dict[str, Any]:
    """Run what is missing and return the report; as `command`."""
    from c2llm.evaluation.retrieval.language_matrix import language_tasks, languages_report
    from c2llm.evaluation.retrieval.retrieval_run import ResultStore, run_tasks

    tasks = [task.limited(limit) for task in language_tasks(data)]
    note(f"{len(tasks)} pairs of languages, {len(systems)} systems.")
    store = ResultStore(output) if output else None
    return languages_report(run_tasks(tasks, systems, store=store, progress_bar=progress_bar))
