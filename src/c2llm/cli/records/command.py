"""`c2llm records`: results of runs, joined to the code that was run."""

from __future__ import annotations

from c2llm.cli.lazy_group import LazyGroup

_EXAMPLES = """\b
Examples:
  c2llm records import results.csv --key file:function
  c2llm records import runs.parquet --key "{script}:{class}@{commit}" --run run_id
  c2llm search "mean reversion" --where "sharpe > 1 and market = 'fx'" --sort -sharpe
  c2llm records show --where "max_drawdown < 0.1 and not stale" --sort -sharpe
  c2llm similar strategies/new.py:12 --records        how code like it did
"""

# subcommand -> (module, one-line help)
command = LazyGroup(
    "records",
    {
        "import": ("c2llm.cli.records.import_file", "Join a file of results to the code."),
        "show": ("c2llm.cli.records.show", "List records, by a condition and in an order."),
        "list": ("c2llm.cli.records.sources", "List what was imported, and the columns."),
        "export": ("c2llm.cli.records.export", "Write records as CSV, JSON or JSON lines."),
        "remove": ("c2llm.cli.records.remove", "Forget an import, or all of them."),
    },
    help="Join what was measured of code to the code, and find code by it.",
    epilog=_EXAMPLES,
)
