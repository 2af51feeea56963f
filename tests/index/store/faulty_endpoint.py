"""An address before a server that breaks off when it is told to, whatever is spoken there.

    with FaultyEndpoint((host, port)) as endpoint:
        store = open_store(f"milvus://{endpoint.address}")   # everything passes
        size = endpoint.passed                               # bytes that the client has sent
        endpoint.break_off(after=size // 2)                  # then every connection is reset
        ...
        endpoint.mend()

So a store is tested against the real server, a Milvus Lite for instance (which listens on a port of
this machine), with the connection lost at any byte of a write or of a query.
"""

from __future__ import annotations

import contextlib
import enum
import selectors
import socket
import struct
import threading
from types import TracebackType
from typing import Self

_PIECE = 16_384
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: on, no seconds; closing then sends a reset, as a machine that went away would."""


class Fault(enum.Enum):
    """What is wrong with an endpoint."""

    NONE = "everything passes"
    RESET = "connections are accepted and reset"
    SILENT = "connections are accepted, read and never answered"
    RUBBISH = "the answer to anything is bytes of no protocol"


class FaultyEndpoint:
    """A port of this machine before `upstream`; with none it can only be faulty."""

    def __init__(self, upstream: tuple[str, int] | None, fault: Fault = Fault.NONE) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._left: int | None = None
        self._next = Fault.RESET
        self.fault = fault
        self.passed = 0
        """Bytes that clients have sent since the start, `break_off` or `mend`."""
        self.connections = 0
        """That were accepted since then."""
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """`host:port`."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def break_off(self, after: int = 0, fault: Fault = Fault.RESET) -> None:
        """Let so many bytes more pass from clients, then lose all connections and stay faulty."""
        with self._lock:
            self.passed = self.connections = 0
            self._left = after
            self.fault = Fault.NONE
            self._next = fault
        if not after:
            self._break()

    def mend(self) -> None:
        """Let everything pass again; what was connected stays lost."""
        self._lose()
        with self._lock:
            self.passed = self.connections = 0
            self._left = None
            self.fault = Fault.NONE

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._lose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- in threads ------------------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self._open.add(client)
            fault = self.fault
        with contextlib.suppress(OSError):
            if fault is Fault.NONE:
                self._pass_on(client)
            elif fault is Fault.SILENT:
                while client.recv(_PIECE):
                    pass
            elif fault is Fault.RUBBISH and client.recv(_PIECE):
                client.sendall(b"\x00\xffno such thing\r\n" * 8)
        with self._lock:
            self._open.discard(client)
        with contextlib.suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        client.close()

    def _pass_on(self, client: socket.socket) -> None:
        if self._upstream is None:
            return
        with (
            socket.create_connection(self._upstream) as server,
            selectors.DefaultSelector() as both,
        ):
            both.register(client, selectors.EVENT_READ, server)
            both.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in both.select():
                    source, target = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    piece = source.recv(_PIECE)
                    if not piece:
                        return
                    if source is not client:
                        target.sendall(piece)
                        continue
                    piece, is_last = self._let_through(piece)
                    target.sendall(piece)
                    if is_last:
                        self._break()
                        return

    def _let_through(self, piece: bytes) -> tuple[bytes, bool]:
        """What may pass of a piece from a client, and whether the fault begins with it."""
        with self._lock:
            if self._left is not None:
                piece = piece[: self._left]
                self._left -= len(piece)
            self.passed += len(piece)
            return piece, self._left == 0

    def _break(self) -> None:
        with self._lock:
            self.fault = self._next
        self._lose()

    def _lose(self) -> None:
        """Wake whoever serves a connection: it ends with it."""
        with self._lock:
            for client in self._open:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
