"""`c2llm keys`: who may ask a server."""

from __future__ import annotations

from pathlib import Path

import click

from c2llm.cli.output import note, print_json, print_line
from c2llm.errors import UsageError

_EXAMPLES = """\b
Examples:
  c2llm keys add ci --repository api --repository /srv/code/web --rate 60/min
  c2llm keys add admin --all --manages
  c2llm keys list
  c2llm keys revoke ci
"""
_file_option = click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of keys; by default the one in C2LLM_HOME that c2llm serve reads.",
)


@click.group("keys", epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Make, list and revoke the keys by which c2llm serve tells who asks.

    A server that runs takes notice at once. Of each key only a hash is kept.
    """


@command.command("add")
@click.argument("name")
@click.option(
    "--repository",
    "repositories",
    multiple=True,
    metavar="NAME|PATH",
    help="What the key may search: a name, a glob of names, or a whole path with all below it; "
    "repeatable.",
)
@click.option("--all", "everything", is_flag=True, help="It may search every repository.")
@click.option("--rate", metavar="N/UNIT", help="How often it may ask: 60/min, 5/s, 1000/hour.")
@click.option("--manages", is_flag=True, help="It may add and remove repositories.")
@_file_option
def add(
    name: str,
    repositories: tuple[str, ...],
    everything: bool,
    rate: str | None,
    manages: bool,
    file: Path | None,
) -> None:
    """Make a key and print it, which happens this once."""
    from c2llm.index.store.location import resolved_path
    from c2llm.serving.tenants import add_key, keys_file

    if everything == bool(repositories):
        raise UsageError("Say what the key may search: --repository NAME, or --all.")
    named = [
        str(resolved_path(one)) if "/" in one or one.startswith("~") else one
        for one in repositories
    ]
    for one in named:
        if "/" in one and not Path(one).is_dir():
            note(f"There is no directory {one} yet; a name has no / in it.")
    where = file or keys_file()
    key = add_key(where, name, None if everything else named, rate=rate, manages=manages)
    print_line(key)
    note(f"This is the key of {name!r}; only its hash is kept, in {where}.")


@command.command("revoke")
@click.argument("name")
@_file_option
def revoke(name: str, file: Path | None) -> None:
    """Refuse the key NAME from now on."""
    from c2llm.serving.tenants import keys_file, revoke_key

    revoke_key(file or keys_file(), name)
    note(f"The key {name!r} is refused from now on.")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_file_option
def show(as_json: bool, file: Path | None) -> None:
    """List the keys: whose they are and what they may."""
    from c2llm.serving.tenants import keys_file, read_keys

    found = read_keys(file or keys_file())
    if as_json:
        told = [
            {
                "name": one.name,
                "repositories": None if one.repositories is None else list(one.repositories),
                "rate": one.rate,
                "manages": one.manages,
                "made": one.made,
            }
            for one in found
        ]
        print_json({"keys": told})
        return
    if not found:
        note("There is no key; make one: c2llm keys add NAME --all")
    for one in found:
        what = "everything" if one.repositories is None else ", ".join(one.repositories)
        rate = f", {one.rate}" if one.rate else ""
        print_line(f"{one.name}  {what}{rate}{', manages' if one.manages else ''}  {one.made}")
