"""`c2llm records export`: records as CSV, JSON or JSON lines, on stdout."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal

import click

from c2llm.cli.output import print_data, print_json

if TYPE_CHECKING:
    from c2llm.index.store.imported.record import Column, Record, Value

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes a text for a formula by."""


@click.command("export")
@click.argument("path", default=".", metavar="[PATH]")
@click.option("--where", metavar="CONDITION", help="Only records that meet this.")
@click.option("--sort", metavar="COLUMN", help="By this column; -COLUMN: largest first.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json", "jsonl"]),
    default="csv",
    show_default=True,
    help="CSV is for spreadsheets too: a text that they would run gets a ' before it.",
)
def command(
    path: str, where: str | None, sort: str | None, form: Literal["csv", "json", "jsonl"]
) -> None:
    """Write the records of PATH, by default this directory, to standard output.

    Each has path, symbol, revision and run, whether it is stale, and the imported columns.
    """
    from c2llm.cli.records.chosen import chosen

    found, columns = chosen(path, where, sort)
    names = [one.name for one in columns]
    if form == "csv":
        print_data(as_csv(found, columns))
    elif form == "json":
        print_json({"records": [_row(one, names) for one in found]})
    else:
        for one in found:
            print_json(_row(one, names))


def _row(record: Record, columns: Collection[str]) -> dict[str, Any]:
    """A record as one object; of ours, what an imported column has the name of is `key.NAME`."""
    own = {**record.key._asdict(), "state": record.state}
    return {_called(name, columns): value for name, value in own.items()} | dict(record.values)


def _called(name: str, columns: Collection[str]) -> str:
    return f"key.{name}" if name in columns else name


def as_csv(records: Sequence[Record], columns: Sequence[Column]) -> str:
    """The records as a CSV file, texts that a spreadsheet would run made harmless."""
    from c2llm.index.store.imported.record import Key

    names = [one.name for one in columns]
    own = [_called(name, names) for name in (*Key._fields, "state")]
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([_harmless(name) for name in (*own, *names)])
    for one in records:
        row = _row(one, names)
        lines.writerow([_cell(row.get(name)) for name in (*own, *names)])
    return text.getvalue()


def _cell(value: Value | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _harmless(value) if isinstance(value, str) else repr(value)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
