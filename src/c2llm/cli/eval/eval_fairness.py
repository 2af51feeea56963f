"""`c2llm eval fairness`: whose code is found worse, and why."""

from __future__ import annotations

from pathlib import Path

import click

from c2llm.cli.eval.eval_output import check_output, keep, names, report_options, write_text
from c2llm.cli.numbers import Finite, count
from c2llm.cli.output import note, print_json, print_text, progress_bar
from c2llm.errors import UsageError

DEFAULT_SYSTEMS = "lexical,c2llm-nano"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--annotations", type=click.Path(path_type=Path), help="Questions, as for `eval repos`."
)
@click.option(
    "--repos", type=click.Path(path_type=Path), help="Their repositories, as for `eval repos`."
)
@click.option("--repos-json", type=click.Path(path_type=Path), help="As for `eval repos`.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Also search among functions without telling names, as `eval functions` does.",
)
@click.option(
    "--systems",
    default=DEFAULT_SYSTEMS,
    show_default=True,
    help="`lexical` (words alone) and models, whose vectors stand beside the words.",
)
@click.option("--only", multiple=True, help="Repositories and tasks by name; repeatable.")
@click.option(
    "--limit", type=count(), default=500, show_default=True, help="Questions of a task at most."
)
@click.option(
    "--edits",
    type=count(least=0),
    default=160,
    show_default=True,
    help="Questions of a kind of data that are asked again after edits; 0 for none.",
)
@click.option(
    "--smallest",
    type=Finite(0.0, 1.0),
    default=0.03,
    show_default=True,
    help="NDCG@10 from which a gap is called.",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Keep indexes here; by default OUTPUT/home, and nowhere without --output.",
)
@click.option("--report", type=click.Path(path_type=Path), help="Write the page to this file, too.")
@report_options
def command(
    annotations: Path | None,
    repos: Path | None,
    repos_json: Path | None,
    data: Path | None,
    systems: str,
    only: tuple[str, ...],
    limit: int,
    edits: int,
    smallest: float,
    home: Path | None,
    report: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Whose code is found worse, and how much of that the ranker's rules do.

    Scores are told by what the answer is: its programming language, the language of its comments
    and of the question, test or production, its length, its place in the file, how many files
    import it, its age, and the size of its repository. Such groups differ in more than one
    respect, so each gap is also told with the others held.

    \b
    What causes what is then tried out: the same file is asked for again
      in another folder, among tests, longer, at the end of a longer file,
      without comments, with them in other languages, imported by nobody.

    Every question is ranked with all rules, with none, and without each, which tells whose doing a
    gap is. Questions have the format of `eval repos`, so it works on your own.

    \b
    Examples:
      c2llm eval fairness --annotations mine --repos . --output runs/fairness
      c2llm eval fairness --annotations bench/annotations --repos clones --data data \\
          --systems lexical,c2llm-nano --output runs/fairness --report fairness.md
      c2llm eval fairness --data data --only csn_cloze --systems lexical --edits 0 --json

    With --output each repository is kept when it is done and the same command goes on.
    """
    if (annotations is None) != (repos is None):
        raise UsageError("--annotations and --repos belong together; give both.")
    if annotations is None and data is None:
        raise UsageError("There is nothing to ask; give --annotations with --repos, or --data.")
    from tempfile import TemporaryDirectory

    from c2llm.evaluation.fairness.fairness_run import FairnessData, run_fairness, systems_of
    from c2llm.evaluation.fairness.report import fairness_markdown, fairness_report

    check_output(output)
    chosen = systems_of(names([systems]))
    results = []
    with TemporaryDirectory(prefix="c2llm-eval-") as scratch:
        place = home or (output / "home" if output else Path(scratch))
        found = FairnessData.find(
            annotations, repos, repos_json, data, only=names(only), limit=limit, home=place
        )
        if found.absent:
            note(f"Not in {repos}, left out: {', '.join(found.absent)}.")
        for result in run_fairness(
            found, chosen, home=place, edits=edits, output=output, progress_bar=progress_bar
        ):
            results.append(result)
    told = fairness_report(results, smallest=smallest)
    text = fairness_markdown(told)
    if output is not None:
        keep("fairness", told, text, output)
    if report is not None:
        write_text(report, text)
    if as_json:
        print_json(told)
    else:
        print_text(text)
