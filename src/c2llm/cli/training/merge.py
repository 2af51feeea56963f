"""`c2llm merge`: several trained models to one, by averaging weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.output import note, print_json, quiet_libraries
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.training.merge_search import Trial


@click.command("merge")
@click.argument("models", nargs=-1, required=True, type=click.Path(file_okay=False))
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Target folder.")
@click.option("--weights", help="One number per model, with commas between; default: equal.")
@click.option(
    "--method", type=click.Choice(["linear", "slerp"]), default="linear", show_default=True
)
@click.option(
    "--base", type=click.Path(file_okay=False), help="The model under adapters that name none."
)
@click.option("--search", is_flag=True, help="Find the weights on the pairs of --data.")
@click.option(
    "--data",
    type=click.Path(),
    help="Development pairs for --search: a file or folder. Not the test set: the weights fit it.",
)
@click.option(
    "--evaluations",
    default=16,
    show_default=True,
    type=click.IntRange(min=3),
    help="Mixtures that --search tries; each embeds all pairs of --data.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    models: tuple[str, ...],
    out: str,
    weights: str | None,
    method: str,
    base: str | None,
    search: bool,
    data: str | None,
    evaluations: int,
    as_json: bool,
) -> None:
    """Average the weights of trained MODELS of one shape.

    A model is a folder that a run or a merge wrote, a run, one of its checkpoints, or a LoRA
    adapter, which is merged into its base first.

    \b
    c2llm merge runs/mini/start runs/mini/model --weights 0.4,0.6 --out runs/mini/merged
    c2llm merge runs/mini/checkpoints/* --out runs/mini/merged
    c2llm merge runs/a runs/b runs/c --search --data dev.jsonl --out runs/merged
    """
    numbers = _parse_weights(weights)
    if search and (numbers is not None or data is None):
        raise UsageError("--search finds the weights on --data FILE: give that, and no --weights.")
    if data is not None and not search:
        raise UsageError("--data is for --search: give both or neither.")
    try:
        quiet_libraries()
        from c2llm.training.export.weight_merge import (
            average,
            normalised,
            read_models,
            write_merged,
        )
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Merging needs {error.name}: install it with pip install 'c2llm[train]'."
        ) from error
    shares = normalised(numbers, len(models))
    read = read_models([Path(model) for model in models], Path(base) if base else None)
    found: dict[str, Any] | None = None
    if search:
        from c2llm.training.merge_search import DevelopmentSet, search_merge

        assert data is not None
        development = DevelopmentSet(Path(data), read[-1].folder)
        report = search_merge(
            read,
            development,
            method=method,  # type: ignore[arg-type]  # click has checked it
            evaluations=evaluations,
            on_trial=_print_trial,
        )
        shares, found = list(report.weights), report.to_dict()
        note(
            f"best of {len(report.trials)} mixtures on {report.pairs} pairs: "
            f"{_shown(report.weights)}, NDCG@10 {report.ndcg_at_10:.4f}; best model alone "
            f"{report.best_single:.4f}"
        )
    write_merged(read, average([m.tensors for m in read], shares, method), Path(out))  # type: ignore[arg-type]
    note(f"{len(models)} models merged into {out}, {method}, weights {_shown(shares)}")
    if as_json:
        print_json(
            {
                "models": list(models),
                "weights": [round(share, 6) for share in shares],
                "method": method,
                "out": out,
                "search": found,
            }
        )


def _parse_weights(weights: str | None) -> list[float] | None:
    try:
        return [float(w) for w in weights.split(",")] if weights else None
    except ValueError:
        raise UsageError(
            f"--weights {weights!r} is not a list of numbers such as 0.4,0.6."
        ) from None


def _print_trial(trial: Trial) -> None:
    note(f"weights {_shown(trial.weights)}  NDCG@10 {trial.ndcg_at_10:.4f}")


def _shown(shares: tuple[float, ...] | list[float]) -> str:
    return ",".join(f"{share:.3g}" for share in shares)
