"""`c2llm records list`: what was imported, and the columns that there are."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from c2llm.cli.output import note, print_json, print_line


@click.command("list")
@click.argument("path", default=".", metavar="[PATH]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(path: str, as_json: bool) -> None:
    """List what was imported for PATH, by default this directory, and the columns to ask for."""
    from c2llm.index.store.imported.record_file import RecordFile
    from c2llm.index.store.imported.resolving import quoted
    from c2llm.index.store.location import index_file, user_path

    file = RecordFile(index_file(user_path(path)))
    sources, columns = file.sources(), list(file.columns().values())
    file.close()
    if as_json:
        print_json(
            {
                "imports": [
                    {
                        "name": one.name,
                        "file": one.file,
                        "imported": one.imported,
                        "records": one.records,
                        "columns": [column.name for column in one.columns],
                    }
                    for one in sources
                ],
                "columns": [
                    {"name": one.name, "types": sorted(one.types), "unit": one.unit}
                    for one in columns
                ],
            }
        )
        return
    for one in sources:
        when = datetime.fromtimestamp(one.imported).astimezone().isoformat(" ", "minutes")
        print_line(f"{one.name}  {one.records:,} records  {when[:16]}  {Path(one.file)}")
    for column in columns:
        kinds = " or ".join(sorted(column.types))
        print_line(f"  {quoted(column.name)}  {kinds}{f' in {column.unit}' if column.unit else ''}")
    if not sources:
        note("No records are imported here; see: c2llm records import --help")
