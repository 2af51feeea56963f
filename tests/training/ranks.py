"""Run a function in several gloo processes, as torchrun would start them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import multiprocessing


def on_ranks(count: int, function: Callable[..., Any], *arguments: object) -> None:
    """Call `function(*arguments)` in `count` processes that form a world; errors are raised."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(_start, (count, port, function, arguments), nprocs=count)


def _start(
    rank: int, count: int, port: int, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(count),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
    )
    torch.set_num_threads(1)
    from c2llm.training.run.distributed import leave_world

    try:
        function(*arguments)
    finally:
        leave_world()


def flat(gradients: dict[str, torch.Tensor]) -> torch.Tensor:
    """All gradients in one vector, by name."""
    return torch.cat([gradients[name].flatten() for name in sorted(gradients)])


def save_gradients(model: torch.nn.Module, path: Path) -> None:
    """Whole gradients of the trained parameters, from rank 0."""
    from safetensors.torch import save_file

    from c2llm.training.run.checkpoint import whole

    found = {n: whole(p.grad) for n, p in model.named_parameters() if p.grad is not None}
    if os.environ.get("RANK", "0") == "0":
        save_file(found, path)
