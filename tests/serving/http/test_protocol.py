"""Requests that arrive together are begun some at a time."""

from __future__ import annotations

import asyncio

import pytest

from c2llm.serving.http.protocol import Intake


class _Connection:
    """What an intake sees of a connection."""

    def __init__(self, begun: list[int], number: int) -> None:
        self.loop = asyncio.get_running_loop()
        self._begun, self._number = begun, number

    def begin(self, data: bytes) -> None:
        self._begun.append(self._number)
        if data == b"bad":
            raise ValueError("bad")


def _taken(intake: Intake, begun: list[int], number: int, data: bytes = b"") -> None:
    connection = _Connection(begun, number)
    if intake.take(connection, data):  # type: ignore[arg-type]
        begun.append(number)


def test_a_turn_begins_some_requests_in_their_order() -> None:
    async def run() -> list[list[int]]:
        intake, begun, seen = Intake(3), list[int](), list[list[int]]()
        for number in range(8):
            _taken(intake, begun, number)
        for _ in range(3):
            seen.append(list(begun))
            await asyncio.sleep(0)  # one turn
            _taken(intake, begun, 100)  # who comes later waits behind
        return seen

    assert asyncio.run(run()) == [[0, 1, 2], [0, 1, 2, 3, 4, 5], [*range(8), 100]]


@pytest.mark.filterwarnings("ignore")
def test_a_request_that_fails_holds_up_no_other() -> None:
    async def run() -> list[int]:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        intake, begun = Intake(1), list[int]()
        for number, data in enumerate((b"", b"bad", b"", b"")):
            _taken(intake, begun, number, data)
        for _ in range(4):
            await asyncio.sleep(0)
        _taken(intake, begun, 9)
        return begun

    assert asyncio.run(run()) == [0, 1, 2, 3, 9]
