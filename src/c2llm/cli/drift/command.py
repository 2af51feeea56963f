"""`c2llm drift`: what differs in meaning between two versions of code."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from c2llm.cli.numbers import Finite, count
from c2llm.cli.output import note, print_json, print_painted, progress_bar
from c2llm.cli.streams import is_colored
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.analysis.drift import DriftReport, DriftRequest
    from c2llm.analysis.trees.folder import Stamps

Gravity = Literal["cosmetic", "structural", "behaviour"]
Form = Literal["text", "json", "markdown"]

FOUND = 3
"""Exit code where `--fail-on` found something."""
_PAGE = 20
"""Functions that a reader is shown at once."""

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm drift                          the work tree against the last commit
  c2llm drift v1.2                     the work tree against a revision
  c2llm drift main HEAD                one revision against another
  c2llm drift tested/ live/            two folders, whatever their layout
  c2llm drift upstream/ fork/ --lang go
  c2llm drift research.ipynb strategy.py
  c2llm drift vendor/lib ../lib.git@v2.0
\b
In a check of a pull request, exit code 3 where behaviour changed:
  c2llm drift origin/main HEAD --fail-on behaviour --markdown > comment.md
"""


@click.command("drift", epilog=_EXAMPLES)
@click.argument("before", required=False, metavar="[A]")
@click.argument("after", required=False, metavar="[B]")
@click.option(
    "--repo",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where revisions are looked up; by default this directory.",
)
@click.option("--lang", "languages", multiple=True, help="Only this language; repeatable.")
@click.option("--include", multiple=True, metavar="GLOB", help="Only paths like this.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="No paths like this.")
@click.option(
    "--fail-on",
    type=click.Choice(["cosmetic", "structural", "behaviour"]),
    help="Exit with 3 where something differs that is as grave as this.",
)
@click.option("--limit", type=count(), show_default="20; all as JSON", help="Number of functions.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("--markdown", "as_markdown", is_flag=True, help="For a comment on a pull request.")
@click.option("--watch", "watches", is_flag=True, help="Compare again whenever a file changes.")
@click.option(
    "--history",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Instead: which commits of a file or a folder are unusual for it.",
)
@click.option("--since", metavar="REV", help="With --history: only the commits after this one.")
@click.option(
    "--alarm-rate",
    type=Finite(0, 1),
    metavar="R",
    help="With --history: share of usual commits that may raise an alarm.",
)
@click.pass_context
def command(
    context: click.Context,
    /,
    before: str | None,
    after: str | None,
    repo: Path,
    languages: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    fail_on: Gravity | None,
    limit: int | None,
    as_json: bool,
    as_markdown: bool,
    watches: bool,
    history: Path | None,
    since: str | None,
    alarm_rate: float | None,
) -> None:
    """Tell what differs in meaning between two versions of code.

    A and B are folders, files (notebooks too), revisions, or a path at a revision (PATH@REV). With
    A alone, a revision is compared with the work tree, and a path with what the last commit has
    of it; without both, the work tree with the last commit. Each difference is cosmetic,
    structural, or bears behaviour; what matters most comes first.
    """
    if as_json and as_markdown:
        raise UsageError("Choose one of --json and --markdown.")
    form: Form = "json" if as_json else "markdown" if as_markdown else "text"
    if history is not None:
        if before is not None:
            raise UsageError("--history takes one path; A and B are compared without it.")
        if watches or languages or include or exclude or repo != Path():
            raise UsageError(
                "--history goes without --watch, --repo, --lang, --include and --exclude: it "
                "judges the commits of its path."
            )
        from c2llm.cli.drift.history import tell_history

        options = {} if alarm_rate is None else {"alarm_rate": alarm_rate}
        alarms = tell_history(
            history,
            since=since,
            limit=limit,
            as_json=as_json,
            as_markdown=as_markdown,
            **options,
        )
        if fail_on is not None and alarms:
            context.exit(FOUND)
        return
    if since is not None or alarm_rate is not None:
        raise UsageError("--since and --alarm-rate belong to --history PATH.")
    from c2llm.analysis.drift import DriftRequest

    request = DriftRequest(include, exclude, languages)
    one, other = _named(before, after, repo)
    known: Stamps = {}
    if watches:
        from c2llm.cli.drift.watching import watch_trees

        roots = _roots(one, other)
        if not roots:
            raise UsageError("--watch needs a folder or a file; revisions do not change.")

        def again() -> None:
            started = time.perf_counter()
            _tell(_compared(one, other, repo, request, known), form, limit, fail_on, started)

        watch_trees(roots, again)
        return
    started = time.perf_counter()
    report = _compared(one, other, repo, request, known)
    if _tell(report, form, limit, fail_on, started):
        context.exit(FOUND)


def _named(before: str | None, after: str | None, repo: Path) -> tuple[str, str]:
    """Both trees, where one or none is named."""
    if before is None:
        return "HEAD", _work_tree(repo)
    if after is not None:
        return before, after
    if not Path(before).exists():
        return before, _work_tree(repo)
    from c2llm.codebase.git import is_git_directory

    if is_git_directory(Path(before)):
        raise UsageError(f"{before} is a bare repository; name what it is compared with.")
    return f"{before.rstrip('/') or '/'}@HEAD", before


def _work_tree(repo: Path) -> str:
    """What a revision is compared with where nothing else is named."""
    from c2llm.codebase.git import is_git_directory

    if is_git_directory(repo):
        return "HEAD"
    return str(repo)


def _compared(
    before: str, after: str, repo: Path, request: DriftRequest, known: Stamps
) -> DriftReport:
    from c2llm.analysis.drift import compare_trees, open_tree
    from c2llm.analysis.drift.kept_changes import KeptChanges
    from c2llm.index.store.location import index_file

    one, other = (open_tree(name, repo, known) for name in (before, after))
    kept = KeptChanges(index_file(repo))
    return compare_trees(one, other, request, progress=progress_bar, kept=kept)


def _tell(
    report: DriftReport, form: Form, limit: int | None, fail_on: Gravity | None, started: float
) -> bool:
    """Write the report; whether `--fail-on` found something."""
    failed = _failed(report, fail_on)
    if form == "json":
        from c2llm.analysis.drift.as_json import payload

        print_json(payload(report, limit, failed, time.perf_counter() - started))
    elif form == "markdown":
        from c2llm.analysis.drift.as_markdown import markdown

        print_painted(markdown(report, limit or _PAGE))
    else:
        from c2llm.cli.drift.text import told

        for part in told(report, limit or _PAGE, colored=is_colored()):
            print_painted(part)
    for sentence in failed:
        note(f"Failed: {sentence}")
    return bool(failed)


def _failed(report: DriftReport, fail_on: Gravity | None) -> list[str]:
    if fail_on is None:
        return []
    from c2llm.analysis.changes.change import Effect

    failed = []
    if report.not_compared:
        failed.append(f"{report.too_large_said()}; what they do cannot be told.")
    least, found = Effect[fail_on.upper()], report.effect()
    if found is None or found < least:
        return failed
    number = sum(one.effect >= least for one in report.functions) + (
        len(report.moved_files) if least <= Effect.STRUCTURAL else 0
    )
    some = "place differs" if number == 1 else "places differ"
    graver = " or graver" if least < Effect.BEHAVIOUR else ""
    return [*failed, f"{number:,} {some} in {fail_on}{graver}."]


def _roots(*names: str) -> list[Path]:
    """The folders that may change."""
    found = [Path(name) for name in names if Path(name).exists()]
    return list(dict.fromkeys(path if path.is_dir() else path.parent for path in found))
