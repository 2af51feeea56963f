"""`c2llm catalog add`: put repositories into a catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from c2llm.cli.output import counted, note, print_json, print_line
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.index.catalog.sources import Found

_TOLD = 5

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm catalog add work ~/src/api ~/src/web
  c2llm catalog add org https://github.com/acme/api.git git@github.com:acme/web.git
  c2llm catalog add org --folder ~/mirror
  c2llm catalog add org --from repositories.json --no-archived --no-forks
  gh api --paginate orgs/acme/repos | c2llm catalog add org --from -
"""


@click.command("add", epilog=_EXAMPLES)
@click.argument("name")
@click.argument("sources", nargs=-1, metavar="[SOURCE]…")
@click.option(
    "--folder", "folders", multiple=True, metavar="DIR", help="All repositories in a folder."
)
@click.option(
    "--from",
    "lists",
    multiple=True,
    metavar="FILE",
    help="A list: what GitHub or GitLab export as JSON, or a path or URL a line; - is stdin.",
)
@click.option("--kept", is_flag=True, help="Keep the last commit of directories, not their files.")
@click.option("--ssh", is_flag=True, help="Of an export take the URLs of ssh.")
@click.option("--archived/--no-archived", default=True, help="Of an export: archived ones too.")
@click.option("--forks/--no-forks", default=True, help="Of an export: forks too.")
@click.option(
    "--store",
    metavar="ADDRESS",
    help="Where a new catalog keeps what it reads; by default a file of its own.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    name: str,
    sources: tuple[str, ...],
    folders: tuple[str, ...],
    lists: tuple[str, ...],
    kept: bool,
    ssh: bool,
    archived: bool,
    forks: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Add repositories to the catalog NAME, which is made if there is none.

    SOURCE is a directory or the URL of a git repository (https, ssh, git@HOST:PATH, file). Nothing
    is fetched or read before c2llm catalog refresh. A password in a URL is kept in a file that only
    you can read, and never shown; git's own credential helpers are the better place for it.
    """
    from c2llm.index.catalog.catalogs import add_to_catalog
    from c2llm.index.store.catalog.opening import whole_address

    if store:
        store = whole_address(store)
    found = _found(sources, folders, lists, kept=kept, ssh=ssh, archived=archived, forks=forks)
    if not found.candidates:
        raise UsageError("Name a directory or a URL, or give --folder or --from.")
    added = add_to_catalog(name, found.candidates, store)
    if found.has_secrets:
        note(
            "A URL has a password or token: it is kept in catalogs.json, which only you can read. "
            "Better give it to a credential helper: git help credentials"
        )
    for why in found.unusable[:_TOLD]:
        note(f"Left out: {why}")
    if len(found.unusable) > _TOLD:
        note(f"Left out: {len(found.unusable) - _TOLD} more.")
    total = len(added.catalog.entries)
    if as_json:
        print_json(
            {
                "catalog": name,
                "added": [
                    {"name": one.name, "source": one.source, "live": one.live} for one in added.new
                ],
                "present": [one.name for one in added.there],
                "unusable": found.unusable,
                "left_out": found.left_out,
                "repositories": total,
            }
        )
        return
    there = f", {counted(len(added.there), 'was', 'were')} there" if added.there else ""
    left = f", {found.left_out} left out (archived or forks)" if found.left_out else ""
    print_line(f"@{name}: {len(added.new)} added{there}{left}; {total} in all.")
    if any(not entry.live for entry in added.new):
        note(f"Fetch and read them: c2llm catalog refresh {name}")


def _found(
    sources: tuple[str, ...],
    folders: tuple[str, ...],
    lists: tuple[str, ...],
    *,
    kept: bool,
    ssh: bool,
    archived: bool,
    forks: bool,
) -> Found:
    import sys
    from pathlib import Path

    from c2llm.index.catalog.sources import (
        decoded_list,
        listed_in,
        named_sources,
        read_list,
        repositories_in,
    )
    from c2llm.index.store.location import user_path

    found = named_sources(sources, kept=kept)
    parts = [repositories_in(folder) for folder in folders]
    for file in lists:
        path = user_path(file)
        text = (
            decoded_list(sys.stdin.buffer.read(), "What came from standard input")
            if file == "-"
            else read_list(path)
        )
        base = Path() if file == "-" else path.parent
        parts.append(listed_in(text, base, ssh=ssh, archived=archived, forks=forks))
    for part in parts:
        found.candidates += part.candidates
        found.unusable += part.unusable
        found.left_out += part.left_out
        found.has_secrets |= part.has_secrets
    return found
