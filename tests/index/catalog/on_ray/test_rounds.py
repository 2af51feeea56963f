"""Rows come back once each, whatever fails on the way; Ray itself is played here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

import c2llm
from c2llm.errors import C2LLMError
from c2llm.index.catalog.on_ray.rounds import GivenUpError, rounds

Row = dict[str, Any]


@dataclass
class PlayedRay:
    """A dataset whose rows go through `do`."""

    do: Callable[[Row], Iterator[Row]]
    sizes: list[int] = field(default_factory=list)

    def from_items(self, rows: list[Row], *, override_num_blocks: int) -> PlayedRay:
        assert override_num_blocks == len(rows)
        self.sizes.append(len(rows))
        self._rows = rows
        return self

    def iter_rows(self) -> Iterator[Row]:
        for row in self._rows:
            for one in self.do(row):
                yield {**one, "version": c2llm.__version__} | one


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Row], Iterator[Row]]], PlayedRay]:
    def played(do: Callable[[Row], Iterator[Row]]) -> PlayedRay:
        ray, data = ModuleType("ray"), PlayedRay(do)
        monkeypatch.setitem(sys.modules, "ray", ray)
        monkeypatch.setitem(sys.modules, "ray.data", data)
        ray.data = data  # type: ignore[attr-defined]
        return data

    return played


def run(count: int, stop: Callable[[], bool] = lambda: False) -> list[Row | GivenUpError]:
    return list(rounds({n: {"number": n} for n in range(count)}, lambda data: data, stop))


def test_each_row_comes_back_once(play: Callable[..., PlayedRay]) -> None:
    played = play(lambda row: iter([row, row]))  # a task that was done twice
    assert sorted(row["number"] for row in run(5)) == list(range(5))
    assert played.sizes == [5]


def test_a_round_that_fails_is_gone_on_with(play: Callable[..., PlayedRay]) -> None:
    failed: list[int] = []

    def do(row: Row) -> Iterator[Row]:
        if row["number"] in (2, 4) and row["number"] not in failed:
            failed.append(row["number"])
            raise RuntimeError("a node is gone")
        return iter([row])

    played = play(do)
    assert sorted(row["number"] for row in run(6)) == list(range(6))
    assert played.sizes == [6, 4, 2]  # what had come back is not sent again


def test_a_row_that_kills_its_process_costs_itself_alone(play: Callable[..., PlayedRay]) -> None:
    def do(row: Row) -> Iterator[Row]:
        if row["number"] == 0:
            raise RuntimeError("first line\nThe actor died unexpectedly.")
        return iter([row])

    play(do)
    found = run(4)
    given_up = [one for one in found if isinstance(one, GivenUpError)]
    assert [(one.number, one.reason) for one in given_up] == [(0, "The actor died unexpectedly.")]
    assert sorted(row["number"] for row in found if isinstance(row, dict)) == [1, 2, 3]


def test_a_row_that_silently_does_not_come_back_is_given_up(
    play: Callable[..., PlayedRay],
) -> None:
    play(lambda row: iter([] if row["number"] == 1 else [row]))
    found = run(3)
    assert [one.number for one in found if isinstance(one, GivenUpError)] == [1]


def test_stopping_ends_it_between_rows(play: Callable[..., PlayedRay]) -> None:
    play(lambda row: iter([row]))
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 3

    assert 0 < len(run(10, stop)) < 10


def test_a_node_of_another_version_is_told(play: Callable[..., PlayedRay]) -> None:
    play(lambda row: iter([{**row, "version": "0.0.1"}]))
    with pytest.raises(C2LLMError, match=r"has c2llm 0\.0\.1.*install the same version"):
        run(1)
