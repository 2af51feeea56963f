"""`c2llm train`: a recipe in, a model folder out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from c2llm.cli.output import note, print_json, quiet_libraries
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.training.loop import StepReport


@click.command("train")
@click.argument("recipe", type=click.Path(dir_okay=False))
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--run", "run_folder", type=click.Path(file_okay=False), help="Folder of the run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(recipe: str, overrides: tuple[str, ...], run_folder: str | None, as_json: bool) -> None:
    """Train a model from a recipe.

    Keys of the recipe can be set on the command line. An interrupted run goes on where it stopped
    when the same command is given again.

    \b
    c2llm train recipes/mini.yaml data.root=DATA
    c2llm train recipes/mini.yaml data.root=DATA optim.steps=200 --run runs/quick
    """
    from c2llm.training.config import load_config

    config = load_config(recipe, list(overrides))
    config.validate()
    try:
        quiet_libraries()
        from c2llm.training.loop import Trainer
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Training needs {error.name}: install it with pip install 'c2llm[train]'."
        ) from error
    run = Path(run_folder or Path("runs") / Path(recipe).stem)
    trainer = Trainer(config, run, on_step=_print_step, on_note=note)
    folder = trainer.train()
    note(f"model written to {folder}; next: c2llm export {folder}")
    if as_json:
        print_json({"run": str(run), "model": str(folder), "data": trainer.data_report.to_dict()})


def _print_step(report: StepReport) -> None:
    line = (
        f"step {report.step:>5}/{report.steps}  loss {report.loss:.3f}  "
        f"{report.tokens_per_second:>7,.0f} tokens/s  lr {report.learning_rate:.1e}  {report.group}"
    )
    if report.validation_mrr is not None:
        line += f"  validation MRR {report.validation_mrr:.3f}"
    note(line)
