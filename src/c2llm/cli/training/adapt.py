"""`c2llm adapt`: a model made at home in your repositories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.numbers import Finite, count
from c2llm.cli.options.devices import device_options
from c2llm.cli.output import note, print_json, stage_bars, training_libraries
from c2llm.cli.training.mine import matcher
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.errors import UsageError
from c2llm.output_folder import remove_folder

if TYPE_CHECKING:
    from c2llm.training.adapt.adapt_report import AdaptReport
    from c2llm.training.run.training_loop import StepReport


@click.command("adapt")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--out", "-o", type=click.Path(file_okay=False), help="Target folder; default: c2llm-NAME."
)
@click.option(
    "--model",
    "--start",
    "start",
    default=DEFAULT_MODEL,
    show_default=True,
    metavar="MODEL",
    help="What is adapted: a shipped model, a hub id, or a folder with weights, a graph or a "
    "table.",
)
@click.option(
    "--time-budget",
    "minutes",
    type=Finite(0, 1e6),
    default=25.0,
    show_default=True,
    metavar="MINUTES",
    help="For everything; decides how many steps are trained.",
)
@click.option(
    "--tune",
    type=click.Choice(["lora", "full", "pooler"]),
    help="Adapters and the pooling, all weights, or the pooling alone.  [default: lora, for a "
    "table full]",
)
@click.option(
    "--tolerance",
    type=Finite(-1, 1),
    default=0.02,
    show_default=True,
    help="General NDCG@10 that may be lost; a candidate that forgets more is not kept.",
)
@click.option("--hard-negatives", default=1, show_default=True, type=click.IntRange(0, 8))
@click.option("--batch-size", type=count(2), help="[default: 32, for a table 128]")
@click.option("--steps", type=count(), help="Instead of what the time allows.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Paths to leave out, as .gitignore.")
@click.option("--seed", default=17, show_default=True, type=count(0))
@click.option("--keep-run", is_flag=True, help="Keep the pairs, checkpoints and candidates.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@device_options(None)
def command(
    paths: tuple[str, ...],
    out: str | None,
    exclude: tuple[str, ...],
    keep_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Adapt a model to the code in PATHs and keep it if it has become better there.

    Pairs are mined from your repositories; a fifth of the files is held out. The model is trained
    on the others, with general pairs in between so that it does not forget, and compared with what
    it was before on the held-out files and on a general set. It is kept if the 95 % interval of its
    gain there is above zero; else --out gets the model before, the verdict is "cannot tell" or
    "worse", and the exit code is 0 all the same. Nothing leaves this machine. Interrupted work goes
    on when the same command is given again.

    \b
    c2llm adapt .
    c2llm adapt . --model c2llm-nano
    c2llm adapt ~/src/api ~/src/web --out models/ours --time-budget 40
    c2llm search "where are retries backed off" --model models/ours
    """
    with training_libraries("Adapting"):
        from c2llm.training.adapt.adaptation import Adaptation, AdaptOptions, default_out
    roots = [Path(path) for path in paths]
    for path, root in zip(paths, roots, strict=True):
        if not root.is_dir():
            raise UsageError(f"{path} is not a directory: name the root of a repository.")
    with stage_bars() as on_start:
        adaptation = Adaptation(
            roots,
            Path(out) if out else default_out(roots),
            AdaptOptions(**options),
            excluded=matcher(exclude),
            on_note=note,
            on_start=on_start,
            on_step=_print_step,
        )
        report = adaptation.adapt()
    if not keep_run:
        remove_folder(adaptation.run)
    _print_report(report)
    if as_json:
        print_json(report.to_dict())


def _print_step(report: StepReport) -> None:
    if report.step % 10 == 0 or report.step in (1, report.steps):
        note(
            f"step {report.step:>4}/{report.steps}  loss {report.loss:.3f}  "
            f"{report.tokens_per_second:,.0f} tokens/s"
        )


def _print_report(report: AdaptReport) -> None:
    for name, scores in report.comparison["candidates"].items():
        forgets = "  forgets too much" if scores["forgets_too_much"] else ""
        note(
            f"{name:<22} your code {scores['own_ndcg_at_10']:.3f}{_gain(scores['own_gain'])}   "
            f"general {scores['general_ndcg_at_10']:.3f}{_gain(scores['general_gain'])}{forgets}"
        )
    note(report.words)
    if not report.written:
        note(f"{report.out} keeps the model that was adapted there before")
    elif report.kept == "before":
        note(f"a copy of the model before is in {report.out}")
    note(f'use it: c2llm search "..." --model {report.out}   ({report.seconds / 60:.0f} minutes)')


def _gain(gain: dict[str, Any]) -> str:
    if not any(gain.values()):
        return ""
    return f" ({gain['mean']:+.3f}, 95 % {gain['low']:+.3f} to {gain['high']:+.3f})"
