"""`c2llm catalog list`: the catalogs of this user."""

from __future__ import annotations

from typing import Any

import click

from c2llm.cli.output import note, print_json, print_line


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the catalogs."""
    from c2llm.index.catalog.catalogs import load_catalogs

    catalogs = [catalog for _, catalog in sorted(load_catalogs().items())]
    if as_json:
        said: dict[str, Any] = {
            "catalogs": [
                {
                    "name": one.name,
                    "live": len(one.live),
                    "kept": len(one.kept),
                    "store": one.shown_store or None,
                }
                for one in catalogs
            ]
        }
        if context.parent is not None and context.parent.info_name == "workspace":
            said["workspaces"] = {one.name: [entry.path for entry in one.live] for one in catalogs}
        print_json(said)
        return
    if not catalogs:
        note("There is no catalog; make one: c2llm catalog add NAME SOURCE…")
    for one in catalogs:
        parts = [f"{len(one.live)} live"] if one.live else []
        parts += [f"{len(one.kept)} kept"] if one.kept else []
        print_line(f"@{one.name}  {', '.join(parts)}")
