"""`c2llm eval granularity`: functions, classes and files as answers, by length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.eval.eval_output import check_output, emit, report_options
from c2llm.cli.numbers import count
from c2llm.cli.options.devices import device_options
from c2llm.cli.output import note, progress_bar
from c2llm.errors import ModelError, UsageError

if TYPE_CHECKING:
    from c2llm.encoding.encoder import LongTexts
    from c2llm.evaluation.retrieval.granularity_task import Reach
    from c2llm.evaluation.systems.system import System


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("roots", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--model", "models", multiple=True, help="A c2llm model; repeatable.  [default: c2llm-mini]"
)
@click.option(
    "--queries",
    type=count(),
    default=100,
    show_default=True,
    help="Of each kind from one repository.",
)
@click.option(
    "--documents",
    type=count(),
    default=2000,
    show_default=True,
    help="At most this many documents a task, all answers among them.",
)
@device_options("models")
@report_options
def command(
    roots: tuple[Path, ...],
    models: tuple[str, ...],
    queries: int,
    documents: int,
    output: Path | None,
    as_json: bool,
) -> None:
    """Ask with what comments say for the function, the class and the file, by length of code.

    The questions are made from the repositories ROOTS: a comment, taken out of the code, asks for
    what it described. Files are embedded twice, in windows that merge into one vector and cut at
    the longest input; `file_window` tells apart answers that a cut file has lost.

    \b
    Examples:
      c2llm eval granularity ~/src/gin ~/src/click --output runs/length
      c2llm eval granularity . --model my-model --queries 50 --json
    """
    from c2llm.evaluation.retrieval.retrieval_report import retrieval_markdown

    report = score_granularity(roots, models, queries=queries, documents=documents, output=output)
    emit("granularity", report, retrieval_markdown, output, as_json)


def score_granularity(
    roots: Sequence[Path],
    models: Sequence[str],
    *,
    queries: int,
    documents: int,
    output: Path | None,
) -> dict[str, Any]:
    """Run what is missing and return the report; as `command`."""
    from c2llm.encoding.model_folder import DEFAULT_MODEL
    from c2llm.evaluation.retrieval.granularity_task import LONG_FAMILIES, granularity_tasks
    from c2llm.evaluation.retrieval.retrieval_report import retrieval_report
    from c2llm.evaluation.retrieval.retrieval_run import ResultStore, run_tasks
    from c2llm.evaluation.systems.named_systems import load_system

    check_output(output)
    specs = list(dict.fromkeys(models or [DEFAULT_MODEL]))
    reach = _reach(specs)
    tasks = [
        task.limited(None, documents)
        for task in granularity_tasks(roots, reach=reach, per_repository=queries)
    ]
    for task in tasks:
        note(f"{task.name}: {len(task.queries)} queries, {len(task.documents)} documents.")
    families = {task.family for task in tasks}
    if reach is not None and "file" in families and "file_window" not in families:
        note("No function that is asked for begins beyond the model's window: no file_window.")
    store = ResultStore(output) if output else None
    short = [task for task in tasks if task.family not in LONG_FAMILIES]
    long = [task for task in tasks if task.family in LONG_FAMILIES]
    systems = [load_system(spec) for spec in specs]
    results = list(run_tasks(short, systems, store=store, progress_bar=progress_bar))
    systems = [system for spec in specs for system in _both_ways(spec)]
    results += run_tasks(long, systems, store=store, progress_bar=progress_bar)
    return retrieval_report(results)


def _both_ways(spec: str) -> list[System]:
    """A model that reads in windows and the same cutting its input; other systems as they are."""
    from c2llm.encoding.encoder import Encoder
    from c2llm.evaluation.systems.named_systems import DenseSystem, load_system

    if not _is_ours(spec):
        return [load_system(spec)]
    model = Encoder.load(spec)
    systems: list[System] = []
    ways: tuple[tuple[LongTexts, str], ...] = (("window", "in windows"), ("truncate", "cut"))
    for way, said in ways:
        try:
            encoder = model.adapted(long_texts=way)
        except (ModelError, UsageError) as error:
            note(f"{spec} is not measured {said}: {error}")
            continue
        systems.append(DenseSystem(encoder, name=f"{encoder.name} ({said})"))
    return systems


def _is_ours(spec: str) -> bool:
    from c2llm.encoding.model_folder import open_folder

    try:
        open_folder(spec)
    except (ModelError, UsageError):
        return False
    return True


def _reach(specs: Sequence[str]) -> Reach | None:
    """What the first of our models reads at once, as a number of characters of a text."""
    ours = next((spec for spec in specs if _is_ours(spec)), None)
    if ours is None:
        return None
    from tokenizers import Tokenizer

    from c2llm.encoding.encoder import CHARACTERS_PER_TOKEN
    from c2llm.encoding.model_folder import open_folder

    folder = open_folder(ours)
    tokenizer = Tokenizer.from_file(str(folder.path / "tokenizer.json"))
    tokenizer.no_truncation()

    def reach(text: str) -> int:
        beginning = text[: folder.max_tokens * CHARACTERS_PER_TOKEN]
        offsets = tokenizer.encode(beginning, add_special_tokens=False).offsets
        return offsets[folder.max_tokens][0] if len(offsets) > folder.max_tokens else len(text)

    return reach
