"""`c2llm eval all`: the whole development evaluation in one command that resumes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.eval.eval_output import check_output, keep, names
from c2llm.cli.eval.eval_repos import DEFAULT_MODES, score_repositories
from c2llm.cli.eval.eval_retrieval import load_systems
from c2llm.cli.numbers import count
from c2llm.cli.options.devices import device_options
from c2llm.cli.output import note, print_json, progress_bar
from c2llm.errors import DataError, UsageError

if TYPE_CHECKING:
    from c2llm.evaluation.retrieval.retrieval_task import RetrievalTask
    from c2llm.evaluation.systems.system import System

_GRANULARITY_ROOTS = 3
_GRANULARITY_DOCUMENTS = 300
_GRANULARITY_QUERIES = 50
_PROFILE_BATCHES, _PROFILE_LENGTHS = (1, 32), (32, 256)
_REMARK = (
    "Development data only. What each model was trained on, and what that has in common with these "
    "tests, is in its card."
)


@dataclass(frozen=True)
class _Plan:
    """What was asked for."""

    data: Path | None
    annotations: Path | None
    repos: Path | None
    models: tuple[str, ...]
    baselines: tuple[str, ...]
    tasks: tuple[str, ...]
    modes: tuple[str, ...]
    only: tuple[str, ...]
    limit: int | None
    skip: tuple[str, ...]
    output: Path
    home: Path

    @cached_property
    def systems(self) -> list[System]:
        """Baselines and models; what one step has encoded the next one finds encoded."""
        return load_systems((*self.baselines, *self.models))

    @cached_property
    def retrieval_tasks(self) -> list[RetrievalTask]:
        """The retrieval tasks, none without data."""
        from c2llm.evaluation.retrieval.local_tasks import load_tasks

        if self.data is None:
            return []
        return [task.limited(self.limit) for task in load_tasks(self.data, self.tasks)]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=click.Path(path_type=Path), help="Directory of the retrieval tasks.")
@click.option("--annotations", type=click.Path(path_type=Path), help="As for `eval repos`.")
@click.option("--repos", type=click.Path(path_type=Path), help="As for `eval repos`.")
@click.option(
    "--model", "models", multiple=True, help="A c2llm model; repeatable.  [default: c2llm-mini]"
)
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    help="Beside the models on retrieval tasks, such as all-MiniLM-L6-v2; repeatable.  "
    "[default: bm25]",
)
@click.option("--tasks", multiple=True, help="Only these retrieval tasks, with commas between.")
@click.option("--modes", default=DEFAULT_MODES, show_default=True, help="As for `eval repos`.")
@click.option("--only", multiple=True, help="Only this repository; repeatable, or with commas.")
@click.option("--limit", type=count(), help="At most this many queries a task.")
@click.option("--skip", multiple=True, help="Leave out a step: languages, granularity, …")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("runs/eval"),
    show_default=True,
    help="Results, kept vectors and reports; the same command goes on from here.",
)
@click.option(
    "--home", type=click.Path(path_type=Path), help="Indexes and vectors; by default OUTPUT/home."
)
@click.option(
    "--docs",
    type=click.Path(path_type=Path),
    help="Write the tables here too, and their JSON beside: docs/results.md.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as one JSON object.")
@device_options("models")
def command(docs: Path | None, as_json: bool, **chosen: Any) -> None:
    """Run every evaluation that there is data for, and write one report.

    The steps: profile, retrieval tasks, languages, granularity (on the smallest repositories),
    repository search and search among functions without telling names. Each result is kept when it
    is there; after Ctrl-C the same command resumes. OUTPUT gets results.json, results.md and
    figures.

    \b
    Examples:
      c2llm eval all --data data --annotations bench/annotations --repos clones
      c2llm eval all --data data --model my-model --baseline bm25 --baseline all-MiniLM-L6-v2
      c2llm eval all --annotations bench/annotations --repos clones --only gin,click --limit 50
    """
    from c2llm.encoding.model_folder import DEFAULT_MODEL

    chosen["models"] = chosen["models"] or (DEFAULT_MODEL,)
    chosen["baselines"] = chosen["baselines"] or ("bm25",)
    chosen["home"] = chosen["home"] or chosen["output"] / "home"
    chosen["modes"] = tuple(names([chosen["modes"]]))
    plan = _Plan(**chosen | {key: tuple(names(chosen[key])) for key in ("tasks", "only", "skip")})
    _check(plan)
    begun = time.perf_counter()
    for name, step in _STEPS.items():
        if name not in plan.skip:
            _run(name, step, plan)
    report = _write(plan, docs)
    note(f"All done in {(time.perf_counter() - begun) / 60:.1f} min.")
    if as_json:
        print_json(report)


def _check(plan: _Plan) -> None:
    """Refuse what is wrong with any step before the first one has taken its minutes."""
    from c2llm.evaluation.profiling.profile_run import find_subject
    from c2llm.evaluation.repositories.repo_benchmark import dense_modes
    from c2llm.evaluation.repositories.repo_questions import load_benchmark

    if plan.data is None and (plan.annotations is None or plan.repos is None):
        raise UsageError("Give --data, or --annotations with --repos, or all three.")
    if (plan.annotations is None) != (plan.repos is None):
        raise UsageError("--annotations and --repos go together: questions and their repositories.")
    unknown = [name for name in plan.skip if name not in _STEPS]
    if unknown:
        raise UsageError(f"No step is named {unknown[0]!r}; there are {', '.join(_STEPS)}.")
    check_output(plan.output)
    for model in plan.models:
        find_subject(model)
    dense_modes(plan.modes)
    if plan.data is not None:
        _ = plan.systems, plan.retrieval_tasks
    if plan.annotations is not None:
        load_benchmark(plan.annotations, None, plan.only)


def _run(name: str, step: Callable[[_Plan], dict[str, Any] | None], plan: _Plan) -> None:
    from c2llm.evaluation.report.build import markdown_of

    begun = time.perf_counter()
    note(f"== {name}")
    report = step(plan)
    if report is None:
        note(f"{name}: no data, left out.")
        return
    keep(name, report, markdown_of(name)(report), plan.output)
    note(f"{name}: {time.perf_counter() - begun:.0f} s")


def _profile(plan: _Plan) -> dict[str, Any] | None:
    from c2llm.evaluation.profiling.profile_report import profile_report
    from c2llm.evaluation.profiling.profile_run import (
        find_subject,
        grid,
        machine,
        measure_machine,
        run_grid,
    )

    ceiling = measure_machine(0, with_torch=False)
    done = []
    for model in plan.models:
        subject = find_subject(model)
        cells = grid(
            subject, _PROFILE_BATCHES, _PROFILE_LENGTHS, threads=0, dtype="float32", seconds=1.0
        )
        done.append((subject, list(run_grid(subject, cells, plan.output))))
    return profile_report(done, ceiling, machine())


def _retrieval(plan: _Plan) -> dict[str, Any] | None:
    if plan.data is None:
        return None
    from c2llm.evaluation.retrieval.retrieval_report import retrieval_report
    from c2llm.evaluation.retrieval.retrieval_run import ResultStore, run_tasks

    results = []
    for result in run_tasks(
        plan.retrieval_tasks,
        plan.systems,
        store=ResultStore(plan.output),
        progress_bar=progress_bar,
    ):
        results.append(result)
        mean = sum(q.scores["ndcg_at_10"] for q in result.queries) / len(result.queries)
        note(f"{result.task}: {result.system} NDCG@10 {mean:.3f} ({result.seconds:.1f} s)")
    return retrieval_report(results)


def _languages(plan: _Plan) -> dict[str, Any] | None:
    from c2llm.cli.eval.eval_languages import score_languages
    from c2llm.evaluation.retrieval.data_files import find_file
    from c2llm.evaluation.retrieval.held_out import held_out

    if plan.data is None or find_file(plan.data, held_out("mxeval").file) is None:
        return None
    if plan.tasks and not any(task.startswith("mxeval") for task in plan.tasks):
        return None
    return score_languages(plan.data, plan.systems, limit=plan.limit, output=plan.output)


def _granularity(plan: _Plan) -> dict[str, Any] | None:
    if plan.annotations is None or plan.repos is None:
        return None
    from c2llm.cli.eval.eval_granularity import score_granularity

    roots = _smallest_trees(plan, plan.annotations, plan.repos)
    try:
        return score_granularity(
            roots,
            plan.models,
            queries=min(plan.limit or _GRANULARITY_QUERIES, _GRANULARITY_QUERIES),
            documents=_GRANULARITY_DOCUMENTS,
            output=plan.output,
        )
    except DataError as error:  # repositories without comments are no reason to stop
        note(str(error))
        return None


def _smallest_trees(plan: _Plan, annotations: Path, repos: Path) -> Sequence[Path]:
    """The smallest repositories of different languages: whole files are embedded there twice."""
    from c2llm.codebase.files.walk import walk
    from c2llm.evaluation.repositories.repo_benchmark import find_trees
    from c2llm.evaluation.repositories.repo_questions import load_benchmark

    repositories = load_benchmark(annotations, None, plan.only)
    trees, _ = find_trees(repositories, repos, plan.home / "trees")
    sizes = {
        repository.name: sum(file.size for file in walk(tree.root).files)
        for repository, tree in trees
    }
    chosen: dict[str, Path] = {}
    for repository, tree in sorted(trees, key=lambda entry: sizes[entry[0].name]):
        if sizes[repository.name] >= _LEAST_BYTES and tree.root.name not in {
            root.name for root in chosen.values()
        }:
            chosen.setdefault(repository.language, tree.root)
    return list(chosen.values())[:_GRANULARITY_ROOTS] or [trees[0][1].root]


_LEAST_BYTES = 100_000
"""Of a repository that granularity is measured on: a smaller one has too few functions."""


def _repos(plan: _Plan) -> dict[str, Any] | None:
    if plan.annotations is None or plan.repos is None:
        return None
    return score_repositories(
        plan.annotations,
        plan.repos,
        None,
        models=plan.models,
        modes=plan.modes,
        only=plan.only,
        home=plan.home,
        output=plan.output,
    )


def _functions(plan: _Plan) -> dict[str, Any] | None:
    from c2llm.cli.eval.eval_functions import FUNCTION_MODES, score_functions
    from c2llm.evaluation.repositories.function_trees import trees_there

    if plan.data is None or not trees_there(plan.data):
        return None
    return score_functions(
        plan.data,
        models=plan.models,
        modes=names([FUNCTION_MODES]),
        limit=plan.limit,
        home=plan.home,
        output=plan.output,
    )


_STEPS: dict[str, Callable[[_Plan], dict[str, Any] | None]] = {
    "profile": _profile,
    "retrieval": _retrieval,
    "languages": _languages,
    "granularity": _granularity,
    "repos": _repos,
    "functions": _functions,
}


def _write(plan: _Plan, docs: Path | None) -> dict[str, Any]:
    from c2llm.cli.eval.eval_report import write_report

    told = _as_typed(plan, docs)
    title = f"Evaluation of {', '.join(Path(model).name for model in plan.models)}"
    report, text = write_report(
        [plan.output],
        command=told,
        title=title,
        markdown=plan.output / "results.md",
        out=plan.output / "results.json",
        figures=plan.output / "figures",
        remark=f"{_REMARK} {_machine_line()}",
    )
    if docs is not None:
        from c2llm.cli.eval.eval_output import write_text

        beside = docs.with_suffix(".json")
        write_text(docs, text)
        write_text(beside, json.dumps(report, ensure_ascii=False) + "\n")
        note(f"Wrote {docs} and {beside}.")
    return report


def _machine_line() -> str:
    """What ran it, and how busy it was: times of a busy machine compare with nothing."""
    import os

    from c2llm.evaluation.profiling.profile_run import machine

    described = machine()
    load = f"load {os.getloadavg()[2]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    return (
        f"{described['processor']}, {described['cores']} cores, "
        f"{described['memory_bytes'] / 1e9:.0f} GB, {load} over the last 15 minutes; times of kept "
        "results were taken when they were made, and under a load above the number of cores they "
        "say little."
    )


def _as_typed(plan: _Plan, docs: Path | None) -> str:
    """The command with its folders by what they are for, not by where they lie here."""
    modes = ",".join(plan.modes)
    places = {"data": plan.data, "annotations": plan.annotations, "repos": plan.repos}
    shown = {"data": "DATA", "annotations": "ANNOTATIONS", "repos": "REPOSITORIES"}
    said: list[tuple[str, object]] = [(key, shown[key]) for key in places if places[key]]
    said += [("model", Path(model).name) for model in plan.models]
    said += [("baseline", baseline) for baseline in plan.baselines]
    said += [("tasks", ",".join(plan.tasks)), ("modes", "" if modes == DEFAULT_MODES else modes)]
    said += [("only", ",".join(plan.only)), ("limit", plan.limit), ("skip", ",".join(plan.skip))]
    if docs is not None:
        said.append(("docs", docs.name if docs.is_absolute() else docs.as_posix()))
    return " ".join(["c2llm eval all", *(f"--{key} {value}" for key, value in said if value)])
