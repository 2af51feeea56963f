"""`c2llm eval retrieval`: models side by side on retrieval tasks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from c2llm.cli.evaluate_output import check_output, emit, names
from c2llm.cli.output import note, progress_bar

if TYPE_CHECKING:
    from c2llm.evaluation.retrieval import TaskResult


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Data directory.")
@click.option(
    "--model",
    "models",
    multiple=True,
    required=True,
    help="bm25, all-MiniLM-L6-v2, st:FOLDER (sentence-transformers), or a c2llm model or folder. "
    "Repeat to compare; the first is the baseline.",
)
@click.option(
    "--tasks",
    multiple=True,
    help="Tasks, with commas between, such as cosqa,mxeval:java or beir:FOLDER. All by default.",
)
@click.option("--limit", type=click.IntRange(1), help="At most this many queries a task.")
@click.option("--documents", type=click.IntRange(1), help="At most this many documents a task.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Keep results here and go on from them."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    data: Path,
    models: tuple[str, ...],
    tasks: tuple[str, ...],
    limit: int | None,
    documents: int | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Score models on retrieval tasks read from a data directory."""
    from c2llm.evaluation.retrieval import ResultStore, run_tasks
    from c2llm.evaluation.retrieval_report import retrieval_markdown, retrieval_report
    from c2llm.evaluation.systems import load_system
    from c2llm.evaluation.tasks import load_tasks

    check_output(output)
    chosen = load_tasks(data, names(tasks))
    systems = [load_system(model) for model in dict.fromkeys(models)]
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


def _summary(result: TaskResult) -> str:
    mean = sum(query.scores["ndcg_at_10"] for query in result.queries) / len(result.queries)
    return (
        f"{result.task}: {result.system} NDCG@10 {mean:.3f} "
        f"(n = {len(result.queries)}, {result.seconds:.1f} s)"
    )
