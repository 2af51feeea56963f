"""Padded batches: texts of like length together, so that little of what is computed is padding."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item")
Result = TypeVar("Result")

# Below it a call costs more than it computes.
_LEAST_TOKENS = 256


def side_by_side(
    call: Callable[[Item], Result], items: Iterable[Item], streams: int
) -> Iterator[Result]:
    """`map(call, items)` with `streams` calls at a time, each in a thread; results in order.

    Items are taken as results are read, so neither pile up. An exception, or leaving the iterator
    early, waits for the calls that run and makes no more.
    """
    if streams == 1:
        yield from map(call, items)
        return
    running: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(streams) as pool:
        try:
            for item in items:
                running.append(pool.submit(call, item))
                if len(running) > streams:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def shared_budget(tokens: int, budget: int, streams: int) -> int:
    """The budget of a batch at which so many tokens give work to all streams."""
    return max(1, min(budget, max(_LEAST_TOKENS, -(-tokens // streams))))


def length_batches(lengths: Sequence[int], budget: int, most: int | None = None) -> list[list[int]]:
    """Indices grouped so that texts of like length share a batch of at most `budget` padded tokens.

    Longest first, so that a run that would not fit into memory fails at once. No row is more than
    half padding, and a batch has at most `most` texts.
    """
    batches: list[list[int]] = []
    width = 0
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        full = not batches or (len(batches[-1]) + 1) * width > budget or len(batches[-1]) == most
        if full or 2 * lengths[index] < width:
            batches.append([])
            width = max(1, lengths[index])
        batches[-1].append(index)
    return batches


def pad(
    batch: Sequence[NDArray[np.int64]], pad_id: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and mask, both int64 (B, L), padded on the right."""
    width = max(1, max(map(len, batch)))
    input_ids = np.full((len(batch), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(batch), width), dtype=np.int64)
    for row, tokens in enumerate(batch):
        input_ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return input_ids, mask
