"""`c2llm clear`: remove the index of a repository."""

from __future__ import annotations

import click

from c2llm.cli.output import note, print_json, print_line
from c2llm.errors import UsageError

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm clear
  c2llm clear ~/src/gone
  c2llm clear --vanished        indexes of directories that are gone
  c2llm clear --all             those of catalogs too
  c2llm clear --cache           vectors that all indexes share
"""


@click.command("clear", epilog=_EXAMPLES)
@click.argument("path", default=".", metavar="[PATH]")
@click.option(
    "--all",
    "clear_all",
    is_flag=True,
    help="Remove every index of this user, and what catalogs keep.",
)
@click.option("--vanished", is_flag=True, help="Remove the indexes whose directory is gone.")
@click.option("--cache", "clear_cache", is_flag=True, help="Remove the vectors that indexes share.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(path: str, clear_all: bool, vanished: bool, clear_cache: bool, as_json: bool) -> None:
    """Remove the index of a repository.

    PATH is the directory that was indexed, by default this one; it need not exist any more. The
    repository itself is not touched. Vectors that were made stay in a cache, from which another
    index of the same code takes them; --cache removes that, and only that. Records that were
    imported stay too (c2llm records remove), and so do the lists of catalogs (c2llm catalog
    remove). While another process writes the index, that is waited for, and told if it takes longer
    than ten seconds.
    """
    from pathlib import Path

    from c2llm.index.catalog.catalogs import SIGN
    from c2llm.index.store.imported.record_file import SUFFIX
    from c2llm.index.store.inventory import kept_indexes
    from c2llm.index.store.location import (
        all_index_files,
        cache_file,
        index_file,
        remove_index,
        user_path,
    )

    if path.startswith(SIGN) and not Path(path).exists():
        raise UsageError(f"{path} is a catalog; use c2llm catalog clear {path[1:]}.")
    if vanished and (clear_all or clear_cache):
        raise UsageError("Give --vanished alone; --all removes those indexes as well.")
    if vanished:
        files = [Path(kept.index_file) for kept in kept_indexes() if kept.vanished]
    elif clear_cache:
        files = [*(all_index_files() if clear_all else ()), cache_file()]
    else:
        files = all_index_files() if clear_all else [index_file(user_path(path))]
    removed = [str(file) for file in files if remove_index(file)]
    if clear_all:
        removed += _clear_catalogs()
    for index in files:
        if index.with_suffix(SUFFIX).exists():
            note(f"{index.stem}: its records stay; to drop them: c2llm records remove --all")
    if as_json:
        print_json({"removed": removed})
        return
    for file in removed:
        print_line(f"removed {file}")
    if not removed:
        print_line("There is no index to remove.")


def _clear_catalogs() -> list[str]:
    """Remove what is kept of every catalog; gives their folders."""
    from c2llm.index.catalog.catalogs import catalog_folder, load_catalogs
    from c2llm.index.catalog.kept import kept_catalogs, remove_kept

    listed = load_catalogs()
    names = sorted({*kept_catalogs(), *(one.name for one in listed.values() if one.store)})
    stores = {name: listed[name].store if name in listed else "" for name in names}
    return [str(catalog_folder(name)) for name, store in stores.items() if remove_kept(name, store)]
