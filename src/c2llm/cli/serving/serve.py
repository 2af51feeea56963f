"""`c2llm serve`: search and embeddings over HTTP, and a page to search with."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.output import note, print_line
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.errors import UsageError
from c2llm.serve_config import SERVE_SETTINGS, variable_of
from c2llm.user_config import UserConfig

if TYPE_CHECKING:
    from c2llm.serving.http.service import Service

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm serve                           this repository, at http://127.0.0.1:8765
  c2llm serve ~/src/api ~/src/web       two of them
  c2llm serve @work                     the repositories of a catalog
  c2llm serve --root ~/src              those that are added over HTTP from there
  c2llm keys add ci --repository api    a key; then it can be reached from elsewhere
  c2llm serve ~/src/api --host 0.0.0.0 --allow-host search.example.org
  c2llm serve --show-config             what holds, and where it is from
"""
_MOST_OPEN = 16
"""Indexes that stay open; one of a thousand files takes some ten megabytes."""


@click.command("serve", epilog=_EXAMPLES)
@click.argument("directories", nargs=-1, metavar="[DIRECTORY]...")
@click.option(
    "--root",
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
    multiple=True,
    metavar="NAME",
    help="A name by which clients call this server; repeatable.",
)
@click.option(
    "--keys",
    type=click.Path(dir_okay=False),
    help="File of keys (c2llm keys); C2LLM_SERVE_KEY holds one that may do everything.",
)
@click.option(
    "--max-body-mb",
    type=click.IntRange(1, 1_000),
    default=8,
    show_default=True,
    help="Largest body of a request.",
)
@click.option(
    "--connections",
    type=click.IntRange(1, 100_000),
    default=256,
    show_default=True,
    help="Connections that may be open.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 1_000),
    default=4,
    show_default=True,
    help="Searches that are at work at once.",
)
@click.option(
    "--queue",
    type=click.IntRange(0, 100_000),
    default=32,
    show_default=True,
    help="Searches that wait; the next one is answered 429.",
)
@click.option(
    "--device", default="cpu", show_default=True, help="Where the model runs: cpu, cuda, mps."
)
@click.option(
    "--dtype",
    help="float32, bfloat16 or float16 for a model in torch.  [default: float32 on the CPU, else "
    "what its weights have]",
)
@click.option(
    "--queue-seconds",
    type=click.IntRange(1, 3_600),
    default=2,
    show_default=True,
    help="Texts that would wait longer for their vectors are answered 429.",
)
@click.option(
    "--embeddings",
    type=click.IntRange(1, 100_000),
    default=128,
    show_default=True,
    help="Requests of texts that are at work at once; the next one is answered 429.",
)
@click.option(
    "--cache-mb",
    type=click.IntRange(0, 1_000_000),
    default=128,
    show_default=True,
    help="Memory for vectors of texts that are sent again.",
)
@click.option(
    "--disk-cache-mb",
    type=click.IntRange(0, 1_000_000),
    default=0,
    show_default=True,
    help="Disk for them, which the next start and other servers use.",
)
@click.option(
    "--grace-seconds",
    type=click.IntRange(1, 3_600),
    default=10,
    show_default=True,
    help="How long what is at work may go on when the server is told to end.",
)
@click.option(
    "--log",
    type=click.Choice(["text", "json", "off"]),
    default="text",
    show_default=True,
    help="A line a request on stderr.",
)
@click.option("--log-queries", is_flag=True, help="Log what is asked, too.")
@click.option(
    "--local-socket/--no-local-socket",
    default=True,
    show_default=True,
    help="Answer the searches of your own command line.",
)
@click.option("--show-config", is_flag=True, help="Tell what holds and where it is from, and end.")
def command(show_config: bool, **options: Any) -> None:
    """Serve search and embeddings over HTTP, and a page to search with.

    DIRECTORY is a repository, by default this one; @NAME is a catalog (c2llm catalog), of which
    each key sees the repositories that it is for. Without keys the server answers this machine
    alone, and everything on it. Every option is a variable (C2LLM_SERVE_PORT) and a key of [serve]
    in the configuration, too.
    """
    if show_config:
        _show(options)
        return
    from c2llm.cli.serving.libraries import imports_of_serving
    from c2llm.index.build.background_reading import OWNER_VARIABLE
    from c2llm.serving.http_guard import hosts
    from c2llm.serving.serve_log import ServeLog

    with imports_of_serving("serve"):
        from c2llm.serving.http.app import create_app
        from c2llm.serving.http.guard import GuardSettings
        from c2llm.serving.http.running import run
        from c2llm.serving.listener import listening
    service = _service(options)
    listener = listening(options["host"], options["port"])
    bound, port = listener.getsockname()[:2]
    names = tuple(options["allow_host"])
    own = hosts(options["host"], port, names)
    guard = GuardSettings(
        tuple(name for name in own if not name.endswith(f":{port}")),
        tuple(map(str.lower, names)),
        options["max_body_mb"] * 1_000_000,
        log_queries=options["log_queries"],
    )
    log = None if options["log"] == "off" else ServeLog(options["log"])
    app = create_app(service, guard, log)
    local = _local_socket(service, options)
    os.environ[OWNER_VARIABLE] = str(os.getpid())  # who reads a large tree for it ends with it

    def end() -> None:
        local.close()
        service.workers.close()
        if log is not None:
            log.close()

    note(f"Serving http://{f'[{bound}]' if ':' in bound else bound}:{port}; stop it with Ctrl-C.")
    run(
        app,
        listener,
        connections=options["connections"],
        grace_seconds=options["grace_seconds"],
        at_end=end,
    )


