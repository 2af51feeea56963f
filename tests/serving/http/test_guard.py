"""What is refused before it reaches a route: foreign pages, large and slow requests, by hand."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from fastapi import Request

from c2llm.errors import UsageError
from c2llm.serving.http import guard as guard_module
from c2llm.serving.http import protocol
from c2llm.serving.http.app import create_app
from c2llm.serving.http.guard import GuardSettings
from c2llm.serving.http.running import server_of
from c2llm.serving.http.service import ServeSettings, Service
from c2llm.serving.http.workers import Workers
from c2llm.serving.listener import listening
from c2llm.serving.tenants import Tenants

NAMES = ("127.0.0.1", "localhost", "[::1]", "search.example")


@contextmanager
def running(
    settings: GuardSettings | None = None,
    *,
    connections: int = 50,
    head_seconds: float = 30.0,
    workers: Workers | None = None,
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """A server in a thread: its port, and what it logs."""
    logged: list[dict[str, Any]] = []
    service = Service(ServeSettings(), workers=workers or Workers())
    app = create_app(service, settings or GuardSettings(NAMES), logged.append)

    @app.post("/echo")
    async def echo(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    listener = listening("127.0.0.1", 0)
    server = server_of(app, connections=connections, grace_seconds=1, head_seconds=head_seconds)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], logged
    finally:
        server.should_exit = True
        thread.join(10)


def sent(port: int, content: bytes) -> bytes:
    """All that is answered to these bytes until the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(content)
        found = b""
        with suppress(ConnectionResetError):
            while more := connection.recv(65_536):
                found += more
        return found


def asked(port: int, *headers: str, path: str = "/repositories") -> int:
    """The status of a GET with these lines of headers."""
    lines = "\r\n".join([f"GET {path} HTTP/1.1", *headers, "Connection: close"])
    return int(sent(port, f"{lines}\r\n\r\n".encode("latin-1")).split()[1])


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running(GuardSettings(NAMES, ("search.example",), 10_000)) as (port, _):
        yield port


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:1234", 200),
        ("LOCALHOST", 200),
        ("[::1]:80", 200),
        ("search.example", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("127.0.0.1:80@evil.example", 421),
        ("10.0.0.1", 421),
        ("", 421),
        ("localhost:evil", 421),
    ],
)
def test_it_answers_to_its_names_alone(port: int, host: str, status: int) -> None:
    assert asked(port, f"Host: {host}") == status


def test_a_host_is_named_once(port: int) -> None:
    assert asked(port) == 400
    assert asked(port, "Host: localhost", "Host: evil.example") in (400, 421)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["Origin: http://localhost:80"], 200),
        (["Origin: https://search.example"], 200),
        (["Origin: http://localhost:3000"], 403),
        (["Origin: http://evil.example"], 403),
        (["Origin: null"], 403),
        (["Origin: http://localhost:80@evil.example"], 403),
        (["Origin: file://"], 403),
        (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], 403),
        (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"], 200),
        (["Sec-Fetch-Site: same-origin"], 200),
    ],
)
def test_pages_of_other_sites_are_refused(port: int, headers: list[str], status: int) -> None:
    assert asked(port, "Host: localhost:80", *headers) == status


def test_no_page_is_allowed_to_read_answers(port: int) -> None:
    answer = sent(
        port,
        b"OPTIONS /search HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
        b"Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n",
    )
    assert b"access-control" not in answer.lower()
    assert b"x-content-type-options: nosniff" in answer.lower()


def test_large_bodies_are_refused_by_their_length_and_by_their_bytes(port: int) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    announced = sent(port, head + b"Content-Length: 999999999999\r\nExpect: 100-continue\r\n\r\n")
    assert announced.startswith(b"HTTP/1.1 413") and b"too_large" in announced
    whole = sent(port, head + b"Content-Length: 10001\r\n\r\n" + b"x" * 10_001)
    assert whole.startswith(b"HTTP/1.1 413")
    chunk = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    parts = sent(port, head + b"Transfer-Encoding: chunked\r\n\r\n" + 3 * chunk + b"0\r\n\r\n")
    assert parts.startswith(b"HTTP/1.1 413")
    fits = sent(port, head + b"Transfer-Encoding: chunked\r\n\r\n" + 2 * chunk + b"0\r\n\r\n")
    assert fits.startswith(b"HTTP/1.1 200") and b'{"bytes":8192}' in fits


