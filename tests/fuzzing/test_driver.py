"""What is found is kept at once, told apart, made shorter, and forgotten when it is repaired."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from c2llm.errors import UsageError
from tests.fuzzing import by_strategy
from tests.fuzzing.findings import Findings
from tests.fuzzing.limits import TookTooLongError, cpu_limit
from tests.fuzzing.steps import HOSTILE, MOST_BYTES, changed, random_steps
from tests.fuzzing.target import Target, names
from tests.fuzzing.watched import Watched

SEED = b"first\nsecond\nthird\n"


def broken(data: bytes) -> None:
    if b"\0" in data:
        raise ZeroDivisionError
    if b"refuse" in data:
        raise UsageError("No.")
    assert b"\x1b" not in data


def findings(folder: Path, check=broken) -> Findings:
    return Findings("a/b", Target(check, [SEED]), folder)


def test_two_faults_are_found_shortened_and_told_apart(tmp_path: Path) -> None:
    found = findings(tmp_path)
    for data in (b"one\ntwo \0 three", b"x" * 50 + b"\x1b[31m", b"a\0", b"refuse", SEED):
        found.try_input(data)
    assert found.executions == 5 and len(found.known) == 2
    found.shrink()
    kept = {file.read_bytes() for file in tmp_path.glob("*.input")}
    assert kept == {b"\0", b"\x1b"}
    told = "".join(file.read_text() for file in tmp_path.glob("*.txt"))
    assert "ZeroDivisionError" in told and "AssertionError" in told


def test_what_was_repaired_is_forgotten_and_the_rest_is_not(tmp_path: Path) -> None:
    found = findings(tmp_path)
    found.try_input(b"\0")
    found.try_input(b"\x1b")
    again = findings(tmp_path, lambda data: broken(data.replace(b"\0", b"")))
    again.replay()
    assert [file.read_bytes() for file in tmp_path.glob("*.input")] == [b"\x1b"]


def test_hypothesis_finds_a_fault_by_the_steps(tmp_path: Path) -> None:
    found = findings(tmp_path)
    tried: list[bytes] = []

    def try_input(data: bytes) -> None:
        tried.append(data)
        found.try_input(data)
        if found.known:
            raise by_strategy.TimeIsUpError

    by_strategy.search(found.target, [], try_input, 60)
    assert found.known and list(tmp_path.glob("*.input"))


def test_ctrl_c_loses_no_finding(tmp_path: Path) -> None:
    found = findings(tmp_path)

    def try_input(data: bytes) -> None:
        found.try_input(b"\0")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        try_input(b"")
    assert [file.read_bytes() for file in tmp_path.glob("*.input")] == [b"\0"]


def test_what_takes_too_long_is_ended() -> None:
    with pytest.raises(TookTooLongError), cpu_limit(0.01):
        while True:
            pass


def test_an_error_of_a_megabyte_is_none() -> None:
    def check(data: bytes) -> None:
        error = UsageError("x")
        error.__class__ = type("Long", (UsageError,), {"__str__": lambda self: "x" * 10_000})
        raise error

    with pytest.raises(AssertionError, match="10000 characters"):
        Target(check, [SEED]).run(b"")


def test_a_process_sees_what_another_one_was_at(tmp_path: Path) -> None:
    mine = Watched(tmp_path / "now")
    mine.begin(b"first")
    mine.begin(b"second one")
    other = Watched(tmp_path / "now")
    assert other.count == 2 and other.last == b"second one"
    other.clear()
    assert mine.count == 0


def test_steps_do_the_same_again_and_keep_a_bound() -> None:
    source = random.Random(0)
    for _ in range(300):
        steps = [step for _ in range(4) for step in random_steps(source)]
        once = changed(SEED * 50, steps, HOSTILE)
        assert once == changed(SEED * 50, steps, HOSTILE) and len(once) <= MOST_BYTES


def test_there_are_targets_for_what_is_hostile() -> None:
    folders = {name.partition("/")[0] for name in names()}
    assert folders == {
        *("analysis", "codebase", "index", "models", "search", "serving", "settings"),
    }
