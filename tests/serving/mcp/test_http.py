"""The server over streamable HTTP: a process of its own, asked by the SDK's client and by hand."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.serving.conftest import repository
from tests.serving.mcp.clients import MODES, client, command, run, text
from tests.serving.mcp.test_stdio import HELLO

KEY = "a-key-that-nobody-guesses"


@contextmanager
def serving(*options: str, key: str | None = None) -> Iterator[tuple[str, int]]:
    """A server on a free port: its address and port."""
    wanted = command("--http", "--port", "0", *options)
    environment = {**os.environ, **(wanted.env or {}), **({"C2LLM_SERVE_KEY": key} if key else {})}
    process = subprocess.Popen(
        [wanted.command, *wanted.args],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.search(r"http://\S+:(\d+)/mcp", line)
        assert found, line + process.stderr.read()
        yield f"http://127.0.0.1:{found[1]}/mcp", int(found[1])
    finally:
        process.terminate()
        out, error = process.communicate()
        assert out == "" and "Traceback" not in error


def posted(port: int, **headers: str) -> int:
    """The status of a first message with these headers."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    usual = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    given = usual | {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", "/mcp", json.dumps(HELLO), given)
    status = connection.getresponse().status
    connection.close()
    return status


def test_clients_ask_over_http(project: Path, tmp_path: Path) -> None:
    other = repository(tmp_path / "other", {"o.py": "def retry_with_backoff(): ...\n"})

    async def ask(address: str, mode: str):
        # What a client has open on its own machine means nothing here.
        async with client(address, mode, other) as session:
            found = await session.call_tool("search", {"query": "retry with backoff"})
            read = await session.call_tool("read", {"path": str(other / "o.py")})
            return text(found), read

    with serving("--root", str(project)) as (address, port):
        for mode in MODES:
            found, read = run(partial(ask, address, mode))
            assert found.startswith("src/net/retry.py") and "o.py" not in found
            assert read.is_error and "outside of" in text(read)
        assert posted(port) == 200
        assert posted(port, host="evil.example") == 421
        assert posted(port, host=f"localhost.evil.example:{port}") == 421
        assert posted(port, host=f"localhost:{port + 1}") == 421
        assert posted(port, origin="http://evil.example") == 403
        assert posted(port, origin="null") == 403
        assert posted(port, origin=f"http://localhost:{port}") == 200


def test_beyond_loopback_a_key_is_needed(project: Path) -> None:
    wanted = command("--http", "--host", "0.0.0.0", "--port", "0", "--root", str(project))
    done = subprocess.run(
        [wanted.command, *wanted.args],
        env=wanted.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "a key is needed" in done.stderr

    async def ask(address: str):
        transport = streamable_http_client(
            address, http_client=httpx2.AsyncClient(headers={"Authorization": f"Bearer {KEY}"})
        )
        async with Client(transport) as session:
            return text(await session.call_tool("search", {"query": "retry with backoff"}))

    options = ("--host", "0.0.0.0", "--root", str(project), "--allow-host", "search.example")
    with serving(*options, key=KEY) as (address, port):
        assert posted(port) == 401
        assert posted(port, authorization="Bearer wrong") == 401
        assert posted(port, authorization=f"Bearer {KEY}") == 200
        assert posted(port, authorization=f"Bearer {KEY}", host="evil.example") == 421
        assert posted(port, authorization=f"Bearer {KEY}", host=f"search.example:{port}") == 200
        assert run(partial(ask, address)).startswith("src/net/retry.py")


def test_a_port_that_is_taken_is_told(project: Path) -> None:
    with serving("--root", str(project)) as (_, port):
        wanted = command("--http", "--root", str(project), "--port", str(port))
        done = subprocess.run(
            [wanted.command, *wanted.args],
            env=wanted.env,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 2 and "cannot be listened at" in done.stderr


@pytest.mark.parametrize("key", ["short", "ü" * 20])
def test_an_unfit_key_is_refused(project: Path, key: str) -> None:
    wanted = command("--http", "--port", "0", "--root", str(project))
    done = subprocess.run(
        [wanted.command, *wanted.args],
        env={**(wanted.env or {}), "C2LLM_SERVE_KEY": key},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "A key has at least" in done.stderr
