"""`c2llm eval repos`: search in whole repositories."""

from __future__ import annotations

from pathlib import Path

import click

from c2llm.cli.evaluate_output import check_output, emit, names
from c2llm.cli.output import note, progress_bar


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
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
def command(
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

    check_output(output)
    repositories = load_benchmark(annotations, repos_json, names(only))
    asked = names([modes])
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
    emit("repos", report, repository_markdown, output, as_json)
