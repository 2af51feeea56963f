"""`c2llm status`: what is indexed, what is stale, what was left out."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from c2llm.cli.config import config_option
from c2llm.cli.output import print_json
from c2llm.encoding.model_folder import DEFAULT_MODEL

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm status
  c2llm status ~/src/project --skipped
  c2llm status --json | jq .changed
  c2llm status --config         what you have set, and where
"""


@click.command("status", epilog=_EXAMPLES)
@click.argument("path", default=".", metavar="[PATH]")
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="Model to count vectors of."
)
@click.option("--skipped", "list_skipped", is_flag=True, help="Name each file that is left out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@config_option
def command(path: str, model: str, list_skipped: bool, as_json: bool) -> None:
    """Tell what is indexed, what is stale, what was skipped.

    PATH is a directory, by default this one. Nothing is indexed or changed by asking.
    """
    from c2llm.index.build.index_status import read_status

    status = read_status(path, model)
    if as_json:
        print_json(asdict(status))
        return
    write = sys.stdout.write
    write(f"root      {status.root}\n")
    if not status.indexed:
        write(f"index     none yet ({status.changed} files to read); make it: c2llm index {path}\n")
    else:
        write(f"index     {status.index_file} ({status.size_bytes / 1e6:.1f} MB)\n")
        write(f"files     {status.files}{_listed(status.languages)}\n")
        write(f"lexical   {status.chunks} chunks, all of them\n")
        if status.table_model:
            write(f"table     {status.table} have vectors of {status.table_model}\n")
        deep = f"deep      {status.embedded} have vectors of {status.model}"
        if status.embedded < status.chunks:
            deep += (
                "; more are being made"
                if status.embedding
                else f"; for all of them: c2llm index --complete {path}"
            )
        write(deep + "\n")
        if status.models:
            write(f"vectors  {_listed(status.models)}\n")
        fresh = not status.changed and not status.removed
        stale = f"{status.changed} new or changed files, {status.removed} removed"
        watched = ", and watched" if status.watched else ""
        write(f"fresh     {'yes' if fresh else 'no: ' + stale}{watched}\n")
    write(f"skipped   {len(status.skipped)}{_listed(status.skipped_by_reason)}\n")
    if list_skipped:
        for skip in status.skipped:
            write(f"  {skip.reason:<20} {skip.path!r}\n")


def _listed(counts: dict[str, int]) -> str:
    """Counts in brackets, or nothing."""
    if not counts:
        return ""
    return " (" + ", ".join(f"{count} {name}" for name, count in counts.items()) + ")"
