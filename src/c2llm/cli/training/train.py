"""`c2llm train`: a recipe in, a model folder out."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.output import (
    bars,
    note,
    print_json,
    print_line,
    print_text,
    shell_quoted,
    stage_bars,
    training_libraries,
)
from c2llm.errors import C2LLMError, UsageError

if TYPE_CHECKING:
    from c2llm.training.run.dry_run import RunPlan
    from c2llm.training.run.recipe import TrainConfig
    from c2llm.training.run.step_log import StepReport


def _show_keys(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if not asked:
        return
    from c2llm.training.run.recipe_reference import keys

    for key in keys():
        print_line(f"{key.name} = {key.default}")
        for line in textwrap.wrap(key.text, 92):
            print_line(f"    {line}")
    context.exit()


@click.command("train")
@click.argument("recipe", type=click.Path(dir_okay=False))
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--run",
    "--folder",  # torchrun takes --run for its own
    "run_folder",
    type=click.Path(file_okay=False),
    help="Folder of the run, --folder under torchrun.  [default: runs/ and the recipe's name]",
)
@click.option(
    "--dry-run", is_flag=True, help="Check the recipe and its data; say what a run would take."
)
@click.option(
    "--speed",
    metavar="NUMBER|RUN",
    help="With --dry-run: tokens a second of all devices, or a run's folder whose steps tell it; "
    "the time of all steps follows.  [default: what RUN has measured]",
)
@click.option(
    "--prepare",
    is_flag=True,
    help="Read the data with all cores and keep it for any run with data.stream=true, instead of "
    "training; goes on where it was stopped.",
)
@click.option(
    "--pairs-out",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write the filtered pairs as JSONL instead of training, to mine negatives for.",
)
@click.option(
    "--keys",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_keys,
    help="Print every key of a recipe, its default and what it does.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    recipe: str,
    overrides: tuple[str, ...],
    run_folder: str | None,
    dry_run: bool,
    speed: str | None,
    prepare: bool,
    pairs_out: str | None,
    as_json: bool,
) -> None:
    """Train a model from a recipe.

    A recipe is YAML with the sections model, tune, data, loss, optim and run; --keys tells what
    each key does. Any key can be set on the command line. Everything is checked before weights are
    loaded: an unknown key, a missing file, a row without a positive are named.

    \b
    c2llm train recipes/mini.yaml data.root=DATA --dry-run        counts, steps, memory, time
    c2llm train recipes/mini.yaml data.root=DATA
    c2llm train recipes/mini.yaml data.root=DATA optim.steps=200 --run runs/quick

    Train adapters and the pooling, or the pooling alone:

    \b
    c2llm train recipes/c2llm-0.5b.yaml tune.mode=lora tune.lora_rank=16
    c2llm train recipes/c2llm-0.5b.yaml tune.mode=pooler

    Large batches in little memory, hard negatives, several GPUs:

    \b
    c2llm train RECIPE optim.batch_size=4096 optim.grad_cache=true
    c2llm train RECIPE data.hard_negatives=7 loss.form=two_term
    torchrun --nproc-per-node 8 -m c2llm train RECIPE run.strategy=fsdp

    All pairs of a recipe in one file, to mine hard negatives for:

    \b
    c2llm train RECIPE --pairs-out pairs.jsonl
    c2llm mine negatives pairs.jsonl --out mined.jsonl

    Ctrl-C writes a checkpoint; the same command goes on from there. The run's folder holds the
    resolved recipe, the environment, metrics.jsonl, what data was dropped and why, checkpoints,
    and the finished model in RUN/model, which every other verb takes as --model.
    """
    from c2llm.training.run.recipe import load_config

    config = load_config(recipe, list(overrides))
    config.validate()
    with training_libraries("Training"):
        import_module("c2llm.training.run.training_loop")
    if pairs_out is not None:
        _write_pairs(config, Path(pairs_out), as_json)
        return
    if prepare:
        _prepare(config, as_json)
        return
    run = Path(run_folder or Path("runs") / Path(recipe).stem)
    if dry_run:
        _dry_run(config, speed or str(run), speed is not None, as_json)
        return
    folder, data_report = _train(config, run)
    if os.environ.get("RANK", "0") != "0":
        return
    note(f"model written to {folder}; next: c2llm export {shell_quoted(folder)}")
    if as_json:
        print_json({"run": str(run), "model": str(folder), "data": data_report})


def _train(config: TrainConfig, run: Path) -> tuple[Path, dict[str, Any]]:
    import torch

    from c2llm.training.run.distributed import leave_world
    from c2llm.training.run.training_loop import Trainer

    try:
        with _progress() as (on_step, on_note):
            trainer = Trainer(config, run, on_step=on_step, on_note=on_note)
            return trainer.train(), trainer.data_report.to_dict()
    except torch.OutOfMemoryError as error:
        raise C2LLMError(
            "The GPU's memory is full: set optim.grad_cache=true, and then lower "
            f"optim.micro_batch_tokens ({config.optim.micro_batch_tokens} now)."
        ) from error
    finally:
        leave_world()


def _write_pairs(config: TrainConfig, out: Path, as_json: bool) -> None:
    from c2llm.training.data.pair_file import write_pairs

    count, report = write_pairs(config.data, config.optim.seed, out)
    note(f"{count:,} pairs written to {out}; next: c2llm mine negatives {out}")
    if as_json:
        print_json({"out": str(out), "pairs": count, "data": report.to_dict()})


def _prepare(config: TrainConfig, as_json: bool) -> None:
    from c2llm.training.data.prepare import prepare_ahead

    with stage_bars() as on_start:
        report = prepare_ahead(config.data, config.optim.seed, on_start)
    note(f"{report.kept.total():,} pairs are ready for every run of this recipe on this machine")
    if as_json:
        print_json({"pairs": report.kept.total(), "data": report.to_dict()})


def _dry_run(config: TrainConfig, speed: str, asked: bool, as_json: bool) -> None:
    from c2llm.training.run.dry_run import plan_run

    plan = plan_run(config, int(os.environ.get("WORLD_SIZE", "1")), _tokens_a_second(speed, asked))
    if as_json:
        print_json(plan.to_dict())
    else:
        print_text(_plan_text(plan))


def _tokens_a_second(speed: str, asked: bool) -> float | None:
    from c2llm.training.run.dry_run import measured_speed

    try:
        given = float(speed)
    except ValueError:
        measured = measured_speed(Path(speed))
        if measured is None and asked:
            raise UsageError(
                f"--speed {speed} is neither a number of tokens a second nor the folder of a run "
                "with two steps or more."
            ) from None
        return measured
    if not 0 < given < float("inf"):
        raise UsageError(f"--speed is {speed}; it must be above 0.")
    return given


def _plan_text(plan: RunPlan) -> str:
    lines = [f"{plan.pairs:,} training pairs, {plan.validation:,} for validation"]
    for source, kept in plan.data["kept"].items():
        lines.append(f"  {source}: {kept:,} kept")
        for reason, count in plan.data["dropped"].get(source, {}).items():
            lines.append(f"    {count:,} dropped: {reason}")
        for evaluation_set, count in plan.data["contaminated"].get(source, {}).items():
            lines.append(f"      {count:,} of them repeat {evaluation_set}")
    lines.append("")
    lines.append(f"{'tokens':<28}{'rows':>9}{'median':>8}{'p90':>7}{'p99':>7}{'longest':>9}  cut")
    for dataset, entry in plan.lengths.items():
        for kind in ("query", "document", "negative"):
            if kind in entry:
                e = entry[kind]
                lines.append(
                    f"{dataset + ' ' + kind:<28}{entry['rows']:>9,}{e['median']:>8}{e['p90']:>7}"
                    f"{e['p99']:>7}{e['longest']:>9}  {e['cut']:.1%}"
                )
    gib = {name: size / 2**30 for name, size in plan.memory.items()}
    lines += [
        "",
        f"{len(plan.groups)} groups of one dataset and one language",
        f"{plan.steps:,} steps of {plan.batch_size} pairs, {plan.epochs} passes over the data, "
        f"about {plan.step_tokens:,} tokens a step",
        _time(plan.seconds),
        f"{plan.parameters:,} parameters, {plan.trained:,} of them trained",
        f"about {sum(gib.values()):.1f} GiB on each device: "
        + ", ".join(f"{name} {size:.1f}" for name, size in gib.items()),
        *(f"note: {warning}" for warning in plan.warnings),
    ]
    return "\n".join(lines) + "\n"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "no time told: give --speed, tokens a second or a run of a few steps"
    hours = seconds / 3600
    return f"about {hours:,.1f} hours" if hours >= 1 else f"about {seconds / 60:,.1f} minutes"


@contextmanager
def _progress() -> Iterator[tuple[Callable[[StepReport], None], Callable[[str], None]]]:
    """A bar with loss and speed on a terminal, a line a step elsewhere."""
    if not sys.stderr.isatty() or os.environ.get("RANK", "0") != "0":
        yield _print_step, note
        return
    with bars("{task.fields[facts]}", transient=False) as bar:
        task = bar.add_task("training", total=None, facts="")

        def on_step(report: StepReport) -> None:
            text = f"loss {report.loss:.3f}  {report.tokens_per_second:,.0f} tokens/s"
            bar.update(task, total=report.steps, completed=report.step, facts=text)
            if report.validation_mrr is not None:
                bar.console.print(_line(report))

        yield on_step, bar.console.print


def _print_step(report: StepReport) -> None:
    note(_line(report))


def _line(report: StepReport) -> str:
    line = (
        f"step {report.step:>5}/{report.steps}  loss {report.loss:.3f}  "
        f"{report.tokens_per_second:>7,.0f} tokens/s  lr {report.learning_rate:.1e}  {report.group}"
    )
    if report.validation_mrr is not None:
        line += (
            f"  validation MRR {report.validation_mrr:.3f} NDCG@10 "
            f"{report.validation_ndcg_at_10:.3f}"
        )
    return line
