"""Fit the weights of the search's ranker on a benchmark of repositories.

    python recipes/ranker/fit_ranker.py --annotations ANNOTATIONS --repos REPOS --write weights.json

The new file takes the place of `src/c2llm/search/ranking/rank_weights.json`. What the shipped one
was fitted on, and what each feature is worth, is in docs/ranking.md. `samples.py` asks the
questions, `fit.py` fits.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from fit import FitOptions, choose_contrast, fit_weights, weights_object
from fit import ablation as without_each
from samples import CONTRASTS, Sample, Samples, samples_of

from c2llm.cli.eval.eval_output import names
from c2llm.cli.output import note, print_json, progress_bar
from c2llm.encoding.encoder_handle import DEFAULT_TABLE, EncoderHandle
from c2llm.errors import C2LLMError, DataError, UsageError
from c2llm.evaluation.repositories.function_trees import function_trees
from c2llm.evaluation.repositories.repo_benchmark import find_trees
from c2llm.evaluation.repositories.repo_questions import load_benchmark
from c2llm.evaluation.retrieval.kept_vectors import CachedEncoder
from c2llm.evaluation.systems.named_systems import load_encoder
from c2llm.evaluation.tables import markdown_table, number
from c2llm.search.query.query_parsing import QueryKind
from c2llm.search.ranking.feature_weights import WEIGHTS_FILE, RankWeights, load_weights

_EXAMPLES = """\b
Examples:
  python recipes/ranker/fit_ranker.py --annotations bench/annotations --repos clones
  python recipes/ranker/fit_ranker.py --annotations bench/annotations --repos clones --data data \\
      --model c2llm-nano --write weights.json
  python recipes/ranker/fit_ranker.py --annotations bench/annotations --repos clones \\
      --model c2llm-mini --home runs/home --ablation --write weights.json
