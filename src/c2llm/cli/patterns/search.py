"""`c2llm patterns [PATH]...`: look for patterns in trees, in what a diff adds, and in history."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from c2llm.cli.numbers import count
from c2llm.cli.output import note, print_json, print_painted, progress_bar
from c2llm.cli.patterns.options import library_options
from c2llm.cli.streams import is_colored
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.analysis.patterns.history.find import PatternHistory
    from c2llm.analysis.patterns.hit import PatternReport
    from c2llm.analysis.patterns.pattern import Pattern
    from c2llm.analysis.patterns.request import Apart
    from c2llm.search.code_index import CodeIndex

FOUND = 3
"""Exit code where `--fail-on` found something."""
_PAGE = 50
"""Hits that a reader at a terminal is shown at once."""
_APART: dict[str, Apart] = {"tests": "test", "generated": "generated", "allowed": "allowed"}

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm patterns                               what is high comes first
  c2llm patterns src --only high               patterns of one severity
  c2llm patterns --without float-for-money     all but one
  c2llm patterns --library ../our-patterns     and those of another folder
  c2llm patterns --sarif patterns.sarif        for code scanning and editors
  c2llm patterns --history                     since when, by whom, and what is gone
\b
In a check of a pull request, exit code 3 where it adds a hit:
  c2llm patterns --since origin/main --fail-on high
\b
With what is there already accepted, once and then always:
  c2llm patterns --write-baseline patterns.json
  c2llm patterns --baseline patterns.json --fail-on medium
\b
Allowed in the code, with a reason, in the line or the one above:
  # c2llm: allow swallowed-exception - the file may be gone, and that is all right
"""


def _with(_: click.Context, __: click.Parameter, values: Sequence[str]) -> frozenset[Apart]:
    words = [word.strip().lower() for value in values for word in value.split(",")]
    unknown = [word for word in words if word not in (*_APART, "all")]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(_APART)} and all.")
    return frozenset(_APART.values() if "all" in words else (_APART[word] for word in words))


