"""How the server listens."""

from __future__ import annotations

import socket

import pytest

from c2llm.serving.http.running import listening
from c2llm.serving.mcp.transports import _listening


@pytest.mark.parametrize("listen", [listening, _listening])
def test_small_answers_are_sent_at_once(listen):
    """asyncio sets TCP_NODELAY where the protocol is named; without it a small answer waits 40 ms
    for the acknowledgement of the one before."""
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP
