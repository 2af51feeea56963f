"""Lines to the MCP server: whatever stands in them, what asks is answered and the next one too."""

from __future__ import annotations

import io
import json
import logging
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import anyio

from tests.fuzzing.reading import tokens
from tests.fuzzing.target import Target
from tests.trees import PROJECT, write_tree

_HELLO = {
    "jsonrpc": "2.0", "id": "hello", "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {},
               "clientInfo": {"name": "a", "version": "1"}},
}  # fmt: skip
_LAST = {"jsonrpc": "2.0", "id": "last", "method": "ping"}


@cache
def _server() -> Any:
    from c2llm.serving.mcp.server import CodeSearchServer

    logging.disable(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="c2llm-fuzz-mcp-")).resolve()
    write_tree(folder, dict(PROJECT))
    return CodeSearchServer([folder], "c2llm-nano")


class _Lines:
    """Standard input: the lines of a client that has its last answer before it hangs up."""

    def __init__(self, lines: list[str], done: anyio.Event) -> None:
        self._lines = iter(lines)
        self._done = done

    def __aiter__(self) -> _Lines:
        return self

    async def __anext__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            with anyio.move_on_after(60):
                await self._done.wait()
            raise StopAsyncIteration
        return line


class _Answers:
    """Standard output."""

    def __init__(self, done: anyio.Event, wanted: int) -> None:
        self.text = io.StringIO()
        self._done, self._wanted, self._count = done, wanted, 0

    async def write(self, text: str) -> None:
        text.encode()  # as the stream does
        self.text.write(text)
        self._count += '"id":"' in text and '"method":' not in text
        if '"id":"last"' in text:
            self._done.set()

    async def flush(self) -> None:
        pass


def check(data: bytes) -> None:
    """One message a line."""
    text = data.decode("utf-8", "replace").replace("\r", "\n")
    given = [f"{line}\n" for line in text.split("\n")]
    lines = [json.dumps(_HELLO) + "\n", *given, json.dumps(_LAST) + "\n"]
    written = anyio.run(_spoken, lines)
    answered: list[Any] = []
    for line in written.splitlines():
        said = json.loads(line)
        assert said["jsonrpc"] == "2.0"
        if "method" not in said:
            answered.append(said.get("id"))
            assert ("result" in said) != ("error" in said)
            for one in said.get("result", {}).get("content", ()):
                assert "Traceback" not in one.get("text", ""), one
                assert "should not have happened" not in one.get("text", ""), one
    assert "last" in answered, "the server has fallen silent"


async def _spoken(lines: list[str]) -> str:
    from mcp.server.stdio import stdio_server

    from c2llm.serving.mcp.mended_lines import mended

    done = anyio.Event()
    answers = _Answers(done, len(lines))
    server = _server()._lowlevel_server
    async with (
        stdio_server(_Lines(lines, done), answers) as (read, write),  # type: ignore[arg-type]
        mended(read) as messages,
    ):
        await server.run(messages, write, server.create_initialization_options())
    return answers.text.getvalue()


def _call(name: str, **arguments: object) -> bytes:
    params = {"name": name, "arguments": arguments}
    return json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    ).encode()


_READY = b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n'
_SEEDS = [
    _READY + _call("search", query="retry with backoff", k=3, mode="lexical", languages=["python"]),
    _READY + _call("search", query="a", include=["src/**"], callers=True, offset=1, max_tokens=500),
    _READY + _call("search", query=" ", where="a > 1", sort="-a"),
    _READY + _call("similar", path="src/net/retry.py", line=5),
    _READY + _call("duplicates", code="def f():\n    return 1\n", language="python"),
    _READY + _call("duplicates", path="src/net/retry.py", line=5),
    _READY + _call("read", path="README.md", start_line=1, end_line=3),
    _READY + _call("status", path="src"),
    _READY + b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}',
    _READY + b'{"jsonrpc": "2.0", "id": 1, "method": "resources/list", "params": {"cursor": "a"}}',
    b'{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}',
]
_TOKENS = tokens(
    r"""
    \n \n[]\n \nnull\n "id":\x20null "id":\x201.5 \\ud83d "method":\x20"x" \n{}\n
    "jsonrpc":\x20"1.0" "params":\x20[] "_meta":\x20{"progressToken":\x201} ../ @x
    \n{"jsonrpc":\x20"2.0",\x20"id":\x201,\x20"result":\x20{}}\n "arguments":\x20null \\u0000
    prompts/get
    """
)

TARGET = Target(check, _SEEDS, _TOKENS, answers=(), quick=4)
