"""The endpoint that stores are tested against is itself as faulty as it says, and no more."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.index.store.faulty_endpoint import Fault, FaultyEndpoint

WAIT = 20.0


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that sends back what it gets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client:
            try:
                while piece := client.recv(4096):
                    client.sendall(piece)
            except OSError:  # reset, as it should be
                pass

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def connect(endpoint: FaultyEndpoint) -> socket.socket:
    host, _, port = endpoint.address.partition(":")
    return socket.create_connection((host, int(port)), timeout=WAIT)


def read(client: socket.socket) -> bytes:
    """All that comes until the other side ends, however it does."""
    found = b""
    try:
        while piece := client.recv(4096):
            found += piece
    except ConnectionError:
        pass
    return found


def test_passes_everything_until_so_many_bytes(echo: tuple[str, int]) -> None:
    with FaultyEndpoint(echo) as endpoint:
        with connect(endpoint) as client:
            client.sendall(b"0123456789")
            assert client.recv(10, socket.MSG_WAITALL) == b"0123456789"
        assert endpoint.passed == 10
        endpoint.break_off(after=4)
        with connect(endpoint) as client, connect(endpoint) as other:
            client.sendall(b"0123456789")
            assert b"0123".startswith(read(client))
            assert read(other) == b""
        assert endpoint.passed == 4
        assert endpoint.fault is Fault.RESET
        with connect(endpoint) as client:
            assert read(client) == b""
        endpoint.mend()
        with connect(endpoint) as client:
            client.sendall(b"again")
            assert client.recv(5, socket.MSG_WAITALL) == b"again"


def test_is_silent_or_talks_rubbish(echo: tuple[str, int]) -> None:
    with FaultyEndpoint(echo) as endpoint:
        endpoint.break_off(fault=Fault.SILENT)
        with connect(endpoint) as client:
            client.sendall(b"hello")
            client.settimeout(0.05)
            with pytest.raises(TimeoutError):
                client.recv(1)
        endpoint.break_off(fault=Fault.RUBBISH)
        with connect(endpoint) as client:
            client.sendall(b"hello")
            assert b"no such thing" in read(client)


def test_needs_no_server_to_be_faulty() -> None:
    with FaultyEndpoint(None, Fault.RUBBISH) as endpoint, connect(endpoint) as client:
        client.sendall(b"hello")
        assert read(client)
