"""Servers that fail: a door to one that can be slammed, and one that refuses."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any


class Door:
    """Passes connections on to a server, until it is shut or slams after so many bytes.

    Args:
        port: Of the server on this machine; 0 for none: what comes is accepted and broken off.
    """

    def __init__(self, port: int = 0) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open = threading.Event()
        self._open.set()
        self._sockets: set[socket.socket] = set()
        self._left: int | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def slam_after(self, sent: int) -> None:
        """Break everything off once the client has sent so many bytes more."""
        self._left = sent

    def shut(self) -> None:
        """Break everything off, and whatever comes."""
        self._open.clear()
        for one in [*self._sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        """Let everything through again."""
        self._left = None
        self._open.set()

    def close(self) -> None:
        """Be gone."""
        self.shut()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self._to or not self._open.is_set():
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._to))
                self._sockets |= {client, server}
                for source, sink, counts in ((client, server, True), (server, client, False)):
                    threading.Thread(
                        target=self._pass, args=(source, sink, counts), daemon=True
                    ).start()

    def _pass(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if counts and self._left is not None:
                    self._left -= len(data)
                    if self._left < 0:
                        self.shut()
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.close()
            self._sockets.discard(one)


def refusing_server(refuse: Callable[[Any], None]) -> tuple[Any, int]:
    """A server of gRPC that answers each request of Milvus by calling `refuse` with its context.

    Returns:
        The server, which the caller stops, and its port.
    """
    from concurrent.futures import ThreadPoolExecutor

    import grpc

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, call: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(lambda _request, context: refuse(context))

    server = grpc.server(ThreadPoolExecutor(2), handlers=[Handler()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
