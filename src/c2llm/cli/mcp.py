"""`c2llm mcp`: search for coding agents, by the Model Context Protocol."""

from __future__ import annotations

from pathlib import Path

import click

from c2llm.cli.options.devices import device_options
from c2llm.cli.output import note
from c2llm.cli.serving.libraries import imports_of_serving
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.errors import UsageError

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm mcp                          for a client that says what it has open
  c2llm mcp --root ~/src/project     for one that does not
  c2llm mcp --root .                 the directory that it is started in
  c2llm mcp --http --root ~/src/project --port 8765
"""


@click.command("mcp", epilog=_EXAMPLES)
@click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="DIRECTORY",
    help="What may be searched and read, and nothing else; repeatable. @NAME opens a catalog, "
    "which over HTTP nothing else does.",
)
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="Name or folder of a model."
)
@click.option("--http", is_flag=True, help="Serve over HTTP instead of stdin and stdout.")
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
    help="A name by which clients call this machine; repeatable.",
)
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the key that clients send; C2LLM_SERVE_KEY holds one too.",
)
@device_options()
def command(
    roots: tuple[str, ...],
    model: str,
    http: bool,
    host: str,
    port: int,
    names: tuple[str, ...],
    key_file: Path | None,
) -> None:
    """Serve coding agents by the Model Context Protocol (MCP).

    A client starts this itself and talks to it over stdin and stdout. It may search and read the
    directories that the client has open, or those of --root; with neither it names each project by
    its whole path. With --http the server runs until it is interrupted, for several clients.
    """
    from c2llm.index.catalog.catalogs import SIGN, catalog_named

    opened = [root.removeprefix(SIGN) for root in roots if root.startswith(SIGN)]
    roots = tuple(root for root in roots if not root.startswith(SIGN))
    if http and not roots:
        raise UsageError(
            "Over HTTP a client cannot say what may be searched: give --root DIRECTORY."
        )
    if not http and (names or key_file):
        raise UsageError("--allow-host and --key-file belong to --http.")
    from c2llm.encoding.encoder_handle import EncoderHandle

    folders = _folders(roots)
    for name in opened:
        catalog_named(name)  # that there is none is told now
    EncoderHandle(model).check()
    with imports_of_serving("mcp"):
        from c2llm.serving.mcp.server import CodeSearchServer
        from c2llm.serving.mcp.transports import serve_http, serve_stdio
    # Who starts a server for himself may ask all his catalogs; strangers those that he opens.
    catalogs = opened if http or opened else None
    server = CodeSearchServer(folders, model, asks_for_roots=not http, catalogs=catalogs)
    if not http:
        serve_stdio(server)
        return
    serve_http(
        server,
        host=host,
        port=port,
        names=names,
        key_file=key_file,
        ready=lambda address: note(f"Serving {address}; stop it with Ctrl-C."),
    )


def _folders(roots: tuple[str, ...]) -> list[Path]:
    """The directories that may be asked about.

    Raises:
        UsageError: One is not there, or no project, or is named by nothing.
    """
    from c2llm.index.store.location import existing_directory
    from c2llm.serving.roots import refusal

    # A variable that a client has left empty is not the directory that it happens to run in.
    if not all(root.strip() for root in roots):
        raise UsageError("--root is empty; give a directory, or . for the one it is started in.")
    folders = [existing_directory(root) for root in roots]
    for folder in folders:
        if why := refusal(folder):
            raise UsageError(why)
    return folders
