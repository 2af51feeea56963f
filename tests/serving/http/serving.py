"""A server on a real socket, in a thread of the test's process."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from c2llm.serving.http.app import create_app
from c2llm.serving.http.service import ServeSettings, Service


@contextmanager
def served(settings: ServeSettings, *, encoder: Any = None) -> Iterator[tuple[str, Service]]:
    """A server on a free port: its address and what answers, the model being loaded.

    Args:
        settings: How it is started.
        encoder: Embeds in the model's place.
    """
    service = Service(settings)
    if encoder is not None:
        service.embedder._load = lambda: encoder
    server = uvicorn.Server(uvicorn.Config(create_app(service), log_level="critical", ws="none"))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        assert service.embedder.wait(60), service.embedder.health()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", service
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def posted(address: str, path: str, body: Any, **headers: str) -> httpx.Response:
    """The answer to a body: JSON, unless it is bytes already."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(
        address + path,
        content=content,
        headers={"content-type": "application/json", **headers},
        timeout=30,
        trust_env=False,
    )


def refusal(answer: httpx.Response, status: int, code: str) -> str:
    """The sentence of an error, which is in the one shape."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) == {"message", "code", "type"} and error["code"] == code
    assert error["message"].endswith(".") and "\n" not in error["message"]
    return error["message"]
