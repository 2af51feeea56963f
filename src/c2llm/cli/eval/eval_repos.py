"""`c2llm eval repos`: search in whole repositories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from c2llm.cli.eval.eval_output import check_output, emit, names, report_options
from c2llm.cli.options.devices import device_options
from c2llm.cli.output import note, progress_bar
from c2llm.encoding.encoder_handle import DEFAULT_TABLE

DEFAULT_MODES = "lexical-raw,lexical,dense-raw,dense,hybrid-raw,hybrid"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    required=True,
    help="NAME.json files with the questions.",
)
@click.option(
    "--repos",
    type=click.Path(path_type=Path),
    required=True,
    help="Holds NAME (a work tree or a bare git directory) or NAME.git for each repository.",
)
@click.option(
    "--repos-json",
    type=click.Path(path_type=Path),
    help="Pinned commits, languages and roots; by default repos.json beside the annotations "
    "directory, if there is one.",
)
@click.option("--model", "models", multiple=True, help="As for `eval retrieval`; repeatable.")
@click.option(
    "--modes",
    default=DEFAULT_MODES,
    show_default=True,
    help="Words alone, the model's vectors alone, or both; with -raw without the ranker. As a "
    "search answers, with a table model beside: `first` when only the candidates of the question "
    "are embedded, `complete` when all is.",
)
@click.option(
    "--table",
    default=DEFAULT_TABLE,
    show_default=True,
    help="Model beside the other in `first` and `complete`.",
)
@click.option("--only", multiple=True, help="Only this repository; repeatable, or with commas.")
@click.option(
    "--home",
    "--index-home",
    type=click.Path(path_type=Path),
    help="Keep indexes and vectors here; by default OUTPUT/home, and nowhere without --output.",
)
@device_options("models")
@report_options
def command(
    annotations: Path,
    repos: Path,
    repos_json: Path | None,
    models: tuple[str, ...],
    modes: str,
    table: str,
    only: tuple[str, ...],
    home: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Score search in whole repositories: NDCG@10, index time and latency.

    Works on any folder of questions in this format:

    \b
    annotations/NAME.json  [{"query": "...", "relevant": ["src/a.py",
                             {"path": "b.py", "start_line": 3, "end_line": 9}],
                             "secondary": [], "category": "semantic"}, ...]
    repos/NAME             its files, or a git directory that holds the pinned commit
    repos.json             [{"name": "NAME", "language": "python", "revision": "<commit>",
                             "benchmark_root": "src"}, ...]; may be absent

    \b
    Examples:
      c2llm eval repos --annotations bench/annotations --repos clones --output runs/repos
      c2llm eval repos --annotations mine --repos . --modes lexical,hybrid --only gin --json
      c2llm eval repos --annotations mine --repos . --modes first,hybrid --output runs/first

    With --output each repository is kept when it is done and the same command goes on; a changed
    ranker asks all questions again, but embeds nothing that was embedded before.
    """
    report = score_repositories(
        annotations,
        repos,
        repos_json,
        models=models,
        modes=names([modes]),
        table=table,
        only=names(only),
        home=home,
        output=output,
    )
    from c2llm.evaluation.repositories.repo_report import repository_markdown

    emit("repos", report, repository_markdown, output, as_json)


def score_repositories(
    annotations: Path,
    repos: Path,
    repos_json: Path | None,
    *,
    models: Sequence[str],
    modes: Sequence[str],
    table: str = DEFAULT_TABLE,
    only: Sequence[str],
    home: Path | None,
    output: Path | None,
) -> dict[str, Any]:
    """Run what is missing, telling how it goes, and return the report.

    Args:
        annotations: the questions.
        repos: the repositories.
        repos_json: the list of repositories.
        models: what `load_encoder` takes; the default model if empty.
        modes: as `repo_benchmark.MODES`.
        table: the table model of modes `first` and `complete`, "" for none.
        only: names of repositories; all if empty.
        home: where indexes and vectors are kept.
        output: where results are kept.
    """
    from functools import partial
    from tempfile import TemporaryDirectory

    from c2llm.encoding.model_folder import DEFAULT_MODEL
    from c2llm.evaluation.repositories.repo_benchmark import (
        COMPLETE,
        FIRST,
        dense_modes,
        engine_digest,
        find_trees,
        open_code_index,
        run_benchmark,
    )
    from c2llm.evaluation.repositories.repo_questions import load_benchmark
    from c2llm.evaluation.repositories.repo_report import repository_report
    from c2llm.evaluation.repositories.repo_scores import RepositoryStore
    from c2llm.evaluation.systems.named_systems import load_encoder

    check_output(output)
    needs_model = bool(dense_modes(modes))
    repositories = load_benchmark(annotations, repos_json, only)
    with TemporaryDirectory(prefix="c2llm-eval-") as scratch:
        place = home or (output / "home" if output else Path(scratch))
        trees, absent = find_trees(repositories, repos, place / "trees")
        if absent:
            note(f"Not in {repos}, left out: {', '.join(absent)}.")
        specs = dict.fromkeys(models or [DEFAULT_MODEL]) if needs_model else {}
        results = []
        for result in run_benchmark(
            trees,
            [load_encoder(spec) for spec in specs],
            modes=modes,
            home=place,
            table=load_encoder(table) if table and {FIRST, COMPLETE} & set(modes) else None,
            store=RepositoryStore(output, engine_digest()) if output else None,
            opener=partial(open_code_index, progress_bar=progress_bar),
            progress_bar=progress_bar,
        ):
            results.append(result)
            chunks, files = (f"{result.mean(files=of_files):.3f}" for of_files in (False, True))
            where = f"{result.repository}: {result.system} {result.mode}"
            note(f"{where} NDCG@10 chunks {chunks}, files {files}")
    return repository_report(results, repositories, absent)
