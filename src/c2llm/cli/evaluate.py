"""`c2llm eval`: retrieval tasks and the repository-search benchmark."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.output import note, print_json, progress_bar
from c2llm.errors import DataError, UsageError

if TYPE_CHECKING:
    from c2llm.evaluation.retrieval import TaskResult


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Measure retrieval quality."""


@command.command()
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
def retrieval(
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

    _check_output(output)
    chosen = load_tasks(data, _names(tasks))
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
    _emit("retrieval", report, retrieval_markdown, output, as_json)


@command.command()
@click.option(
    "--annotations", type=click.Path(path_type=Path), required=True, help="NAME.json files."
)
@click.option(
    "--repos",
    type=click.Path(path_type=Path),
    required=True,
    help="Holds NAME (a work tree or a bare git directory) for each repository.",
)
@click.option(
    "--repos-json",
    type=click.Path(path_type=Path),
    help="List of repositories; by default repos.json beside the annotations directory.",
)
@click.option("--model", "models", multiple=True, help="A c2llm model or folder; repeatable.")
@click.option(
    "--peer",
    "peers",
    multiple=True,
    help="all-MiniLM-L6-v2 or the folder of a sentence-transformers model, in our model's place.",
)
@click.option(
    "--modes",
    default="lexical,dense,hybrid",
    show_default=True,
    help="With -raw (hybrid-raw) a mode goes without the ranker.",
)
@click.option("--only", multiple=True, help="Only this repository; repeatable.")
@click.option(
    "--index-home",
    type=click.Path(path_type=Path),
    help="Keep the benchmark's indexes here; by default they are built anew and removed.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="Keep results here and go on from them."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def repos(
    annotations: Path,
    repos: Path,
    repos_json: Path | None,
    models: tuple[str, ...],
    peers: tuple[str, ...],
    modes: str,
    only: tuple[str, ...],
    index_home: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Score search in whole repositories: NDCG@10, index time and latency."""
    from functools import partial
    from tempfile import TemporaryDirectory

    from c2llm.encoding.folder import DEFAULT_MODEL
    from c2llm.evaluation.peers import MINILM
    from c2llm.evaluation.repo_benchmark import (
        dense_modes,
        engine_digest,
        find_trees,
        open_code_index,
        run_benchmark,
    )
    from c2llm.evaluation.repo_questions import load_benchmark
    from c2llm.evaluation.repo_report import repository_markdown, repository_report
    from c2llm.evaluation.repos import RepositoryStore
    from c2llm.evaluation.systems import PEER_PREFIX, load_encoder

    _check_output(output)
    repositories = load_benchmark(annotations, repos_json, _names(only))
    asked = _names([modes])
    specs = [*models, *(peer if peer == MINILM else f"{PEER_PREFIX}{peer}" for peer in peers)]
    with TemporaryDirectory(prefix="c2llm-eval-") as scratch:
        home = index_home or Path(scratch)
        trees, absent = find_trees(repositories, repos, home / "trees")
        if absent:
            note(f"Not in {repos}, left out: {', '.join(absent)}.")
        encoders = [
            load_encoder(spec)
            for spec in dict.fromkeys(specs or [DEFAULT_MODEL])
            if dense_modes(asked)
        ]
        results = []
        for result in run_benchmark(
            trees,
            encoders,
            modes=asked,
            home=home,
            store=RepositoryStore(output, engine_digest()) if output else None,
            opener=partial(open_code_index, progress_bar=progress_bar),
        ):
            results.append(result)
            chunks, files = (f"{result.mean(files=of_files):.3f}" for of_files in (False, True))
            where = f"{result.repository}: {result.system} {result.mode}"
            note(f"{where} NDCG@10 chunks {chunks}, files {files}")
    report = repository_report(results, repositories, absent)
    _emit("repos", report, repository_markdown, output, as_json)


def _names(values: Sequence[str]) -> list[str]:
    return [name.strip() for value in values for name in value.split(",") if name.strip()]


def _summary(result: TaskResult) -> str:
    mean = sum(query.scores["ndcg_at_10"] for query in result.queries) / len(result.queries)
    return (
        f"{result.task}: {result.system} NDCG@10 {mean:.3f} "
        f"(n = {len(result.queries)}, {result.seconds:.1f} s)"
    )


def _check_output(output: Path | None) -> None:
    if output is None:
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{output} cannot be made a directory ({error.strerror}).") from error


def _emit(
    name: str,
    report: dict[str, Any],
    markdown: Callable[[dict[str, Any]], str],
    output: Path | None,
    as_json: bool,
) -> None:
    """Print a report, and keep both its forms beside the results."""
    text = markdown(report)
    if output is not None:
        try:
            (output / f"{name}.md").write_text(text, encoding="utf-8")
            (output / f"{name}.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
        except OSError as error:
            raise DataError(f"The report cannot be kept in {output} ({error}).") from error
    if as_json:
        print_json(report)
    else:
        click.echo(text, nl=False)
