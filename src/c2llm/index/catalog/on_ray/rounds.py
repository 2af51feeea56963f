"""Rows sent through a Ray dataset until each has come back, whatever dies meanwhile.

Ray does again what a lost node or a killed process had. What it cannot mend ends the whole dataset
with an error; the rows that had not come back by then are sent once more. A row that does not come
back of a round of its own is given up: so one bad file costs itself, and nothing waits for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any

import c2llm
from c2llm.errors import C2LLMError

Row = dict[str, Any]
_ATTEMPTS = 3
"""Rounds of all that is left; then each row has rounds of its own."""
_ATTEMPTS_ALONE = 2


class GivenUpError(C2LLMError):
    """A row that the cluster cannot do; `reason` says what Ray told of it."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"The cluster cannot do a part of the work ({reason}).")
        self.number = number
        self.reason = reason


def rounds(
    rows: Mapping[int, Row], through: Callable[[Any], Any], stop: Callable[[], bool]
) -> Generator[Row | GivenUpError, None, None]:
    """Each row as it comes out, or that it is given up, in any order, once.

    Args:
        rows: By their `number`, which comes back with them.
        through: Adds the stages to a dataset.
        stop: Asked after each row; True ends it early.

    Raises:
        C2LLMError: A node of the cluster has another version.
    """
    left = dict(rows)
    failures = 0
    while left and not stop():
        before = len(left)
        try:
            yield from _once(left, through, stop)
            failures += len(left) == before  # all came back, or stop() said so
        except _RoundError as error:
            failures = failures + 1 if len(left) == before else 1
            if failures >= _ATTEMPTS:
                yield from _alone(left, through, stop, error.reason)
                return
        else:
            if left and failures >= _ATTEMPTS:
                yield from _alone(left, through, stop, "it did not come back")
                return


def _alone(
    left: dict[int, Row], through: Callable[[Any], Any], stop: Callable[[], bool], reason: str
) -> Generator[Row | GivenUpError, None, None]:
    """Each row of what is left by itself."""
    for number, row in list(left.items()):
        for _ in range(_ATTEMPTS_ALONE):
            one = {number: row}
            try:
                yield from _once(one, through, stop)
            except _RoundError as error:
                reason = error.reason
            if stop():
                return
            if not one:
                break
        else:
            yield GivenUpError(number, reason)
        del left[number]


class _RoundError(Exception):
    """A dataset has ended with an error."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _once(
    left: dict[int, Row], through: Callable[[Any], Any], stop: Callable[[], bool]
) -> Generator[Row, None, None]:
    """One round; what comes back is taken out of `left`."""
    import ray.data

    dataset = through(ray.data.from_items(list(left.values()), override_num_blocks=len(left)))
    found = iter(dataset.iter_rows())
    try:
        while True:
            try:
                row = next(found, None)
            except Exception as error:  # Ray's own, or what a library on a node has raised
                raise _RoundError(_told(error)) from error
            if row is None:
                return
            if row["version"] != c2llm.__version__:
                raise C2LLMError(
                    f"A node of the cluster has c2llm {row['version']}, this machine has "
                    f"{c2llm.__version__}; install the same version on all."
                )
            if left.pop(row["number"], None) is not None:  # it may come twice
                yield row
            if stop():
                return
    finally:
        del found  # which ends what still runs


def _told(error: BaseException) -> str:
    """What Ray tells of an error, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]
