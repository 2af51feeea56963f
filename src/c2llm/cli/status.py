"""`c2llm status`: what is indexed, what is stale, what was left out."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from c2llm.cli.config import config_option
from c2llm.cli.output import print_json, print_line, shell_quoted
from c2llm.codebase.files.secret_files import SECRET, VARIABLE
from c2llm.encoding.model_folder import DEFAULT_MODEL

if TYPE_CHECKING:
    from c2llm.index.build.index_status import IndexStatus

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm status
  c2llm status ~/src/project --skipped
  c2llm status --all            every index, with its size
  c2llm status --json | jq .changed
  c2llm status --config         what you have set, and where
"""
_SECRETS_NAMED = 5


@click.command("status", epilog=_EXAMPLES)
@click.argument("path", default=".", metavar="[PATH]")
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="Model to count vectors of."
)
@click.option("--skipped", "list_skipped", is_flag=True, help="Name each file that is left out.")
@click.option("--all", "list_all", is_flag=True, help="List every index of this user instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@config_option
def command(path: str, model: str, list_skipped: bool, list_all: bool, as_json: bool) -> None:
    """Tell what is indexed, what is stale, what was skipped.

    PATH is a directory, by default this one, or @NAME for a catalog. Nothing is indexed or changed
    by asking.
    """
    if path.startswith("@") and not Path(path).exists():
        from c2llm.cli.catalog.show import show

        show(path[1:], as_json=as_json)
        return
    if list_all:
        _show_all(as_json=as_json)
        return
    from c2llm.index.build.index_status import read_status

    status = read_status(path, model)
    if as_json:
        print_json(asdict(status))
        return
    print_line(f"root      {status.root}")
    if status.indexed:
        _show_index(status, path)
    else:
        what = (
            "of an older version, which the next search redoes" if status.outdated else "none yet"
        )
        print_line(
            f"index     {what} ({status.changed} files to read); "
            f"make it: c2llm index {shell_quoted(path)}"
        )
    print_line(f"skipped   {len(status.skipped)}{_listed(status.skipped_by_reason)}")
    if SECRET in status.skipped_by_reason:
        secrets = [skip.path for skip in status.skipped if skip.reason == SECRET]
        named = ", ".join(map(repr, secrets[:_SECRETS_NAMED]))
        more = f" and {len(secrets) - _SECRETS_NAMED} more" if secrets[_SECRETS_NAMED:] else ""
        print_line(f"secrets   left out: {named}{more}; {VARIABLE}=1 takes them in")
    if list_skipped:
        for skip in status.skipped:
            print_line(f"  {skip.reason:<20} {skip.path!r}")


def _show_index(status: IndexStatus, path: str) -> None:
    print_line(f"index     {status.index_file} ({status.size_bytes / 1e6:.1f} MB)")
    print_line(f"files     {status.files}{_listed(status.languages)}")
    print_line(f"lexical   {status.chunks} chunks, all of them")
    if status.table_model:
        print_line(f"table     {status.table} have vectors of {status.table_model}")
    deep = f"deep      {status.embedded} have vectors of {status.model}"
    if status.embedded < status.chunks:
        deep += (
            "; more are being made"
            if status.embedding
            else f"; for all of them: c2llm index --complete {shell_quoted(path)}"
        )
    print_line(deep)
    if status.models:
        print_line(f"vectors  {_listed(status.models)}")
    fresh = not status.changed and not status.removed
    stale = f"{status.changed} new or changed files, {status.removed} removed"
    if status.reading:
        stale += "; they are being read"
    watched = ", and watched" if status.watched else ""
    print_line(f"fresh     {'yes' if fresh else 'no: ' + stale}{watched}")


def _show_all(*, as_json: bool) -> None:
    """Every index of the user, the one that was used last first."""
    from c2llm.index.catalog.kept import kept_bytes, kept_catalogs
    from c2llm.index.store.inventory import kept_indexes, most_bytes, sizes_in
    from c2llm.index.store.location import cache_file

    kept = kept_indexes()
    catalogs = {name: kept_bytes(name) for name in kept_catalogs()}
    total, cache = (
        sum(one.size_bytes for one in kept),
        sizes_in(cache_file().parent).get(cache_file().name, 0),
    )
    if as_json:
        print_json(
            {
                "indexes": [asdict(one) for one in kept],
                "size_bytes": total,
                "most_bytes": most_bytes(),
                "cache_bytes": cache,
                "catalogs": [
                    {"name": name, "store_bytes": size.store, "clone_bytes": size.clones}
                    for name, size in catalogs.items()
                ],
            }
        )
        return
    print_line(f"{'files':>8} {'chunks':>9} {'MB':>9}  {'last used':<16}  directory")
    for one in kept:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.last_used))
        counts = f"{_counted(one.files):>8} {_counted(one.chunks):>9}"
        remark = " (gone)" if one.vanished else "" if one.state == "ok" else f" ({one.state})"
        where = one.root or one.index_file
        print_line(f"{counts} {one.size_bytes / 1e6:>9.1f}  {used:<16}  {where}{remark}")
    limit = f" of {most_bytes() / 1e6:,.0f} MB" if most_bytes() else ""
    print_line(
        f"{len(kept)} indexes, {total / 1e6:,.1f}{limit or ' MB'}; shared vectors "
        f"{cache / 1e6:,.1f} MB"
    )
    for name, size in catalogs.items():
        print_line(
            f"@{name}: {size.store / 1e6:,.1f} MB, clones {size.clones / 1e6:,.1f} MB; "
            f"c2llm catalog show {name}"
        )
    if any(one.vanished for one in kept):
        print_line("Indexes of directories that are gone: c2llm clear --vanished")


def _counted(number: int | None) -> str:
    return "-" if number is None else str(number)


def _listed(counts: dict[str, int]) -> str:
    """Counts in brackets, or nothing."""
    if not counts:
        return ""
    return " (" + ", ".join(f"{count} {name}" for name, count in counts.items()) + ")"
