"""`c2llm records remove`: forget an import, or all of them."""

from __future__ import annotations

import click

from c2llm.cli.output import print_json, print_line
from c2llm.errors import UsageError


@click.command("remove")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "remove_all", is_flag=True, help="All records of the directory.")
@click.option("--of", "path", default=".", metavar="PATH", help="The directory, if not this one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(names: tuple[str, ...], remove_all: bool, path: str, as_json: bool) -> None:
    """Forget what was imported under NAME, or all records of a directory.

    The results files are not touched, nor is the index. `c2llm records list` tells the names.
    """
    from c2llm.index.store.imported.record_file import RecordFile
    from c2llm.index.store.location import index_file, user_path

    if remove_all == bool(names):
        raise UsageError("Name the imports to forget, or give --all.")
    file = RecordFile(index_file(user_path(path)))
    known = [one.name for one in file.sources()] if not remove_all else []
    if unknown := [name for name in names if name not in known]:
        there = f"there are: {', '.join(known)}" if known else "there is none"
        raise UsageError(f"Nothing was imported as {unknown[0]!r:.80}; {there}.")
    removed = list(names)
    if remove_all:
        removed = [str(file.path)] if file.remove_all() else []
    else:
        for name in names:
            file.remove(name)
    file.close()
    if as_json:
        print_json({"removed": removed})
        return
    for name in removed:
        print_line(f"removed {name}")
    if not removed:
        print_line("There are no records to remove.")