"""


@click.command(epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--annotations", type=click.Path(path_type=Path), required=True, help="NAME.json.")
@click.option(
    "--repos", type=click.Path(path_type=Path), required=True, help="Holds the repositories."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Fit on the trees of `eval functions` too, which together count as much as all "
    "repositories.",
)
@click.option("--limit", type=click.IntRange(1), default=500, help="Questions of such a tree.")
@click.option("--repos-json", type=click.Path(path_type=Path), help="As in `c2llm eval repos`.")
@click.option(
    "--model", help="Fit with vectors of this model, their share too; words alone without it."
)
@click.option(
    "--table",
    default=DEFAULT_TABLE,
    show_default=True,
    help="Table model beside it, as in a search; an empty name for none.",
)
@click.option("--only", multiple=True, help="Only this repository; repeatable, or with commas.")
@click.option("--folds", type=click.IntRange(2), default=8, show_default=True, help="Of the test.")
@click.option("--steps", type=click.IntRange(1), default=60, show_default=True, help="Of a fit.")
@click.option("--penalty", type=float, default=0.4, show_default=True, help="On moving a weight.")
@click.option("--weights", type=click.Path(path_type=Path), help="Begin here, not at the shipped.")
@click.option("--ablation", is_flag=True, help="Also tell what each feature is worth.")
@click.option("--home", type=click.Path(path_type=Path), help="As in `c2llm eval repos`.")
@click.option("--write", type=click.Path(path_type=Path), help="Write the new weights here.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    annotations: Path,
    repos: Path,
    data: Path | None,
    limit: int,
    repos_json: Path | None,
    model: str | None,
    table: str,
    only: tuple[str, ...],
    folds: int,
    steps: int,
    penalty: float,
    weights: Path | None,
    ablation: bool,
    home: Path | None,
    write: Path | None,
    as_json: bool,
) -> None:
    """Fit the weights of the search's ranker, cross-validated over repositories.

    Believe the cross-validated number: each repository is ranked with weights that were fitted on
    others. What a benchmark does not ask (paths, pasted code, stack traces) keeps its weights.
    """
    if model and EncoderHandle(model).is_table:
        table = ""  # searches set no second table beside one
    start = load_weights(weights or WEIGHTS_FILE)
    candidates = _with_contrasts(start, model)
    found = _samples(
        annotations, repos, repos_json, data, limit, model, table, names(only), home, folds,
        list(candidates.values()),
    )  # fmt: skip
    by_slope = dict(zip(candidates, found, strict=True))
    samples = found[0]
    if len(samples.repositories) < 2:
        raise UsageError("Fitting needs two repositories at least, one of them to test on.")
    options = FitOptions(folds=folds, steps=steps, penalty=penalty, hybrid=model is not None)
    chosen = choose_contrast(by_slope, start, options) if model else None
    if chosen is not None:
        start, samples = candidates[chosen.slope], by_slope[chosen.slope]
    report = fit_weights(samples, start, options)
    about = {
        "fitted_on": _counted(samples),
        "vectors": " and ".join(filter(None, (model, table))) if model else "none: words alone",
        "ndcg_at_10_before": round(report.start, 4),
        "ndcg_at_10_fitted": round(report.fitted, 4),
        "ndcg_at_10_cross_validated": round(report.cross_validated, 4),
        **(
            {
                "contrast": chosen.slope,
                "repositories_and_functions_by_contrast": {
                    str(slope): _rounded(pair) for slope, pair in chosen.by_slope.items()
                },
                "repositories_and_functions_cross_validated": _rounded(chosen.cross_validated),
            }
            if chosen
            else {}
        ),
        "by_hand": "ordinary_contrast, place, recent, asked, saturation, "
        "and all of path, code and trace",
    }
    fitted = weights_object(report.weights, about)
    rows = without_each(samples, report.weights, options) if ablation else []
    if write is not None:
        try:
            write.write_text(_readable(fitted), encoding="utf-8")
        except OSError as error:
            raise DataError(f"{write} cannot be written ({error.strerror}).") from error
    if as_json:
        print_json(
            {
                **about,
                "by_category_before": report.start_by_category,
                "by_category_cross_validated": report.cross_validated_by_category,
                "weights": fitted,
                "ablation": [
                    {"without": name, "ndcg_at_10": without, "refitted_cross_validated": again}
                    for name, without, again in rows
                ],
            }
        )
        return
    _print(about, report.cross_validated_by_category, rows)


def _counted(samples: Samples) -> str:
    functions = {one.repository for one in samples.samples if one.part}
    told = f"{len(samples.repositories) - len(functions)} repositories"
    if functions:
        told += f", the functions of {', '.join(sorted(functions))}"
    return f"{told}, {len(samples.samples)} questions"


def _rounded(pair: tuple[float | None, float | None]) -> list[float | None]:
    return [None if score is None else round(score, 4) for score in pair]


def _with_contrasts(start: RankWeights, model: str | None) -> dict[float, RankWeights]:
    """The weights with each slope that may be chosen for questions; words alone know none."""
    if model is None:
        return {0.0: start}
    return {
        slope: replace(start, contrast={**start.contrast, QueryKind.QUESTION: slope})
        for slope in CONTRASTS
    }


def _samples(
    annotations: Path,
    repos: Path,
    repos_json: Path | None,
    data: Path | None,
    limit: int,
    model: str | None,
    table: str,
    only: list[str],
    home: Path | None,
    folds: int,
    several: list[RankWeights],
) -> list[Samples]:
    repositories = load_benchmark(annotations, repos_json, only)
    with TemporaryDirectory(prefix="c2llm-fit-") as scratch:
        place = home or Path(scratch)
        encoder = CachedEncoder(load_encoder(model), place / "vectors") if model else None
        beside = load_encoder(table) if encoder and table else None
        trees, absent = find_trees(repositories, repos, place / "trees")
        if absent:
            note(f"Not in {repos}, left out: {', '.join(absent)}.")
        functions = function_trees(data, place / "trees", (), limit) if data else []
        found: list[list[Sample]] = [[] for _ in several]
        with progress_bar("Asking", len(trees) + len(functions)) as progress:
            for repository, tree in [*trees, *functions]:
                parts = folds if (repository, tree) in functions else 0
                of_tree = samples_of(
                    repository, tree, place, encoder, beside, several=several, parts=parts
                )
                for kept, more in zip(found, of_tree, strict=True):
                    kept += more
                progress(1)
    return [Samples(kept) for kept in found]


def _readable(fitted: dict[str, Any]) -> str:
    """JSON with one line for each row of numbers."""
    parts = []
    for key, value in fitted.items():
        if key == "features":
            rows = [f"  {json.dumps(kind)}: {json.dumps(row)}" for kind, row in value.items()]
            parts.append(f" {json.dumps(key)}: {{\n" + ",\n".join(rows) + "\n }")
        else:
            parts.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _print(
    about: dict[str, Any], categories: dict[str, float], rows: list[tuple[str, float, float]]
) -> None:
    for key, value in about.items():
        click.echo(f"{key.replace('_', ' ')}: {value}")
    told = ", ".join(f"{name} {score:.3f}" for name, score in categories.items())
    click.echo(f"cross-validated by category: {told}")
    if rows:
        whole = rows[0]
        table = [
            [name, number(without), f"{without - whole[1]:+.4f}", number(again)]
            for name, without, again in rows
        ]
        header = ["without", "NDCG@10", "difference", "rest fitted anew, cross-validated"]
        click.echo("\n" + markdown_table(header, table))


def main(arguments: list[str] | None = None) -> None:
    """Run the command: exit 0 when done, 1 on failure, 2 on wrong use."""
    try:
        command(arguments, prog_name="fit_ranker.py")
    except C2LLMError as error:
        note(f"Error: {error}")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
