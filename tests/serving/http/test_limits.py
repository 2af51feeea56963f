"""How many requests of texts are at work, by what was answered."""

from __future__ import annotations

import pytest

from c2llm.serving.http.inference.limits import Room


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _after(a_second: int, most: int, seconds: float = 2.0) -> tuple[Room, _Clock]:
    clock = _Clock()
    room = Room(most, clock)
    for _ in range(int(a_second * seconds)):
        clock.now += 1 / a_second
        room.answered()
    return room, clock


@pytest.mark.parametrize(
    ("a_second", "most", "room"), [(400, 128, 100), (2_000, 128, 128), (40, 128, 64), (40, 8, 8)]
)
def test_room_is_for_what_is_answered_in_a_quarter_of_a_second(
    a_second: int, most: int, room: int
) -> None:
    assert _after(a_second, most)[0].now == pytest.approx(room, abs=1)


def test_a_server_that_has_rested_takes_a_burst() -> None:
    room, clock = _after(40, 128)
    assert room.now == 64
    clock.now += 3
    assert room.now == 128
    assert Room(128, clock).now == 128
