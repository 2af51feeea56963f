"""`c2llm records show`: list records, by a condition and in an order."""

from __future__ import annotations

import click

from c2llm.cli.numbers import count
from c2llm.cli.output import note, print_json, print_line

_MOST_COLUMNS = 6
_EXAMPLES = """\b
Examples:
  c2llm records show --sort -sharpe -k 5
  c2llm records show --where "market = 'fx' and max_drawdown < 0.1"
  c2llm records show --where "symbol = 'MeanReversion'"      of one definition
  c2llm records show --where stale                           whose code was changed since
"""


@click.command("show", epilog=_EXAMPLES)
@click.argument("path", default=".", metavar="[PATH]")
@click.option("--where", metavar="CONDITION", help="Only records that meet this.")
@click.option("--sort", metavar="COLUMN", help="By this column; -COLUMN: largest first.")
@click.option("-k", "k", type=count(), default=50, show_default=True, help="Number of records.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(path: str, where: str | None, sort: str | None, k: int, as_json: bool) -> None:
    """List the records of PATH, by default this directory, without a question.

    A condition is what stands behind WHERE in SQL: comparisons of columns, and, or, not, in,
    between, like, is null, and arithmetic. Text stands in single quotes, a column whose name has
    other signs than letters, digits, _ and . in double ones. Beside the imported columns there are
    path, symbol, revision, run and stale. A comparison with a missing value is never met, and its
    opposite neither.
    """
    from c2llm.cli.records.chosen import chosen, code_of, table
    from c2llm.index.store.imported.record_text import state_told, written
    from c2llm.search.answers.as_json import record_as_json

    found, columns = chosen(path, where, sort)
    shown = found[:k]
    if as_json:
        records = [
            {**record_as_json(one), "code": code_of(one) if one.path else None} for one in shown
        ]
        print_json({"count": len(found), "records": records})
        return
    named = [one for one in columns if any(one.name in record.values for record in shown)]
    by_sort = (sort or "").lstrip("-").casefold()
    named.sort(key=lambda one: one.name.casefold() != by_sort)
    more, named = len(named) - _MOST_COLUMNS, named[:_MOST_COLUMNS]
    has_runs = any(record.key.run or record.key.revision for record in shown)
    header = ["code", "symbol", *(["run"] if has_runs else []), *(one.name for one in named), ""]
    rows = [
        [
            code_of(one),
            one.symbol or one.key.symbol,
            *([f"{one.key.run} {one.key.revision[:12]}".strip()] if has_runs else []),
            *(written(one.values.get(column.name)) for column in named),
            state_told(one),
        ]
        for one in shown
    ]
    first = len(header) - len(named) - 1
    numbers = [first + n for n, one in enumerate(named) if one.types == {"number"}]
    if rows:
        for line in table(header, rows, right=numbers):
            print_line(line)
    if not rows and columns:
        note("No record meets this.")
    if more > 0:
        note(f"{more} more columns: --json tells them all.")
    if len(found) > k:
        note(f"{len(found) - k:,} more records: -k {len(found)}")
