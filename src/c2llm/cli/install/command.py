"""`c2llm install`: enter the MCP server into the configuration of an agent or editor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.output import note, print_json, print_line
from c2llm.errors import C2LLMError, UsageError

if TYPE_CHECKING:
    from c2llm.cli.install.clients import Client, Scope
    from c2llm.cli.install.plan import Change

_CLIENTS = (
    "claude-code",
    "codex",
    "cursor",
    "vscode",
    "gemini",
    "opencode",
    "zed",
    "windsurf",
)
# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm install claude-code                     show what would be written
  c2llm install claude-code --yes               write it
  c2llm install vscode ~/src/api --scope project --yes
  c2llm install codex --instructions --yes      and AGENTS.md of this project
  c2llm install cursor --uninstall --yes
"""


@click.command("install", epilog=_EXAMPLES)
@click.argument("client", type=click.Choice(_CLIENTS), metavar="CLIENT")
@click.argument("project", required=False, metavar="[PROJECT]")
@click.option(
    "--scope",
    type=click.Choice(["user", "project"]),
    default="user",
    show_default=True,
    help="For all your projects, or in a file of this one.",
)
@click.option("--yes", is_flag=True, help="Write it; without this nothing is changed.")
@click.option("--uninstall", is_flag=True, help="Take out what was put in, and nothing else.")
@click.option(
    "--instructions",
    "with_instructions",
    is_flag=True,
    help="Put the lines for agents into AGENTS.md of the project, too.",
)
@click.option("--force", is_flag=True, help="Replace a server that has the same name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    client: str,
    project: str | None,
    scope: Scope,
    yes: bool,
    uninstall: bool,
    with_instructions: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Enter the MCP server into the configuration of CLIENT.

    CLIENT is claude-code, codex, cursor, vscode, gemini, opencode, zed or windsurf. What would be
    written is shown, and written with --yes. Everything else in the file stays as it is. PROJECT is
    a directory, by default the repository of this one.
    """
    from c2llm.cli.install import plan
    from c2llm.cli.install.clients import CLIENTS, Machine
    from c2llm.cli.install.instructions import INSTRUCTIONS
    from c2llm.cli.install.program import is_temporary, program
    from c2llm.cli.install.text_file import read_file

    chosen = CLIENTS[client]
    folder = _project(project, needed=scope == "project" or with_instructions)
    file, container = plan.chosen_file(chosen, scope, _machine(Machine), folder)
    agents = read_file(folder / "AGENTS.md", folder) if with_instructions else None
    notes: list[str] = []
    if uninstall:
        changes = [plan.uninstall(file, container, force=force)]
        if agents is not None:
            changes.append(plan.uninstall_instructions(agents))
        entry = None
    else:
        words = program()
        _require_literal(chosen, words)
        entry = chosen.entry(words, scope)
        changes = [plan.install(file, container, entry, scope, force=force)]
        if agents is not None:
            changes.append(plan.install_instructions(agents))
        notes = _notes(chosen, scope, with_instructions, temporary=is_temporary(words))
    if yes:
        for change in changes:
            if change.edits:
                change.carry_out()
    if as_json:
        print_json(
            {
                "client": client,
                "scope": scope,
                "action": "uninstall" if uninstall else "install",
                "entry": entry,
                "files": [_payload(change, yes) for change in changes],
                "instructions": None if uninstall else INSTRUCTIONS,
                "notes": notes,
            }
        )
        return
    for change in changes:
        _show(change, yes)
    if not uninstall and not with_instructions:
        print_line("For your agent (--instructions puts it into AGENTS.md of the project):")
        print_line()
        for line in INSTRUCTIONS.splitlines():
            print_line(f"  {line}".rstrip())
        print_line()
    for sentence in notes:
        note(sentence)
    if not yes and any(change.edits for change in changes):
        note("Nothing is changed yet; the same command with --yes does it.")


def _machine(kind: Any) -> Any:
    try:
        return kind.here()
    except RuntimeError as error:
        raise C2LLMError("This user has no home directory; use --scope project.") from error


def _project(given: str | None, *, needed: bool) -> Path:
    """The project's folder: what is given, else the repository around the working directory."""
    from c2llm.index.store.location import existing_directory

    folder = Path(existing_directory(given or "."))
    if given is None:
        folder = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), folder)
    try:
        at_home = folder == Path.home().resolve()
    except RuntimeError:
        at_home = False
    if needed and (at_home or folder == folder.parent):
        raise UsageError(
            f"{folder} is no project; name one, or leave --scope project and --instructions out."
        )
    return folder


def _require_literal(client: Client, words: list[str]) -> None:
    word = client.expanded(words)
    if word is not None:
        raise UsageError(
            f"{client.title} would replace a part of the path {word}; install c2llm in a folder "
            "without such a sign."
        )


def _notes(client: Client, scope: Scope, with_instructions: bool, *, temporary: bool) -> list[str]:
    from importlib.util import find_spec

    notes = []
    if find_spec("mcp") is None:
        notes.append("c2llm mcp needs a library: pip install 'c2llm[serve]'.")
    if temporary:
        notes.append(
            "This c2llm was made for one command and may vanish; install it to stay "
            "(uv tool install, pipx install), and give this command again."
        )
    if scope == "project":
        notes.append("The file names c2llm by its path on this machine, which others may not have.")
        notes += [client.after] if client.after else []
    if with_instructions and client.reads:
        notes.append(client.reads)
    return notes


def _payload(change: Change, yes: bool) -> dict[str, object]:
    return {
        "file": str(change.file.path),
        "exists": change.file.exists,
        "changes": [
            {"line": line, "removed": removed, "added": added}
            for line, removed, added in change.pieces()
        ],
        "deleted": change.deletes is not None,
        "written": yes and bool(change.edits),
    }


def _show(change: Change, yes: bool) -> None:
    file = change.file
    if not change.edits:
        print_line(f"{file.path}: nothing to change.")
        print_line()
        return
    if change.deletes is not None:
        done = "deleted" if yes else "would be deleted"
        print_line(f"{file.path}: {done}, since nothing else is in it.")
        print_line()
        return
    state = "" if file.exists else " (new)"
    print_line(f"{file.path}{state}{': written' if yes else ''}")
    for line, removed, added in change.pieces():
        print_line(f"  line {line}")
        for sign, text in (("-", removed), ("+", added)):
            for one in text.strip("\r\n").splitlines() if text.strip() else []:
                print_line(f"  {sign} {one}".rstrip())
    print_line()
