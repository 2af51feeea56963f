"""Requests to every route of the server, from the request line to the body."""

from __future__ import annotations

import asyncio
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tests.fuzzing.reading import text_of, tokens
from tests.fuzzing.target import Target
from tests.serving.inference.fakes import FakeEncoder
from tests.trees import PROJECT, write_tree

_MODEL = "c2llm-nano"
_STATUSES = frozenset(
    {200, 201, 304, 307, 400, 401, 403, 404, 405, 406, 408, 411, 413, 415, 422, 429}
)
_PATHS = (
    *("/v1/embeddings", "/v1/rerank", "/rerank", "/search", "/similar", "/repositories", "/file"),
    *(
        "/repositories/refresh",
        "/v1/models",
        "/v1/models/x",
        "/info",
        "/health",
        "/metrics",
        "/docs",
    ),
    *("/page/state", "/page/progress", "/page/search", "/page/file", "/page/callers", "/"),
    *("/page/duplicates", "/openapi.json", "/assets/x", "/favicon.ico"),
)


@cache
def _server() -> tuple[asyncio.AbstractEventLoop, Any]:
    """The application in a loop of its own, with a repository and an encoder without weights."""
    from c2llm.serving.http.app import create_app
    from c2llm.serving.http.service import ServeSettings, Service
    from c2llm.serving.repositories import Repositories

    top = Path(tempfile.mkdtemp(prefix="c2llm-fuzz-served-")).resolve()
    write_tree(top / "project", dict(PROJECT))
    service = Service(ServeSettings(model=_MODEL))
    service.repositories = Repositories([top / "project"], [top])
    service.embedder._load = lambda: FakeEncoder(batch_tokens=1_000)  # type: ignore[method-assign]
    service.embedder.start()
    assert service.embedder.wait(60), service.embedder.health()
    return asyncio.new_event_loop(), create_app(service)


def check(data: bytes) -> None:
    """Request line, headers, an empty line and a body, as on the wire but for `\\r`."""
    loop, app = _server()
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, _, target = text_of(first).partition(" ")
    if not (method.isascii() and method.isalpha() and target.startswith("/")):
        return  # no HTTP; that is told by the library in front of the application
    path, _, query = target.partition("?")
    headers = [
        (name.strip().lower(), value.strip())
        for line in lines
        for name, colon, value in [line.partition(b":")]
        if colon and name.strip() and name.isascii() and b"\0" not in line
    ]
    if not any(name == b"host" for name, _ in headers):
        headers.append((b"host", b"localhost"))
    status, told, content = loop.run_until_complete(
        asyncio.wait_for(_asked(app, method.upper(), path, query, headers, body), 60)
    )
    assert status in _STATUSES or _says_busy(status, content), (status, content[:500])
    kind = told.get(b"content-type", b"")
    if kind.startswith(b"application/json"):
        said = json.loads(content.decode(), parse_constant=_no_constant)
        if status >= 400:
            error = said["error"]
            assert set(said) == {"error"} and set(error) == {"message", "code", "type"}
            assert "\n" not in error["message"] and len(error["message"]) < 1_000, error
    else:
        assert status < 400 or method.upper() == "HEAD", (status, kind, content[:200])
    for name, value in told.items():
        assert b"\n" not in name + value and b"\r" not in name + value


def _says_busy(status: int, content: bytes) -> bool:
    return status == 503 and json.loads(content)["error"]["code"] in ("busy", "not_ready")


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


async def _asked(
    app: Any, method: str, path: str, query: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> tuple[int, dict[bytes, bytes], bytes]:
    pieces = [body[: len(body) // 2], body[len(body) // 2 :]]
    parts: list[bytes] = []
    told: dict[bytes, bytes] = {}
    status = 0

    async def receive() -> dict[str, Any]:
        if pieces:
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}
        await asyncio.sleep(3_600)  # the client waits
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            told.update({name.lower(): value for name, value in message.get("headers", ())})
        else:
            parts.append(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        "raw_path": path.encode("utf-8", "surrogateescape"),
        "query_string": query.encode("utf-8", "surrogateescape"),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    await app(scope, receive, send)
    return status, told, b"".join(parts)


def _post(path: str, body: object, kind: str = "application/json") -> bytes:
    return f"POST {path}\ncontent-type: {kind}\n\n".encode() + json.dumps(body).encode()


_SEEDS = [
    _post("/v1/embeddings", {"input": ["a b", "c"], "model": _MODEL, "encoding_format": "base64"}),
    _post("/v1/embeddings", {"input": "a", "dimensions": 256, "input_type": "query", "user": "u"}),
    _post("/v1/rerank", {"query": "a", "documents": ["b", {"text": "c"}], "top_n": 1}),
    _post("/rerank", {"query": "a", "texts": ["b", "c"], "return_text": True}),
    _post("/search", {"query": "retry with backoff", "k": 2, "mode": "lexical", "facets": True}),
    _post("/search", {"query": "retry", "languages": ["python"], "include": ["src/**"],
                      "callers": True, "pattern": "def", "max_tokens": 100, "whole": True,
                      "explain": True}),
    _post("/search", {"query": "a", "where": "a > 1", "sort": "-a", "repositories": ["project"]}),
    _post("/similar", {"place": "src/net/retry.py:5", "repository": "project", "mode": "lexical"}),
    _post("/similar", {"code": "def f():\n    pass\n", "k": 1}),
    _post("/repositories", {"path": "project/src"}),
    _post("/repositories/refresh", {"name": "project"}),
    _post("/page/state", {}), _post("/page/progress", {"query": "a"}),
    _post("/page/search", {"query": "retry lang:python"}),
    _post("/page/file", {"repository": "project", "path": "README.md"}),
    _post("/page/callers", {"repository": "project", "path": "src/net/retry.py", "line": 5}),
    _post("/page/duplicates", {"repository": "project", "path": "src/net/retry.py", "line": 5}),
    b"GET /search?q=retry+lang%3Apython&k=3&mode=lexical\naccept: */*\n\n",
    b"GET /file?path=README.md&start_line=1&end_line=3\n\n",
    b"GET /similar?place=src/net/retry.py:5\norigin: http://localhost\n\n",
    b"DELETE /repositories?name=project\nauthorization: Bearer x\n\n",
    *(f"GET {path}\nx-request-id: a\n\n".encode() for path in _PATHS),
]  # fmt: skip
_TOKENS = tokens(
    r"""
    content-length:\x205\n content-length:\x20-1\n content-encoding:\x20gzip\n expect:\x20x\n
    transfer-encoding:\x20chunked\n content-type:\x20text/plain\n ;\x20charset=utf-16
    host:\x20x\n %00 %ff %2e%2e%2f &k= ?q= HEAD\x20 OPTIONS\x20 PUT\x20 \\ud800 /../
    origin:\x20http://evil\n if-none-match:\x20*\n "query":\x20 cookie:\x20a\n /v1/embeddings
    /v1/rerank /rerank /search /similar /repositories /file /repositories/refresh /v1/models
    /v1/models/x /info /health /metrics /docs /page/state /page/progress /page/search /page/file
    /page/callers / /page/duplicates /openapi.json /assets/x /favicon.ico
    """
)

TARGET = Target(check, _SEEDS, _TOKENS, answers=(), quick=8)
