"""Clients of the SDK, with a server in this process or in one of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult, ListRootsResult, Root

from c2llm.serving.mcp.server import CodeSearchServer

MODES = ["legacy", "2026-07-28"]
"""The handshake of the older protocol, and the one without."""
MODEL = "c2llm-nano"


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    """Run what is asynchronous."""
    return anyio.run(work)


def roots_callback(folders: Sequence[Path]) -> Any:
    """What a client answers that has these directories open."""

    async def callback(context: object) -> ListRootsResult:
        return ListRootsResult(roots=[Root(uri=folder.as_uri()) for folder in folders])

    return callback if folders else None


def client(
    server: CodeSearchServer | StdioServerParameters | str, mode: str, *folders: Path
) -> Client:
    """A client that has these directories open."""
    return Client(server, mode=mode, list_roots_callback=roots_callback(folders))


def command(*options: str) -> StdioServerParameters:
    """The command that a client starts."""
    wanted = ("PATH", "HOME", "C2LLM_HOME", "C2LLM_CONFIG", "C2LLM_TRUST_MODELS")
    environment = {name: os.environ[name] for name in wanted if name in os.environ}
    arguments = ["-m", "c2llm", "mcp", "--model", MODEL, *options]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return StdioServerParameters(command=sys.executable, args=arguments, env=environment)


def text(result: CallToolResult) -> str:
    """The one text of a result."""
    assert result.structured_content is None
    (content,) = result.content
    assert content.type == "text"
    return content.text


def calls(
    server: CodeSearchServer | StdioServerParameters | str,
    mode: str,
    folders: Sequence[Path],
    *wanted: tuple[str, dict[str, Any]],
) -> list[CallToolResult]:
    """The results of some calls, one after the other."""

    async def ask() -> list[CallToolResult]:
        async with client(server, mode, *folders) as session:
            return [await session.call_tool(name, arguments) for name, arguments in wanted]

    return run(partial(ask))
