"""`c2llm catalog remove`: take repositories out of a catalog, or remove it."""

from __future__ import annotations

import click

from c2llm.cli.output import note, print_json, print_line


@click.command("remove")
@click.argument("name")
@click.argument("sources", nargs=-1, metavar="[REPOSITORY]…")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(name: str, sources: tuple[str, ...], as_json: bool) -> None:
    """Take repositories out of the catalog NAME, or remove all of it.

    REPOSITORY is its name in the catalog, its directory or its URL. What was kept of it is removed
    with its clone; directories of yours, and their own indexes, are not touched.
    """
    from c2llm.errors import C2LLMError
    from c2llm.index.catalog.catalogs import remove_from_catalog
    from c2llm.index.catalog.kept import forget, remove_kept

    left, gone = remove_from_catalog(name, sources)
    try:
        if left is None:
            remove_kept(name)
        else:
            forget(left, gone)
    except C2LLMError as error:
        note(f"{error} What was kept of them goes with the next refresh.")
    if as_json:
        print_json(
            {
                "catalog": name,
                "removed": [entry.name for entry in gone],
                "repositories": 0 if left is None else len(left.entries),
            }
        )
        return
    if left is None:
        print_line(f"@{name} is gone.")
    else:
        print_line(f"@{name}: {len(gone)} removed, {len(left.entries)} left.")
