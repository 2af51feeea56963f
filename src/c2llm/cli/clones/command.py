"""`c2llm clones`: find code that is written more than once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import click

from c2llm.cli.numbers import Finite, count
from c2llm.cli.output import note, print_json, print_painted, progress_bar
from c2llm.cli.streams import is_colored
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.analysis.clone_report.member_code import MemberCode
    from c2llm.analysis.clone_report.selection import Selection
    from c2llm.analysis.clone_report.thresholds import Allowance, FailOn
    from c2llm.analysis.clones.clone_class import CloneType, Role
    from c2llm.search.code_index import CodeIndex

Format = Literal["text", "json", "sarif", "html"]

FOUND = 3
"""Exit code where `--fail-on` found something."""
_PAGE = 20
"""Classes that a reader at a terminal is shown at once."""
_ROLES: dict[str, Role] = {
    "tests": "test",
    "generated": "generated",
    "idioms": "idiom",
}
_SUFFIXES: dict[str, Format] = {
    ".json": "json",
    ".sarif": "sarif",
    ".html": "html",
    ".htm": "html",
}

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm clones                              what could be saved most comes first
  c2llm clones src --diff                   and what differs between the copies
  c2llm clones api web worker               within and across repositories
  c2llm clones --type 1,2 --min-lines 10    only long ones that differ in names at most
  c2llm clones --with tests,idioms          what is set apart otherwise
  c2llm clones -o report.html               a page; also .sarif and .json
\b
In a check of a pull request, exit code 3 where it adds a copy:
  c2llm clones --since origin/main --fail-on new --diff
\b
With what is there already accepted, once and then always:
  c2llm clones --write-baseline clones.json
  c2llm clones --baseline clones.json --fail-on new
\b
With limits, others for some paths:
  c2llm clones --fail-on 5% --allow 'legacy/**=30' --allow 'vendor/**=100'
"""


def _types(_: click.Context, __: click.Parameter, value: str) -> tuple[CloneType, ...]:
    kinds = [word.strip() for word in value.split(",")]
    if not set(kinds) <= {"1", "2", "3", "4"}:
        raise click.BadParameter(f"{value!r} is none; name some of 1,2,3,4.")
    return tuple(cast("CloneType", int(kind)) for kind in dict.fromkeys(kinds))


