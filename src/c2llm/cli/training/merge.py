"""`c2llm merge`: several trained models to one, by averaging weights."""

from __future__ import annotations

from pathlib import Path

import click

from c2llm.cli.output import note, print_json, training_libraries
from c2llm.errors import UsageError
from c2llm.output_folder import require_replaceable


@click.command("merge")
@click.argument("models", nargs=-1, required=True, type=click.Path(file_okay=False))
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Target folder.")
@click.option("--weights", help="One number per model, with commas between; default: equal.")
@click.option(
    "--base", type=click.Path(file_okay=False), help="The model under adapters that name none."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    models: tuple[str, ...],
    out: str,
    weights: str | None,
    base: str | None,
    as_json: bool,
) -> None:
    """Average the weights of trained MODELS of one shape.

    A model is a folder that a run or a merge wrote, a run, one of its checkpoints, or a LoRA
    adapter, which is merged into its base first.

    \b
    c2llm merge runs/mini/start runs/mini/model --weights 0.4,0.6 --out runs/mini/merged
    c2llm merge runs/mini/checkpoints/* --out runs/mini/merged
    """
    numbers = _parse_weights(weights)
    with training_libraries("Merging"):
        from c2llm.training.export.weight_merge import (
            average,
            normalised,
            read_models,
            write_merged,
        )
    shares = normalised(numbers, len(models))
    require_replaceable(Path(out))
    read = read_models([Path(model) for model in models], Path(base) if base else None)
    write_merged(read, average(read, shares), Path(out))
    note(f"{len(models)} models merged into {out}, weights {_shown(shares)}")
    if as_json:
        print_json(
            {
                "models": list(models),
                "weights": [round(share, 6) for share in shares],
                "out": out,
            }
        )


def _parse_weights(weights: str | None) -> list[float] | None:
    try:
        return [float(w) for w in weights.split(",")] if weights else None
    except ValueError:
        raise UsageError(
            f"--weights {weights!r} is not a list of numbers such as 0.4,0.6."
        ) from None


def _shown(shares: list[float]) -> str:
    return ",".join(f"{share:.3g}" for share in shares)
