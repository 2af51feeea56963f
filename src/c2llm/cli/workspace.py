"""`c2llm workspace`: name a set of repositories to search them together."""

from __future__ import annotations

import click

from c2llm.cli.output import note, print_json, print_line

_EXAMPLES = """\b
Examples:
  c2llm workspace add work ~/src/api ~/src/web
  c2llm search "where are tokens refreshed" @work
  c2llm workspace remove work ~/src/web
"""


@click.group(
    "workspace", epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]}
)
def command() -> None:
    """Name a set of repositories, and search them as @NAME."""


@command.command("add")
@click.argument("name")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
def add(name: str, paths: tuple[str, ...]) -> None:
    """Add directories to the workspace NAME, which is made if there is none."""
    from c2llm.index.catalog.workspaces import add_to_workspace

    roots = add_to_workspace(name, paths)
    note(f"@{name}: {len(roots)} director{'y' if len(roots) == 1 else 'ies'}.")


@command.command("remove")
@click.argument("name")
@click.argument("paths", nargs=-1, metavar="[PATH]…")
def remove(name: str, paths: tuple[str, ...]) -> None:
    """Take directories out of the workspace NAME, or remove all of it; no index is touched."""
    from c2llm.index.catalog.workspaces import remove_from_workspace

    left = remove_from_workspace(name, paths)
    note(f"@{name}: {len(left)} left." if left else f"@{name} is gone.")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(as_json: bool) -> None:
    """List the workspaces."""
    from c2llm.index.catalog.workspaces import load_workspaces

    spaces = load_workspaces()
    if as_json:
        print_json({"workspaces": spaces})
        return
    if not spaces:
        note("There is no workspace; make one: c2llm workspace add NAME PATH…")
    for name, roots in sorted(spaces.items()):
        print_line(f"@{name}")
        for root in roots:
            print_line(f"  {root}")