def _roles(_: click.Context, __: click.Parameter, values: Sequence[str]) -> frozenset[Role]:
    words = [word.strip().lower() for value in values for word in value.split(",")]
    unknown = [word for word in words if word not in (*_ROLES, "all")]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(_ROLES)} and all.")
    return frozenset(_ROLES.values() if "all" in words else (_ROLES[word] for word in words))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is checked before any work is done."""

    form: Format
    output: Path | None
    fail_on: FailOn
    allowances: tuple[Allowance, ...]
    limit: int | None


@click.command("clones", epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--type",
    "types",
    default="1,2,3,4",
    show_default=True,
    callback=_types,
    metavar="LIST",
    help="1 the same code, 2 other names, 3 other statements too, 4 the same behaviour.",
)
@click.option(
    "--min-lines",
    type=count(),
    metavar="N",
    show_default="3",
    help="Lines that a copy has at least.",
)
@click.option(
    "--min-tokens",
    type=count(),
    metavar="N",
    show_default="25",
    help="Tokens that a copy has at least.",
)
@click.option(
    "--similarity",
    type=Finite(0, 1),
    metavar="S",
    help="How alike functions are at least that differ in statements, up to 1.",
)
@click.option("--lang", "languages", multiple=True, help="Only this language; repeatable.")
@click.option("--include", multiple=True, metavar="GLOB", help="Only paths like this.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="No paths like this.")
@click.option(
    "--with",
    "roles",
    multiple=True,
    callback=_roles,
    metavar="KINDS",
    help="Also tests, generated, idioms (or all), else only counted.",
)
@click.option(
    "--since", metavar="REV", help="Only what was added since this revision, committed or not."
)
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
    multiple=True,
    metavar="WHAT",
    help="Exit with 3 on any class, on a new one, or on more than N% of the lines.",
)
@click.option(
    "--allow",
    multiple=True,
    metavar="GLOB=N",
    help="Another share in percent for these paths; 100 lets all of them pass.",
)
@click.option("--diff", is_flag=True, help="What differs from the first copy, lines aligned.")
@click.option("-k", "k", type=count(), show_default="20 as text", help="Number of classes.")
@click.option(
    "--offset",
    type=count(0),
    default=0,
    metavar="N",
    help="Leave the first N classes out: the next page.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "html"]),
    help="By default as -o ends, else text.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file instead of stdout.",
)
@click.pass_context
def command(
    context: click.Context,
    /,
    paths: tuple[str, ...],
    roles: frozenset[Role],
    since: str | None,
    baseline: Path | None,
    write_baseline: Path | None,
    fail_on: tuple[str, ...],
    allow: tuple[str, ...],
    diff: bool,
    k: int | None,
    offset: int,
    form: Format | None,
    as_json: bool,
    output: Path | None,
    **asked: Any,
) -> None:
    """Find code that is written more than once, within and across repositories and languages.

    PATH is a directory, by default this one; several are compared with each other, and @NAME means
    the live directories of a catalog. What is found are classes: all the places of one piece of
    code, and not pairs of them. Tests, generated code and idioms are only counted unless --with
    names them; functions that are hardly alike (loose) come last.
    """
    from c2llm.analysis.clone_report import baseline as baselines
    from c2llm.analysis.clone_report.member_code import MemberCode
    from c2llm.analysis.clone_report.selection import select
    from c2llm.analysis.clone_report.thresholds import failures
    from c2llm.analysis.clones.find import find_clones
    from c2llm.cli.clones.work_trees import diffed_trees
    from c2llm.cli.search_targets import opened_trees
    from c2llm.encoding.model_folder import DEFAULT_MODEL

    started = time.perf_counter()
    checked = _checked(form, as_json, output, fail_on, allow, since, baseline, k)
    request = _request(roles, asked)
    known = None if baseline is None else baselines.Baseline.read(baseline)
    if write_baseline is not None:
        baselines.require_writable(write_baseline)
    with opened_trees(paths, DEFAULT_MODEL, "lexical", wait=True) as indexes:
        code = MemberCode.of(indexes)
        diffed = None if since is None else diffed_trees(indexes, since, code)
        report = find_clones(indexes, request, progress_bar)
        selection = select(
            report,
            added_to=None if diffed is None else diffed.added_to,
            is_known=None if known is None else lambda clone: known.has(clone, code),
            limit=checked.limit,
            offset=offset,
            since=since,
            baseline=None if baseline is None else str(baseline),
        )
        files = {index.label: index.paths() for index in indexes} if checked.allowances else {}
        failed = list(failures(selection, checked.fail_on, checked.allowances, files, code))
        seconds = time.perf_counter() - started
        _tell(indexes, selection, code, checked, failed, seconds, diff=diff)
        if write_baseline is not None:
            written = baselines.write(write_baseline, report.classes, code)
            classes = "class is" if written == 1 else "classes are"
            note(f"{written} {classes} known from now on: --baseline {write_baseline}")
    for sentence in failed:
        note(f"Failed: {sentence}")
    if failed:
        context.exit(FOUND)


def _checked(
    form: Format | None,
    as_json: bool,
    output: Path | None,
    fail_on: Sequence[str],
    allow: Sequence[str],
    since: str | None,
    baseline: Path | None,
    k: int | None,
) -> _Asked:
    from c2llm.analysis.clone_report.thresholds import parse_allowance, parse_fail_on
    from c2llm.cli.clones.report_file import require_report

    if as_json and form not in (None, "json"):
        raise UsageError(f"Choose one of --json and --format {form}.")
    if as_json:
        form = "json"
    if form is None:
        form = "text" if output is None else _SUFFIXES.get(output.suffix.lower(), "text")
    if allow and not fail_on:
        raise UsageError("--allow changes what --fail-on asks for; give that too.")
    tells_new = since is not None or baseline is not None
    if output is not None:
        require_report(output)
    limit = k if k is not None or form != "text" else _PAGE
    return _Asked(
        form,
        output,
        parse_fail_on(fail_on, tells_new=tells_new),
        tuple(map(parse_allowance, allow)),
        limit,
    )


def _request(roles: frozenset[Role], asked: dict[str, Any]) -> Any:
    """The request that the options make; what is not given is as it is by default."""
    from c2llm.analysis.clones.request import ClonesRequest

    given = {name: value for name, value in asked.items() if value is not None}
    apart = tuple(role for role in _ROLES.values() if role not in roles)
    return ClonesRequest(apart=apart, **given)


def _tell(
    indexes: Sequence[CodeIndex],
    selection: Selection,
    code: MemberCode,
    checked: _Asked,
    failed: Sequence[str],
    seconds: float,
    *,
    diff: bool,
) -> None:
    """Write the report where it belongs."""
    from c2llm.cli.clones.report_file import write_report

    if checked.form == "text":
        from c2llm.cli.clones.text import told

        colored = checked.output is None and is_colored()
        text: Iterator[str] | str = told(selection, code, diff=diff, colored=colored)
    elif checked.form == "html":
        from c2llm.analysis.clone_report.as_html import page

        text = page(selection, code, failed)
    else:
        payload = _payload(indexes, selection, code, checked, failed, seconds, diff=diff)
        if checked.output is None:
            print_json(payload)
            return
        text = json.dumps(payload, indent=1 if checked.form == "sarif" else None) + "\n"
    if checked.output is not None:
        write_report(checked.output, "".join(text))
        return
    for part in [text] if isinstance(text, str) else text:
        print_painted(part)


def _payload(
    indexes: Sequence[CodeIndex],
    selection: Selection,
    code: MemberCode,
    checked: _Asked,
    failed: Sequence[str],
    seconds: float,
    *,
    diff: bool,
) -> dict[str, Any]:
    if checked.form == "sarif":
        from c2llm.analysis.clone_report.as_sarif import sarif
        from c2llm.cli.clones.work_trees import prefixes

        return sarif(selection, prefixes(indexes))
    from c2llm.analysis.clone_report.as_json import payload

    return payload(selection, code, failed, seconds, diff=diff)
