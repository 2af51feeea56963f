"""The socket that a server over HTTP listens at."""

from __future__ import annotations

import os
import socket

from c2llm.errors import UsageError

_UNSENT_SECONDS = 30
"""After which a connection is closed whose client does not read its answer."""
WAITING_FOR_ACCEPT = 1_024
"""Connections that the system keeps until they are taken."""


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens at an address.

    Args:
        host: An address or a name; one of IPv6 may stand in brackets.
        port: The port, 0 for a free one.

    Raises:
        UsageError: It cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small answers at once (TCP_NODELAY) only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # connections inherit it
            limit = _UNSENT_SECONDS * 1000
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit)
        listener.bind((host.strip("[]"), port))
        listener.listen(WAITING_FOR_ACCEPT)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"{host} port {port} cannot be listened at ({error.strerror or error}); give another "
            "--host or --port."
        ) from error
    return listener