@pytest.mark.parametrize("path", ["/search", "/v1/embeddings", "/repositories", "/nowhere"])
def test_a_body_in_pieces_is_refused_for_what_it_is_on_every_route(port: int, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    piece = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    answer = sent(
        port, head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + 400 * piece + b"0\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 404" if path == "/nowhere" else b"HTTP/1.1 413")
    assert answer.endswith(b"}")  # and whole


@pytest.mark.parametrize(
    "content",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET /\r\n\r\n",
        b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_with_400(port: int, content: bytes) -> None:
    assert sent(port, content).startswith(b"HTTP/1.1 400")
    assert asked(port, "Host: localhost") == 200


def test_who_sends_a_head_byte_by_byte_is_cut_off() -> None:
    with running(head_seconds=0.2) as (port, _):
        assert sent(port, b"") == b""  # nothing at all
        assert sent(port, b"GET / HTTP/1.1\r\nHost: loc") == b""
        assert asked(port, "Host: localhost") == 200


def test_who_sends_a_body_too_slowly_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "_BODY_SECONDS", 0.2)
    monkeypatch.setattr(guard_module, "_DRAIN_SECONDS", 0.1)
    with running() as (port, _):
        head = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc"
        assert sent(port, head).startswith(b"HTTP/1.1 408")


def test_connections_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_REFUSAL_SECONDS", 0.5)
    with running(connections=3) as (port, _):
        held = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(3)]
        for one in held:  # until the server has taken them
            one.sendall(b"GET /repositories HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert one.recv(20).startswith(b"HTTP/1.1 200")
        asks = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n"
        refused = sent(port, asks + b"x" * 500_000)
        assert refused.startswith(b"HTTP/1.1 429") and b"retry-after: 1" in refused
        assert json.loads(refused.partition(b"\r\n\r\n")[2])["error"]["code"] == "too_many"
        assert sent(port, b"") == b""  # one that asks nothing is closed, too
        for one in held:
            one.close()


def test_an_answer_is_logged_with_its_failure() -> None:
    with running() as (port, logged):
        sent(port, b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert logged[0]["status"] == 404 and logged[0]["path"] == "/nowhere"
        assert logged[0]["tenant"] == "local" and "query" not in logged[0]


class _Client:
    """A request whose client stays until it is told to go."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def receive(self) -> dict[str, str]:
        await self.left.wait()
        return {"type": "http.disconnect"}


def test_a_full_queue_is_told_and_who_hangs_up_is_dropped() -> None:
    from c2llm.serving.http.errors import ApiError

    async def main() -> None:
        workers = Workers(at_work=1, waiting=1)
        free, begun = threading.Event(), []

        def work() -> str:
            begun.append(1)
            free.wait(30)
            return "done"

        first, second = _Client(), _Client()
        one = asyncio.create_task(workers.run(first, work))  # type: ignore[arg-type]
        two = asyncio.create_task(workers.run(second, work))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        with pytest.raises(ApiError) as refused:
            await workers.run(_Client(), work)  # type: ignore[arg-type]
        assert refused.value.status == 429 and refused.value.headers == {"Retry-After": "1"}
        second.left.set()
        with pytest.raises(ApiError) as gone:
            await two
        assert gone.value.status == 499
        free.set()
        assert await one == "done"
        assert begun == [1]  # the work of the second one was never begun
        assert await workers.run(_Client(), lambda: "again") == "again"  # type: ignore[arg-type]
        workers.close()

    asyncio.run(main())


def test_a_port_that_is_taken_is_told_in_one_sentence() -> None:
    taken = listening("127.0.0.1", 0)
    with taken, pytest.raises(UsageError, match="cannot be listened at"):
        listening("127.0.0.1", taken.getsockname()[1])


def test_what_is_cut_off_at_the_end_is_told_to_ask_again() -> None:
    answered: list[dict[str, Any]] = []
    logged: list[dict[str, Any]] = []

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        answered.append(message)

    async def cut_off() -> None:
        guard = guard_module.Guard(endless, Tenants(), log=logged.append)
        scope = {"type": "http", "method": "GET", "path": "/search", "headers": []}
        task = asyncio.create_task(guard(scope, receive, send))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cut_off())
    assert answered[0]["status"] == logged[0]["status"] == 503
    assert json.loads(answered[1]["body"])["error"]["code"] == "ending"
