"""What this machine can do at best: the speed of a large matrix product and of plain copying.

Both are measured, not looked up: cores are shared, clocks vary, and a bound that nobody reaches
tells nothing. fp32 by numpy's BLAS; bf16 by torch where it is installed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_SIZE = 1536
_COPY_NUMBERS = 1 << 24
"""64 MB of float32: beyond the caches."""
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The best of several rounds of each."""

    flops_per_second: float
    """fp32 matrix product."""
    bytes_per_second: float
    """Copying: each byte read and each byte written counts."""
    bf16_flops_per_second: float | None
    """bf16 matrix product in torch, None without torch."""


def measure_ceiling(*, with_torch: bool) -> Ceiling:
    """Measure, in about two seconds.

    Args:
        with_torch: whether to measure bf16 too, if torch is installed.
    """
    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((_SIZE, _SIZE), dtype=np.float32) for _ in range(2))
    product = np.empty_like(left)
    source = np.ones(_COPY_NUMBERS, dtype=np.float32)
    target = np.empty_like(source)
    return Ceiling(
        flops_per_second=2 * _SIZE**3 / _best(lambda: np.matmul(left, right, out=product)),
        bytes_per_second=2 * source.nbytes / _best(lambda: np.copyto(target, source)),
        bf16_flops_per_second=_bf16() if with_torch else None,
    )


def _bf16() -> float | None:
    try:
        import torch
    except ModuleNotFoundError:
        return None
    left, right = (torch.randn(_SIZE, _SIZE).to(torch.bfloat16) for _ in range(2))
    return 2 * _SIZE**3 / _best(lambda: torch.mm(left, right))


def _best(work: Callable[[], object]) -> float:
    """Seconds of the fastest round, after one that does not count."""
    work()
    seconds = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return max(min(seconds), 1e-9)
