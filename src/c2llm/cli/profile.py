"""`c2llm profile`: latency, throughput and memory of models, measured and counted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from c2llm.cli.eval.eval_output import check_output, emit, names, report_options
from c2llm.cli.numbers import Finite
from c2llm.cli.output import note
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.evaluation.profiling.ceiling import Ceiling
    from c2llm.evaluation.profiling.profile_run import CellResult, Subject


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--model",
    "models",
    multiple=True,
    help="A shipped model, a folder, shape:0.5b or shape:7b; repeatable.  [default: c2llm-mini]",
)
@click.option("--engine", "engines", multiple=True, help="Only this engine; repeatable.")
@click.option("--batch", "batches", default="1,8,32", show_default=True, help="Texts at once.")
@click.option("--length", "lengths", default="32,128,512", show_default=True, help="Tokens a text.")
@click.option("--threads", type=click.IntRange(0, 1024), default=0, help="0 for all cores.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Of random weights.",
)
@click.option(
    "--seconds",
    type=Finite(0.01, 1e9),
    default=2.0,
    show_default=True,
    help="Time for each measurement; three runs are made at least.",
)
@report_options
def command(
    models: tuple[str, ...],
    engines: tuple[str, ...],
    batches: str,
    lengths: str,
    threads: int,
    dtype: str,
    seconds: float,
    output: Path | None,
    as_json: bool,
) -> None:
    """Measure latency, tokens per second and peak memory against batch and length.

    Each measurement runs in a process of its own, so that its peak memory is its own. Beside it
    stand the operations and bytes as counted from the model's sizes, and the least time that this
    machine's measured ceiling allows for them.

    \b
    Examples:
      c2llm profile                                     # every engine of c2llm-mini
      c2llm profile --model my-model --engine onnx --batch 1 --length 16,64,256 --threads 1
      c2llm profile --model shape:0.5b --batch 1 --length 128 --dtype bfloat16
      c2llm profile --model shape:7b --json             # too large here: counted, not run

    shape:NAME has the sizes of a published model and random weights: what it costs, without a
    download. Ctrl-C prints what has been measured; with --output the same command goes on.
    """
    from c2llm.encoding.model_folder import DEFAULT_MODEL
    from c2llm.evaluation.profiling.profile_report import profile_markdown, profile_report
    from c2llm.evaluation.profiling.profile_run import (
        find_subject,
        grid,
        machine,
        measure_machine,
        run_grid,
    )

    check_output(output)
    sizes = _numbers("--batch", batches), _numbers("--length", lengths)
    subjects = [
        find_subject(spec, names(engines)) for spec in dict.fromkeys(models or [DEFAULT_MODEL])
    ]
    plan = [
        (subject, grid(subject, *sizes, threads=threads, dtype=dtype, seconds=seconds))
        for subject in subjects
    ]
    for subject, cells in plan:
        if not cells:
            raise UsageError(
                f"{subject.name} reads at most {subject.max_tokens} tokens; --length {lengths} "
                "asks for more."
            )
    ceiling: Ceiling = measure_machine(threads, with_torch=dtype == "bfloat16")
    done: list[tuple[Subject, list[CellResult]]] = []
    complete = False
    try:
        for subject, cells in plan:
            done.append((subject, []))
            for number, result in enumerate(run_grid(subject, cells, output), 1):
                done[-1][1].append(result)
                note(f"{subject.name} {number} of {len(cells)}: {_line(result)}")
        complete = True
    finally:
        if any(results for _, results in done):
            report = profile_report(done, ceiling, machine(), complete=complete)
            emit("profile", report, profile_markdown, output, as_json)


def _line(result: CellResult) -> str:
    cell, measured = result.cell, result.measurement
    what = f"{cell.engine}, {cell.batch} x {cell.length} tokens:"
    if measured is None:
        return f"{what} {result.error}"
    if not measured.latencies_ms:
        return f"{what} counted"
    middle = sorted(measured.latencies_ms)[len(measured.latencies_ms) // 2]
    speed = cell.batch * cell.length / middle * 1000
    return f"{what} {middle:.1f} ms, {speed:,.0f} tokens/s, {measured.peak_bytes / 1e6:,.0f} MB"


def _numbers(option: str, text: str) -> list[int]:
    numbers = []
    for part in names([text]):
        if not part.isdecimal() or int(part) < 1:
            raise UsageError(f"{option} takes whole numbers from 1 with commas, not {part!r}.")
        numbers.append(int(part))
    if not numbers:
        raise UsageError(f"{option} names no number.")
    return list(dict.fromkeys(numbers))
