"""How clients reach the server: standard input and output of its process, or HTTP."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from c2llm.errors import UsageError
from c2llm.index.build.background_reading import OWNER_VARIABLE
from c2llm.serving.http_guard import KEY_VARIABLE, hosts, is_loopback, key_of, requiring_key
from c2llm.serving.lifetime import end_with_parent
from c2llm.serving.listener import listening
from c2llm.serving.mcp.server import CodeSearchServer

PATH = "/mcp"
_CLOSING_SECONDS = 2


def serve_stdio(server: CodeSearchServer) -> None:
    """Serve the process that started this one until it closes standard input, or is gone.

    What is at work then is left: an index is whole after each of its transactions.
    """
    end_with_parent(lambda: os._exit(0))
    os.environ[OWNER_VARIABLE] = str(os.getpid())
    # A thread that waits for the next line of standard input would hold up anything gentler.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        server.run("stdio")
    except* BrokenPipeError:  # the client has closed standard output first
        pass


def serve_http(
    server: CodeSearchServer,
    *,
    host: str,
    port: int,
    names: tuple[str, ...] = (),
    key_file: Path | None = None,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve over streamable HTTP until the process is interrupted.

    Args:
        server: The server.
        host: The address to listen at.
        port: The port, 0 for a free one.
        names: Names by which clients may call this machine.
        key_file: Where the key is; else it is in the environment.
        ready: Called with the address once connections are taken.

    Raises:
        UsageError: A key is missing or unfit, or the address cannot be had.
    """
    import uvicorn
    from mcp.server.transport_security import TransportSecuritySettings

    key = key_of(key_file)
    if key is None and not is_loopback(host):
        raise UsageError(
            f"{host} is reached from other machines, so a key is needed: set {KEY_VARIABLE}, or "
            "give --key-file; without one listen at 127.0.0.1."
        )
    with listening(host, port) as listener:
        bound, found = listener.getsockname()[:2]
        known = hosts(host, found, names)
        application = server.streamable_http_app(
            streamable_http_path=PATH,
            transport_security=TransportSecuritySettings(
                allowed_hosts=known,
                allowed_origins=[f"{way}://{name}" for name in known for way in ("http", "https")],
            ),
        )
        config = uvicorn.Config(
            application if key is None else requiring_key(application, key),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_CLOSING_SECONDS,
        )
        ready(f"http://{f'[{bound}]' if ':' in bound else bound}:{found}{PATH}")
        uvicorn.Server(config).run(sockets=[listener])
