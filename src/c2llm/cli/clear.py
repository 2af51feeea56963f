"""`c2llm clear`: remove the index of a repository."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from c2llm.cli.output import print_json

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm clear
  c2llm clear ~/src/gone
  c2llm clear --all
  c2llm clear --cache           vectors that all indexes share
"""


@click.command("clear", epilog=_EXAMPLES)
@click.argument("path", default=".", metavar="[PATH]")
@click.option("--all", "clear_all", is_flag=True, help="Remove every index of this user.")
@click.option("--cache", "clear_cache", is_flag=True, help="Remove the vectors that indexes share.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(path: str, clear_all: bool, clear_cache: bool, as_json: bool) -> None:
    """Remove the index of a repository.

    PATH is the directory that was indexed, by default this one; it need not exist any more. The
    repository itself is not touched. Vectors that were made stay in a cache, from which another
    index of the same code takes them; --cache removes that, and only that.
    """
    from c2llm.index.store.location import all_index_files, cache_file, index_file, remove_index

    if clear_cache:
        files = [*(all_index_files() if clear_all else ()), cache_file()]
    else:
        files = all_index_files() if clear_all else [index_file(Path(path).expanduser())]
    removed = [str(file) for file in files if remove_index(file)]
    if as_json:
        print_json({"removed": removed})
        return
    for file in removed:
        sys.stdout.write(f"removed {file}\n")
    if not removed:
        sys.stdout.write("There is no index to remove.\n")
