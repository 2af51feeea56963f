"""`c2llm catalog show`: the repositories of a catalog, and how fresh they are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.output import counted, note, print_json, print_line

if TYPE_CHECKING:
    from c2llm.index.catalog.status import RepositoryStatus

_TOLD = 20


@click.command("show")
@click.argument("name")
@click.option("--stale", "only_stale", is_flag=True, help="Only those that were not refreshed.")
@click.option("--failed", "list_failed", is_flag=True, help="Name each file that cannot be read.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(name: str, only_stale: bool, list_failed: bool, as_json: bool) -> None:
    """List the repositories of the catalog NAME, and how fresh they are.

    Nothing is fetched or opened for this: it is what the last refresh found. A repository that
    could not be had then keeps the state of the last time that it could.
    """
    show(name, only_stale=only_stale, list_failed=list_failed, as_json=as_json)


def show(
    name: str, *, only_stale: bool = False, list_failed: bool = False, as_json: bool = False
) -> None:
    """What the verb prints; `c2llm status @NAME` prints it too."""
    from c2llm.index.catalog.catalogs import catalog_named
    from c2llm.index.catalog.kept import kept_bytes
    from c2llm.index.catalog.status import catalog_status

    catalog = catalog_named(name)
    status = catalog_status(catalog)
    shown = [one for one in status.repositories if one.is_stale or not only_stale]
    size = kept_bytes(name)
    if as_json:
        print_json(
            {
                "catalog": name,
                "store": catalog.shown_store or None,
                "repositories": [_as_json(one) for one in shown],
                "contents": status.contents,
                "chunks": status.chunks,
                "vectors": status.vectors,
                "store_bytes": size.store,
                "clone_bytes": size.clones,
            }
        )
        return
    for one in shown:
        print_line(_line(one))
        if one.error:
            print_line(f"    stale: {one.error}")
        for path, reason in list(one.files_failed.items())[: None if list_failed else 0]:
            print_line(f"    {reason}: {path!r}")
    stale = sum(one.is_stale for one in status.repositories)
    never = sum(not one.live and not one.refreshed for one in status.repositories)
    held = (
        counted(len(status.repositories), "repository", "repositories"),
        counted(status.contents, "different file"),
        counted(status.chunks, "chunk"),
    )
    sizes = f"{size.store / 1e6:,.1f} MB, clones {size.clones / 1e6:,.1f} MB"
    print_line(f"{', '.join(held)}; {sizes}")
    for model, count in status.vectors.items():
        print_line(f"{counted(count, 'chunk has', 'chunks have')} vectors of {model}")
    if never:
        note(f"{counted(never, 'was', 'were')} never read: c2llm catalog refresh {name}")
    if stale > never:
        late = counted(stale - never, "is as it was", "are as they were")
        note(f"{late}: no refresh was possible.")


def _line(one: RepositoryStatus) -> str:
    if one.live:
        return f"{one.name}  live  {one.source}"
    when = _date(one.refreshed) if one.refreshed else "never read"
    files = f"{counted(one.files, 'file')}  " if one.refreshed else ""
    line = f"{one.name}  {files}{one.commit[:12] or '-'}  {when}  {one.source}"
    if one.files_failed:
        line += f"  ({counted(len(one.files_failed), 'file')} cannot be read)"
    return line


def _as_json(one: RepositoryStatus) -> dict[str, Any]:
    return {
        "name": one.name,
        "source": one.source,
        "live": one.live,
        "commit": one.commit or None,
        "files": one.files,
        "refreshed": one.refreshed or None,
        "tried": one.tried or None,
        "stale": one.is_stale,
        "error": one.error or None,
        "files_failed": one.files_failed,
    }


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
