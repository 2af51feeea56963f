"""Messages with half a character, which a client sends that cuts a text in the middle of one.

JavaScript writes such a half as an escape (`\\ud83d`). The protocol's library does not read a line
that has one and never answers it, so that the client waits until it gives up.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
from mcp.shared._context_streams import ContextReceiveStream, create_context_streams
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter
from pydantic import ValidationError

Received = SessionMessage | Exception


@asynccontextmanager
async def mended(lines: AsyncIterable[Received]) -> AsyncIterator[ContextReceiveStream[Received]]:
    """The same messages, those among them that could not be read with `?` for half a character."""
    writer, reader = create_context_streams[Received](0)

    async def forward() -> None:
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            async with writer:
                async for received in lines:
                    await writer.send(_mended(received))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(forward)
        yield reader


def _mended(received: Received) -> Received:
    if not isinstance(received, ValidationError):
        return received
    line = received.errors(include_url=False)[0]["input"]
    try:
        whole = json.dumps(json.loads(line), ensure_ascii=False).encode(errors="replace")
        return SessionMessage(jsonrpc_message_adapter.validate_json(whole, by_name=False))
    except (TypeError, ValueError, RecursionError):
        return received
