"""The socket that servers listen at."""

from __future__ import annotations

import socket

import pytest

from c2llm.errors import UsageError
from c2llm.serving.listener import listening


def test_small_answers_are_sent_at_once():
    """asyncio sets TCP_NODELAY where the protocol is named; without it a small answer waits 40 ms
    for the acknowledgement of the one before."""
    with (
        listening("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP


def test_a_port_that_is_taken_is_named():
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1 port {port} cannot be listened at"):
            listening("127.0.0.1", port)
