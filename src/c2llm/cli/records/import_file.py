"""`c2llm records import`: join a file of results to the code that they are about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.output import note, print_json, print_line

if TYPE_CHECKING:
    from c2llm.analysis.records.importing import ImportReport

_SHOWN = 10
_EXAMPLES = """\b
Examples:
  c2llm records import results.csv --key file                the whole file
  c2llm records import results.csv --key file:function       a function or a class in it
  c2llm records import results.csv --key strategy            values like a/b.py:run@1a2b3c
  c2llm records import runs.jsonl --key "src/{name}.py:{class}.fit@{git.commit}"
  c2llm records import mlruns.csv --key "{tags.mlflow.source.name}" --run run_id
\b
Then:
  c2llm search "momentum" --where "sharpe > 1 and market = 'fx'" --sort -sharpe
"""


@click.command("import", epilog=_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("path", default=".", metavar="[PATH]")
@click.option(
    "--key",
    metavar="PATH[:SYMBOL[@REVISION]]",
    help="The columns that name the code, or a template such as '{file}:{function}'.",
)
@click.option("--run", metavar="COLUMN", help="What tells several runs of the same code apart.")
@click.option("--name", help="What the import is called.  [default: the name of FILE]")
@click.option(
    "--replace", is_flag=True, help="Forget first what was imported under this name before."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    file: Path,
    path: str,
    key: str | None,
    run: str | None,
    name: str | None,
    replace: bool,
    as_json: bool,
) -> None:
    """Join a file of results to the code of PATH, by default this directory.

    FILE is CSV, JSON, JSON lines or Parquet, a row for each result. --key says which columns name
    the code: a path, as it is from any machine or as Python names a module, a function or class in
    it, and the revision that was run. All other columns become what can be asked of the code: in
    search --where, --sort and --group-by. Of several rows about the same code the last one counts,
    unless --run tells them apart.

    Rows without code are left out and told. The same import made again changes nothing; a row with
    other values takes the place of the one before. When the code changes later, its records are
    told as stale.
    """
    from c2llm.analysis.records.importing import import_results
    from c2llm.cli.output import progress_bar
    from c2llm.search.code_index import CodeIndex

    with CodeIndex.open(path, embed="none", progress_bar=progress_bar, note=note) as index:
        report = import_results(index, file, key, name=name, run=run, replace=replace)
    if as_json:
        print_json(_as_json(report))
        return
    print_line(_told(report))
    for one in report.columns:
        kinds = " or ".join(sorted(one.types))
        print_line(f"  {one.name}  {kinds}{f' in {one.unit}' if one.unit else ''}")
    for sentence in _notes(report):
        note(sentence)


def _told(report: ImportReport) -> str:
    changed = "nothing had changed" if not report.changed else f"{report.changed:,} new or changed"
    return f"{report.name}: {report.rows:,} rows, {report.records:,} with code; {changed}."


def _notes(report: ImportReport) -> list[str]:
    notes = [f"{one.key}: {one.reason}" for one in report.unmatched[:_SHOWN]]
    more = len(report.unmatched) - _SHOWN
    if more > 0:
        notes.append(f"{more:,} more rows have no code here.")
    counted = {
        "rows have no path in their key.": report.without_key,
        "rows are about code that a later row is about too; the last counts (--run COLUMN keeps "
        "them all).": report.repeated,
        "numbers are infinite or none, and count as missing.": report.infinite,
        "records name a revision that is not to be had here, so that nobody can tell whether they "
        "are stale.": report.unknown_revisions,
    }
    return notes + [f"{count:,} {told}" for told, count in counted.items() if count]


def _as_json(report: ImportReport) -> dict[str, Any]:
    return {
        "name": report.name,
        "rows": report.rows,
        "records": report.records,
        "changed": report.changed,
        "columns": [
            {
                "name": one.name,
                "types": sorted(one.types),
                **({"unit": one.unit} if one.unit else {}),
            }
            for one in report.columns
        ],
        "repeated": report.repeated,
        "without_key": report.without_key,
        "not_finite": report.infinite,
        "unknown_revisions": report.unknown_revisions,
        "unmatched": [{"key": one.key, "reason": one.reason} for one in report.unmatched],
    }
