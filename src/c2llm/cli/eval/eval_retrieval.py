"""`c2llm eval retrieval`: models side by side on retrieval tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from c2llm.cli.eval.eval_output import check_output, emit, names, report_options
from c2llm.cli.numbers import count
from c2llm.cli.options.devices import device_options
from c2llm.cli.output import note, progress_bar, quiet_libraries

if TYPE_CHECKING:
    from c2llm.evaluation.retrieval.retrieval_run import TaskResult
    from c2llm.evaluation.systems.system import System


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=click.Path(path_type=Path), help="Directory of the data files.")
@click.option(
    "--model",
    "models",
    multiple=True,
    required=True,
    help="bm25, ripgrep, all-MiniLM-L6-v2, st:FOLDER (sentence-transformers), openai:URL#NAME (an "
    "embeddings endpoint; its key in C2LLM_EMBEDDINGS_KEY), or a c2llm model or folder. Repeat to "
    "compare; the first is the baseline.",
)
@device_options("models")
@click.option(
    "--tasks",
    multiple=True,
    help="Tasks, with commas between, such as cosqa,mxeval:java; all in --data by default. Of your "
    "own: beir:FOLDER, pairs:FILE, continuation:TREE, commits:REPOSITORY.",
)
@click.option("--limit", type=count(), help="At most this many queries a task.")
@click.option("--documents", type=count(), help="At most this many documents a task.")
@report_options
def command(
    data: Path | None,
    models: tuple[str, ...],
    tasks: tuple[str, ...],
    limit: int | None,
    documents: int | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Score models side by side on retrieval tasks: same documents, same metrics, same machine.

    \b
    Our model, a sentence-transformers model and words, on all tasks in a directory:
      c2llm eval retrieval --data data --model bm25 --model all-MiniLM-L6-v2 --model c2llm-mini
    A server's model on one task, going on where it stopped:
      c2llm eval retrieval --data data --tasks cosqa --output results \\
        --model c2llm-mini --model openai:http://localhost:8080/v1#nomic-embed-code
    Questions of your own, in BEIR's layout (corpus.jsonl, queries.jsonl, qrels/test.tsv):
      c2llm eval retrieval --model c2llm-mini --tasks beir:FOLDER
    Questions that a repository asks itself: its commits, the halves of its functions:
      c2llm eval retrieval --model bm25 --model c2llm-mini --tasks commits:.,continuation:.
    """
    from c2llm.evaluation.retrieval.local_tasks import load_tasks
    from c2llm.evaluation.retrieval.retrieval_report import retrieval_markdown, retrieval_report
    from c2llm.evaluation.retrieval.retrieval_run import ResultStore, run_tasks

    check_output(output)
    chosen = load_tasks(data, names(tasks))
    systems = load_systems(models)
    results = []
    for result in run_tasks(
        [task.limited(limit, documents) for task in chosen],
        systems,
        store=ResultStore(output) if output else None,
        progress_bar=progress_bar,
    ):
        results.append(result)
        note(_summary(result))
    report = retrieval_report(results)
    emit("retrieval", report, retrieval_markdown, output, as_json)


def load_systems(models: Sequence[str]) -> list[System]:
    """The systems of these names; a ripgrep that is not installed is told, and left out.

    Raises:
        UsageError: for a model that is not there.
        ModelError: for one that cannot be loaded, or a library that is not installed.
    """
    from c2llm.evaluation.systems.named_systems import is_peer, load_system
    from c2llm.evaluation.systems.ripgrep import RipgrepMissingError

    if any(map(is_peer, models)):
        quiet_libraries()
    systems: list[System] = []
    for model in dict.fromkeys(models):
        try:
            systems.append(load_system(model))
        except RipgrepMissingError as error:
            if len(set(models)) == 1:
                raise
            note(f"ripgrep is left out. {error}")
    return systems


def _summary(result: TaskResult) -> str:
    mean = sum(query.scores["ndcg_at_10"] for query in result.queries) / len(result.queries)
    return (
        f"{result.task}: {result.system} NDCG@10 {mean:.3f} "
        f"(n = {len(result.queries)}, {result.seconds:.1f} s)"
    )
