"""`c2llm catalog clear`: remove what is kept of a catalog."""

from __future__ import annotations

import click

from c2llm.cli.output import print_json, print_line


@click.command("clear")
@click.argument("name")
@click.option("--clones", is_flag=True, help="What was fetched too; else it stays for a refresh.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(name: str, clones: bool, as_json: bool) -> None:
    """Remove what the catalog NAME keeps: its store, and with --clones what was fetched.

    The list of repositories stays, and c2llm catalog refresh reads them again. Directories of yours
    and their own indexes are not touched.
    """
    from c2llm.index.catalog.catalogs import catalog_named
    from c2llm.index.catalog.kept import remove_kept

    catalog = catalog_named(name)
    size = remove_kept(name, catalog.store, clones=clones)
    if as_json:
        print_json({"catalog": name, "removed_bytes": size})
        return
    print_line(f"@{name}: {size / 1e6:,.1f} MB removed.")