@click.command("search", epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@library_options
@click.option("--lang", "languages", multiple=True, help="Only this language; repeatable.")
@click.option("--include", multiple=True, metavar="GLOB", help="Only paths like this.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="No paths like this.")
@click.option(
    "--with",
    "wanted",
    multiple=True,
    callback=_with,
    metavar="KINDS",
    help="Also in tests, generated code, or allowed (or all), else only counted.",
)
@click.option("--since", metavar="REV", help="Only on lines added since it, committed or not.")
@click.option("--history", is_flag=True, help="When each hit came and, if it has, went.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Only what this file does not know.",
)
@click.option(
    "--write-baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write all that is found into this file.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["low", "medium", "high"]),
    help="Exit with 3 on a hit of this severity or a higher one; hints count with --hints alone.",
)
@click.option("--hints", is_flag=True, help="Hints count for --fail-on, too.")
@click.option("--limit", type=count(), show_default=f"{_PAGE} as text", help="Number of hits.")
@click.option(
    "--sarif",
    "sarif_file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Write SARIF to this file, - for stdout.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.pass_context
def command(
    context: click.Context,
    /,
    paths: tuple[str, ...],
    patterns: Any,
    wanted: frozenset[Apart],
    since: str | None,
    history: bool,
    baseline: Path | None,
    write_baseline: Path | None,
    fail_on: str | None,
    hints: bool,
    limit: int | None,
    sarif_file: Path | None,
    as_json: bool,
    **files: tuple[str, ...],
) -> None:
    """Find code that is like what once caused harm.

    PATH is a directory, by default this one; several are told apart by their names, and @NAME means
    the live directories of a catalog. Looked for are the patterns that ship with c2llm, those in
    .c2llm/patterns of each PATH, and those of --library. Of what is found in tests and generated
    code, or allowed by a comment, only the number is told unless --with names it.
    """
    from c2llm.analysis.pattern_report import baseline as baselines
    from c2llm.analysis.patterns.history.find import pattern_history
    from c2llm.analysis.patterns.request import PatternsRequest
    from c2llm.analysis.patterns.searching import find_patterns
    from c2llm.cli.clones.report_file import require_report
    from c2llm.cli.clones.work_trees import additions
    from c2llm.cli.search_targets import opened_trees
    from c2llm.encoding.model_folder import DEFAULT_MODEL

    started = time.perf_counter()
    to_stdout = sarif_file is not None and str(sarif_file) == "-"
    if as_json and to_stdout:
        raise UsageError("Choose one of --json and --sarif -.")
    if sarif_file is not None and not to_stdout:
        require_report(sarif_file, "patterns")
    known = None if baseline is None else baselines.Baseline.read(baseline)
    if write_baseline is not None:
        baselines.require_writable(write_baseline)
    if hints and fail_on is None:
        raise UsageError("--hints says what --fail-on counts; give that as well.")
    apart = tuple(one for one in _APART.values() if one not in wanted)
    request = PatternsRequest(apart=apart, **files)
    with opened_trees(paths, DEFAULT_MODEL, "lexical", wait=True) as indexes:
        chosen: Sequence[Pattern] = patterns([index.root for index in indexes])
        if history:
            _refuse_beside_history(
                baseline=baseline, write_baseline=write_baseline, sarif=sarif_file
            )
            from c2llm.cli.patterns.history import tell_history

            found = pattern_history(indexes, chosen, request, since, progress_bar)
            seconds = time.perf_counter() - started
            failed = _failed([one.pattern for one in found.present], found, fail_on, hints)
            tell_history(found, failed, limit, seconds, as_json=as_json)
            _end(context, failed)
            return
        added = None
        if since is not None:
            new = additions(indexes, since)
            added = {label: one.lines for label, one in new.items()}
        report = find_patterns(indexes, chosen, request, progress_bar, only_on=added)
        if write_baseline is not None:
            written = baselines.write(write_baseline, report.hits)
            hits = "hit is" if written == 1 else "hits are"
            note(f"{written} {hits} known from now on: --baseline {write_baseline}")
        if known is not None:
            report = replace(report, hits=tuple(known.new(report.hits)))
        failed = _failed([hit.pattern for hit in report.hits], report, fail_on, hints)
        if sarif_file is not None:
            _write_sarif(indexes, report, sarif_file, to_stdout=to_stdout)
    shown = report.hits[: limit if limit is not None or as_json else _PAGE]
    if as_json:
        from c2llm.analysis.pattern_report.as_json import payload

        print_json(payload(report, shown, failed, time.perf_counter() - started))
    elif not to_stdout:
        from c2llm.cli.patterns.text import told

        is_new = since is not None or baseline is not None
        for part in told(report, shown, len(report.hits), new=is_new, colored=is_colored()):
            print_painted(part)
    _end(context, failed)


def _end(context: click.Context, failed: Sequence[str]) -> None:
    """Leave with 3 where something failed."""
    for sentence in failed:
        note(f"Failed: {sentence}")
    if failed:
        context.exit(FOUND)


def _failed(
    found: Sequence[Pattern],
    report: PatternReport | PatternHistory,
    fail_on: str | None,
    hints: bool,
) -> list[str]:
    """Why the command fails, in sentences.

    Args:
        found: The pattern of each hit.
        report: What was looked for, and what of it not everywhere: whoever adds a file that takes
            too long to search must not get the rest of what he adds through with it.
        fail_on: The severity from which a hit counts.
        hints: Whether those of patterns that are hints count, too.
    """
    from c2llm.analysis.patterns.pattern import SEVERITIES

    if fail_on is None:
        return []
    counted = SEVERITIES[SEVERITIES.index(cast("Any", fail_on)) :]

    def counts(pattern: Pattern) -> bool:
        return pattern.severity in counted and (hints or not pattern.hint)

    failed: list[str] = []
    grave = [one.name for one in found if counts(one)]
    if grave:
        what = "1 hit is" if len(grave) == 1 else f"{len(grave)} hits are"
        above = "" if fail_on == "high" else " or above"
        failed.append(f"{what} {fail_on}{above} ({', '.join(dict.fromkeys(grave))}).")
    missed = [one.name for one in report.patterns if counts(one) and one.name in report.missed]
    if missed:
        failed.append(
            f"not all files were searched for {', '.join(missed)}; leave those that take too long "
            "out (--exclude)."
        )
    return failed


def _write_sarif(
    indexes: Sequence[CodeIndex], report: PatternReport, path: Path, *, to_stdout: bool
) -> None:
    from c2llm.analysis.pattern_report.as_sarif import sarif
    from c2llm.cli.clones.report_file import write_report
    from c2llm.cli.clones.work_trees import prefixes

    log = sarif(report, report.hits, prefixes(indexes))
    if to_stdout:
        print_json(log)
    else:
        write_report(path, json.dumps(log, indent=1) + "\n")


def _refuse_beside_history(**options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise UsageError(
                f"--history does not go with --{name.replace('_', '-')}; leave one out."
            )