def _service(options: Mapping[str, Any]) -> Service:
    """What answers, as the options say.

    Raises:
        UsageError: A directory cannot be served, or a key is missing where one is needed.
    """
    from c2llm.cli.options.devices import take_devices
    from c2llm.encoding.devices.placement import CPU, DEVICE_VARIABLE
    from c2llm.encoding.encoder_handle import EncoderHandle
    from c2llm.index.store.location import existing_directory
    from c2llm.search.catalog_opening import asked_catalog, is_catalog
    from c2llm.serving.http.service import ServeSettings, Service
    from c2llm.serving.http.workers import Workers
    from c2llm.serving.http_guard import is_loopback, key_of
    from c2llm.serving.inference.settings import InferenceSettings
    from c2llm.serving.open_catalogs import OpenCatalogs
    from c2llm.serving.open_indexes import OpenIndexes
    from c2llm.serving.repositories import Repositories, kept_file
    from c2llm.serving.roots import refusal
    from c2llm.serving.tenants import Tenants, keys_file, read_keys

    take_devices(options["model"], None, options["dtype"])
    given, roots = options["directories"], options["root"]
    # A variable that was left empty is not the directory that the server happens to run in.
    if not all(one.strip() for one in (*given, *roots)):
        raise UsageError("A directory is empty; give its path, or . for this one.")
    asked = [asked_catalog(one) for one in given if is_catalog(one)]
    plain = [one for one in given if not is_catalog(one)]
    live = [entry.path for one in asked for entry in one.live]
    folders = [existing_directory(one) for one in (*plain, *live)]
    if not given and not roots:
        folders = [existing_directory(".")]
    areas = [existing_directory(one) for one in roots]
    for folder in folders:
        if why := refusal(folder):
            raise UsageError(why)
    EncoderHandle(options["model"]).check()
    file = Path(options["keys"]).expanduser() if options["keys"] else keys_file()
    key = key_of(None)
    has_keys = key is not None or bool(options["keys"]) or file.exists()
    if options["keys"] and key is None and not file.exists():
        raise UsageError(
            f"There is no file of keys {file}; make its first key: c2llm keys add NAME --all "
            f"--file {shlex.quote(str(file))}"
        )
    if has_keys and key is None and not read_keys(file):
        # Where all are revoked nobody may ask, which is not the same as everybody.
        raise UsageError(
            f"{file} has no key, so nobody could ask: make one with c2llm keys add, or remove the "
            "file for a server without keys."
        )
    host = options["host"]
    if not has_keys and not is_loopback(host):
        raise UsageError(
            f"{host} is reached from other machines, so keys are needed: make one with c2llm keys "
            "add, or set C2LLM_SERVE_KEY; without one listen at 127.0.0.1."
        )
    if options["device"] != CPU:
        os.environ[DEVICE_VARIABLE] = options["device"]  # for the searches of this process
    return Service(
        ServeSettings(
            options["model"],
            (*folders, *areas),
            options["device"],
            InferenceSettings(
                queue_seconds=options["queue_seconds"],
                most_requests=options["embeddings"],
                cache_bytes=options["cache_mb"] * 1_000_000,
                disk_cache_bytes=options["disk_cache_mb"] * 1_000_000,
            ),
        ),
        OpenIndexes(options["model"], most_open=_MOST_OPEN),
        Repositories(folders, areas, kept_file()),
        OpenCatalogs([one for one in asked if one.kept], options["model"]),
        Tenants(file, key, required=has_keys),
        Workers(options["threads"], options["queue"]),
    )


def _local_socket(service: Service, options: Mapping[str, Any]) -> Any:
    """The socket by which the command line asks, open if it may be."""
    from c2llm.serving.local_socket import LocalSocket

    config = click.get_current_context().find_object(UserConfig) or UserConfig()
    from c2llm.cli.serving.warm_server import WarmSearch, own_state

    local = LocalSocket(WarmSearch(service.indexes, config, own_state(config)))
    if options["local_socket"]:
        local.open()
    return local


def _show(options: Mapping[str, Any]) -> None:
    """Every setting, its value and where that is from."""
    context = click.get_current_context()
    config = context.find_object(UserConfig) or UserConfig()
    for name in ("model", *SERVE_SETTINGS):
        source = context.get_parameter_source(name)
        origin = "default"
        if source is click.core.ParameterSource.COMMANDLINE:
            origin = "option"
        elif source is click.core.ParameterSource.DEFAULT_MAP:
            known = config.origins if name == "model" else config.serve_origins
            variable = "C2LLM_MODEL" if name == "model" else variable_of(name)
            origin = variable if known.get(name) == "environment" else "file"
        value = options[name]
        told = ", ".join(value) if isinstance(value, tuple) else str(value)
        print_line(f"{name:<14} {told if told not in ('', 'None') else '(not set)'}  ({origin})")
