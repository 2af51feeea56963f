"""`c2llm eval functions`: search among functions without telling names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from c2llm.cli.eval.eval_output import check_output, emit, names, report_options
from c2llm.cli.numbers import count
from c2llm.cli.options.devices import device_options
from c2llm.cli.output import note, progress_bar
from c2llm.encoding.encoder_handle import DEFAULT_TABLE

FUNCTION_MODES = "lexical,table,first,complete,dense"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="As for `eval retrieval`."
)
@click.option(
    "--model", "models", multiple=True, help="A c2llm model; repeatable.  [default: c2llm-mini]"
)
@click.option(
    "--table", default=DEFAULT_TABLE, show_default=True, help="Table model beside it, and alone."
)
@click.option(
    "--modes",
    default=FUNCTION_MODES,
    show_default=True,
    help="As for `eval repos`; `table` is the search with the table model alone.",
)
@click.option("--only", multiple=True, help="cosqa, codenn or csn_cloze; repeatable.")
@click.option("--limit", type=count(), help="At most this many questions a tree.")
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Keep files, indexes and vectors here; by default OUTPUT/home.",
)
@device_options("models")
@report_options
def command(
    data: Path,
    models: tuple[str, ...],
    table: str,
    modes: str,
    only: tuple[str, ...],
    limit: int | None,
    home: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Search where names tell nothing: each function of a retrieval task is a file of its own.

    The files are called x000001.py and the like, so only the code itself can answer.

    \b
    Examples:
      c2llm eval functions --data data --output runs/functions
      c2llm eval functions --data data --only cosqa --modes lexical,table --json
    """
    from c2llm.evaluation.repositories.function_trees import function_markdown

    report = score_functions(
        data,
        models=models,
        table=table,
        modes=names([modes]),
        only=names(only),
        limit=limit,
        home=home,
        output=output,
    )
    emit("functions", report, function_markdown, output, as_json)


def score_functions(
    data: Path,
    *,
    models: Sequence[str],
    table: str = DEFAULT_TABLE,
    modes: Sequence[str],
    only: Sequence[str] = (),
    limit: int | None,
    home: Path | None,
    output: Path | None,
) -> dict[str, Any]:
    """Run what is missing and return the report; as `command`."""
    from tempfile import TemporaryDirectory

    from c2llm.encoding.model_folder import DEFAULT_MODEL
    from c2llm.evaluation.repositories.function_trees import (
        TABLE,
        function_report,
        function_trees,
        run_function_trees,
    )
    from c2llm.evaluation.repositories.repo_benchmark import dense_modes, engine_digest
    from c2llm.evaluation.repositories.repo_scores import RepositoryStore
    from c2llm.evaluation.systems.named_systems import load_encoder

    check_output(output)
    needs_model = bool(dense_modes([mode for mode in modes if mode != TABLE]))
    results = []
    with TemporaryDirectory(prefix="c2llm-eval-") as scratch:
        place = home or (output / "home" if output else Path(scratch))
        for result in run_function_trees(
            function_trees(data, place / "trees", only, limit),
            [load_encoder(model) for model in models or [DEFAULT_MODEL]] if needs_model else [],
            modes=modes,
            home=place,
            table=load_encoder(table) if table else None,
            store=RepositoryStore(output, engine_digest()) if output else None,
            progress_bar=progress_bar,
        ):
            results.append(result)
            where = f"{result.repository}: {result.system} {result.mode}"
            note(f"{where} NDCG@10 {result.mean(files=True):.3f}")
    return function_report(results)
