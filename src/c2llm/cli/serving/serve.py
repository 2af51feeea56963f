"""`c2llm serve`: search and embeddings over HTTP, and a page to search with."""

from __future__ import annotations

from pathlib import Path

import click

from c2llm.cli.output import note
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.errors import UsageError

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm serve                           this repository, at http://127.0.0.1:8765
  c2llm serve ~/src/api ~/src/web       two of them
  c2llm serve --root ~/src              those that are added over HTTP from there
  c2llm keys add ci --repository api    a key; then it can be reached from elsewhere
  c2llm serve ~/src/api --host 0.0.0.0 --allow-host search.example.org
"""


@click.command("serve", epilog=_EXAMPLES)
@click.argument("directories", nargs=-1, metavar="[DIRECTORY]...")
@click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="DIRECTORY",
    help="Repositories below it may be added over HTTP; repeatable.",
)
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="Name or folder of a model."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8765,
    show_default=True,
    help="Port to listen at; 0 for any that is free.",
)
@click.option(
    "--allow-host",
    "names",
    multiple=True,
    metavar="NAME",
    help="A name by which clients call this server; repeatable.",
)
@click.option(
    "--keys",
    "keys",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of keys (c2llm keys); C2LLM_SERVE_KEY holds one that may do everything.",
)
def command(
    directories: tuple[str, ...],
    roots: tuple[str, ...],
    model: str,
    host: str,
    port: int,
    names: tuple[str, ...],
    keys: Path | None,
) -> None:
    """Serve search and embeddings over HTTP, and a page to search with.

    DIRECTORY is a repository, by default this one. Without keys the server answers this machine
    alone, and everything on it.
    """
    from c2llm.cli.serving.libraries import imports_of_serving
    from c2llm.encoding.encoder_handle import EncoderHandle
    from c2llm.index.store.location import existing_directory
    from c2llm.serving.http_guard import hosts, is_loopback, key_of
    from c2llm.serving.repositories import Repositories, kept_file
    from c2llm.serving.roots import refusal
    from c2llm.serving.tenants import Tenants, keys_file, read_keys

    folders = [existing_directory(one) for one in directories or (() if roots else (".",))]
    areas = [existing_directory(one) for one in roots]
    for folder in folders:
        if why := refusal(folder):
            raise UsageError(why)
    EncoderHandle(model).check()
    file = keys or keys_file()
    key = key_of(None)
    has_keys = key is not None or bool(read_keys(file))
    if not has_keys and not is_loopback(host):
        raise UsageError(
            f"{host} is reached from other machines, so keys are needed: make one with c2llm keys "
            "add, or set C2LLM_SERVE_KEY; without one listen at 127.0.0.1."
        )
    with imports_of_serving("serve"):
        from c2llm.serving.http.app import create_app
        from c2llm.serving.http.guard import GuardSettings
        from c2llm.serving.http.running import listening, run
        from c2llm.serving.http.service import ServeSettings, Service
    from c2llm.serving.open_indexes import OpenIndexes

    service = Service(
        ServeSettings(model, (*folders, *areas)),
        OpenIndexes(model),
        Repositories(folders, areas, kept_file()),
        Tenants(file, key, required=has_keys),
    )
    listener = listening(host, port)
    bound, found = listener.getsockname()[:2]
    own_names = tuple(name for name in hosts(host, found, names) if f":{found}" not in name)
    guard = GuardSettings(own_names, tuple(map(str.lower, names)))
    app = create_app(service, guard)
    note(f"Serving http://{f'[{bound}]' if ':' in bound else bound}:{found}; stop it with Ctrl-C.")
    run(app, listener, connections=256, grace_seconds=10.0, at_end=service.workers.close)
