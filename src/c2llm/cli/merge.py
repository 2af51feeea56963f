"""`c2llm merge`: several trained folders to one, by averaging weights."""

from __future__ import annotations

from pathlib import Path

import click

from c2llm.cli.output import note, print_json
from c2llm.errors import UsageError


@click.command("merge")
@click.argument("models", nargs=-1, required=True, type=click.Path(file_okay=False))
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Target folder.")
@click.option("--weights", help="One number per model, with commas between; default: equal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(models: tuple[str, ...], out: str, weights: str | None, as_json: bool) -> None:
    """Average the weights of trained MODELS of one shape.

    \b
    c2llm merge runs/mini/start runs/mini/model --weights 0.4,0.6 --out runs/mini/merged
    """
    try:
        numbers = [float(w) for w in weights.split(",")] if weights else None
    except ValueError:
        raise UsageError(
            f"--weights {weights!r} is not a list of numbers such as 0.4,0.6."
        ) from None
    try:
        from c2llm.training.merge import merge_models
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Merging needs {error.name}: install it with pip install 'c2llm[train]'."
        ) from error
    merge_models([Path(model) for model in models], numbers, Path(out))
    note(f"{len(models)} models merged into {out}")
    if as_json:
        print_json({"models": list(models), "weights": numbers, "out": out})
