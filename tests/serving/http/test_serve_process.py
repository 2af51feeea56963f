"""`c2llm serve` as a process: oversized and slow bodies, and a kill in the middle of it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.serving.http.serving import posted, refusal


@contextmanager
def process(
    home: Path, folder: Path, *options: str, stdin: int = subprocess.DEVNULL
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server of its own: its address."""
    command = [sys.executable, "-m", "c2llm", "serve", str(folder), "--port", "0", "--log", "off"]
    started = subprocess.Popen(
        [*command, "--model", "c2llm-nano", *options],
        env={**os.environ, "C2LLM_HOME": str(home)},
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert started.stderr is not None
        line = started.stderr.readline()
        found = re.search(r"http://\S+:\d+", line)
        assert found, line
        address = found[0].rstrip(";")
        while httpx.get(f"{address}/health", trust_env=False).status_code == 503:
            pass
        yield address, started
    finally:
        started.kill()
        started.communicate()


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    top = tmp_path_factory.mktemp("server")
    (top / "project").mkdir()
    with process(top / "home", top / "project", "--max-body-mb", "1") as (address, _):
        yield address


def test_a_body_that_says_its_size_is_refused_unread(started):
    host, port = started.removeprefix("http://").split(":")
    head = "POST /v1/embeddings HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9000000000\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(head.encode())
        assert client.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_that_does_not_say_its_size_is_refused_when_it_is_too_large(started):
    def chunks() -> Iterator[bytes]:
        yield b'{"input": "'
        for _ in range(40):
            yield b"x" * 100_000

    try:
        answer = httpx.post(
            f"{started}/v1/embeddings",
            content=chunks(),
            headers={"content-type": "application/json"},
            timeout=20,
            trust_env=False,
        )
    except httpx.WriteError:  # the connection was closed while it was still sending
        answer = None
    if answer is not None:
        refusal(answer, 413, "too_large")
    assert posted(started, "/v1/embeddings", {"input": "after"}).status_code == 200


def test_half_a_request_holds_nobody_up(started):
    host, port = started.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(50)]
    head = b"POST /v1/embeddings HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\n"
    try:
        for number, client in enumerate(slow):
            client.sendall(head if number % 2 else head[:20])
        assert posted(started, "/v1/embeddings", {"input": "meanwhile"}).status_code == 200
    finally:
        for client in slow:
            client.close()


def test_kill_loses_nothing(tmp_path):
    (tmp_path / "project").mkdir()
    options = ("--disk-cache-mb", "10")
    texts = {"input": [f"def f{i}(): return {i}" for i in range(50)]}
    with process(tmp_path / "home", tmp_path / "project", *options) as (address, server):
        before = posted(address, "/v1/embeddings", texts).json()["data"]
        server.send_signal(signal.SIGKILL)
        server.wait()
    with process(tmp_path / "home", tmp_path / "project", *options) as (address, _):
        after = posted(address, "/v1/embeddings", texts).json()["data"]
        text = httpx.get(f"{address}/metrics", trust_env=False).text
        assert 'c2llm_cache_lookups_total{result="hit"} 50.0' in text
    for old, new in zip(before, after, strict=True):
        np.testing.assert_allclose(old["embedding"], new["embedding"], atol=1e-6)


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGHUP")
def test_a_closed_terminal_ends_it_in_good_order_and_a_reload_goes_on(tmp_path):
    (tmp_path / "project").mkdir()
    with process(tmp_path / "home", tmp_path / "project") as (address, started):
        started.send_signal(signal.SIGHUP)
        assert httpx.get(f"{address}/health", trust_env=False).status_code == 200
        started.send_signal(signal.SIGTERM)
        assert started.wait(30) == 0
    terminal, side = os.openpty()
    with process(tmp_path / "home", tmp_path / "project", stdin=side) as (_, started):
        started.send_signal(signal.SIGHUP)
        assert started.wait(30) == 0
    os.close(terminal)
    os.close(side)
