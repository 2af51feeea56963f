"""`c2llm catalog refresh`: fetch, and read what has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.output import note, print_json, print_line, progress_bar

if TYPE_CHECKING:
    from c2llm.encoding.encoder_handle import EncoderHandle
    from c2llm.index.catalog.refresh import CatalogReport
    from c2llm.index.catalog.stages import Runner

_TOLD = 10

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm catalog refresh org
  c2llm catalog refresh org --json | jq .away
  */15 * * * *  c2llm catalog refresh org          a line for cron
"""


@click.command("refresh", epilog=_EXAMPLES)
@click.argument("name")
@click.option("--all-files", is_flag=True, help="List each repository again, changed or not.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.pass_context
def command(context: click.Context, name: str, all_files: bool, as_json: bool) -> None:
    """Bring what the catalog NAME keeps up to the last commits of its repositories.

    Repositories with a URL are fetched into clones that c2llm makes for itself (their last commit
    alone). Directories are read where they are, and never written. Only files that no repository
    had before are read. What cannot be had is named at the end and keeps its last state; then the
    exit code is 1. Interrupted, the same command goes on where it stopped.
    """
    from c2llm.index.catalog.catalogs import catalog_named

    report = refreshed(name, all_files=all_files)
    if as_json:
        print_json({"catalog": name, **report_json(report)})
    else:
        tell(name, report)
        if live := catalog_named(name).live:
            note(f"{len(live)} live directories are refreshed by every search.")
    if report.away:
        context.exit(1)


def table_model() -> EncoderHandle | None:
    """The model whose vectors everything in a catalog gets."""
    from c2llm.encoding.encoder_handle import DEFAULT_TABLE, EncoderHandle
    from c2llm.encoding.model_folder import shipped_models

    return EncoderHandle(DEFAULT_TABLE) if DEFAULT_TABLE in shipped_models() else None


def refreshed(
    name: str,
    *,
    all_files: bool = False,
    table: EncoderHandle | None = None,
    runner: Runner | None = None,
) -> CatalogReport:
    """Refresh a catalog.

    Args:
        name: Of the catalog.
        all_files: List each repository again.
        table: As `table_model` gives it, if it was asked already.
        runner: Who does the tasks, None for the processes of this machine.
    """
    from c2llm.index.catalog.catalogs import catalog_named
    from c2llm.index.catalog.local_runner import LocalRunner
    from c2llm.index.catalog.refresh import refresh_catalog
    from c2llm.index.store.catalog.opening import open_catalog_store

    catalog = catalog_named(name)
    table = table or table_model()
    store = open_catalog_store(catalog.folder, catalog.store)
    try:
        return refresh_catalog(
            catalog,
            store,
            runner or LocalRunner(None if table is None else table.model),
            table,
            progress_bar=progress_bar,
            force=all_files,
        )
    finally:
        store.close()


def report_json(report: CatalogReport) -> dict[str, Any]:
    """A report as JSON has it."""
    return {
        "unchanged": len(report.unchanged),
        "refreshed": sorted(report.refreshed),
        "removed": sorted(report.removed),
        "away": report.away,
        "files_failed": report.files_failed,
        "contents_read": report.contents,
        "contents_swept": report.swept,
        "took_ms": round(report.seconds * 1000, 1),
    }


def tell(name: str, report: CatalogReport) -> None:
    """Tell a person what a refresh did."""
    parts = [f"{len(report.refreshed)} refreshed", f"{len(report.unchanged)} unchanged"]
    parts += [f"{len(report.removed)} removed"] if report.removed else []
    parts += [f"{len(report.away)} away"] if report.away else []
    print_line(
        f"@{name}: {', '.join(parts)}; {report.contents} new files read ({report.seconds:.1f} s)"
    )
    failed = {
        f"{repository}/{path}": reason
        for repository, files in report.files_failed.items()
        for path, reason in files.items()
    }
    for what, why in (*list(failed.items())[:_TOLD],):
        note(f"Left out {what!r}: {why}")
    if len(failed) > _TOLD:
        note(f"{len(failed) - _TOLD} more files are left out: c2llm catalog show {name} --failed")
    for repository, why in list(report.away.items())[:_TOLD]:
        note(f"{repository} is away and stays as it was: {why}")
    if len(report.away) > _TOLD:
        note(f"{len(report.away) - _TOLD} more: c2llm catalog show {name} --stale")
