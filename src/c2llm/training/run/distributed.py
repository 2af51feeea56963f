"""Several processes as one: who we are, gathering with gradients, DDP and FSDP.

`torchrun` and `accelerate launch` start one process a device and say so in the environment; nothing
else is needed, and one process alone is the same code with a world of one.

Why gathering needs gradients: a document of rank 1 stands in the denominators of rank 0's queries.
A gather without autograd drops what those queries ask of it; the gradient then has a cosine of 0.65
with the right one. Here the backward pass of the gather sums what all ranks ask of a vector and
hands it to the rank that owns it. DDP and FSDP then average over ranks, which makes it the gradient
of the mean loss over the whole batch: two processes step exactly as one would.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist

from c2llm.errors import UsageError

TIMEOUT = timedelta(hours=2)
"""Rank 0 may prepare data or evaluate while the others wait."""


@dataclass(frozen=True)
class World:
    """This process among all.

    Attributes:
        rank: number of this process, 0 leads and writes files.
        size: number of processes.
        device: where this process computes.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait for all processes."""
        if self.size > 1:
            dist.barrier()

    def gather(self, rows: Tensor) -> Tensor:
        """Rows of all ranks (size * n, …), in order of rank, with autograd; n is equal on all."""
        if self.size == 1:
            return rows
        gathered: Tensor = _Gather.apply(rows, self)  # type: ignore[no-untyped-call]
        return gathered

    def maximum(self, value: int) -> int:
        """The largest value of all ranks."""
        if self.size == 1:
            return value
        held = torch.tensor([value], device=self.device)
        dist.all_reduce(held, dist.ReduceOp.MAX)
        return int(held.item())

    def total(self, value: float) -> float:
        """The sum over all ranks."""
        if self.size == 1:
            return value
        held = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.all_reduce(held)
        return float(held.item())


class _Gather(torch.autograd.Function):
    """all_gather whose backward pass sums over ranks and keeps the own rows."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, world: World) -> Tensor:
        ctx.world, ctx.rows = world, len(rows)
        parts = [torch.empty_like(rows) for _ in range(world.size)]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        gradient = gradients[0].contiguous().clone()
        dist.all_reduce(gradient)
        start = ctx.world.rank * ctx.rows
        return gradient[start : start + ctx.rows], None


def join_world(device: str) -> World:
    """The world that torchrun or accelerate launch made, or a world of one.

    Args:
        device: `auto`, `cpu` or `cuda`.

    Raises:
        UsageError: if `cuda` is asked for where there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("run.device is 'cuda' but no GPU is visible here: take run.device=auto.")
    use_cuda = device != "cpu" and torch.cuda.is_available()
    size = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    chosen = torch.device("cuda", local) if use_cuda else torch.device("cpu")
    if use_cuda:
        torch.cuda.set_device(chosen)
    if size > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if use_cuda else "gloo", timeout=TIMEOUT)
    return World(int(os.environ.get("RANK", "0")), size, chosen)


def leave_world() -> None:
    """Close the process group, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def distribute(module: nn.Module, world: World, strategy: str, *, bf16: bool) -> nn.Module:
    """Wrap what is trained so that gradients are averaged over ranks.

    Args:
        module: on the world's device.
        world: the processes.
        strategy: `ddp` copies the weights, `fsdp` shards them, layer by layer.
        bf16: gather sharded weights in bf16 (on GPUs; the shards stay in float32).
    """
    if strategy == "fsdp":
        return _shard(module, world, bf16=bf16)
    if world.size == 1:
        return module
    from torch.nn.parallel import DistributedDataParallel

    # Buffers are constants here, and sending them before each micro-batch would overwrite what
    # the backward pass of the one before still needs.
    ids = [world.device.index] if world.device.type == "cuda" else None
    return DistributedDataParallel(module, device_ids=ids, broadcast_buffers=False)


def _shard(module: nn.Module, world: World, *, bf16: bool) -> nn.Module:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    if not dist.is_initialized():
        raise UsageError(
            "run.strategy is 'fsdp' but this is one process: start it with torchrun "
            "--nproc-per-node N -m c2llm train …, or take run.strategy=ddp."
        )
    mesh = init_device_mesh(world.device.type, (world.size,))
    half = torch.bfloat16 if bf16 and world.device.type == "cuda" else None
    policy = MixedPrecisionPolicy(param_dtype=half, reduce_dtype=torch.float32 if half else None)
    for layer in _layers(module):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(module, mesh=mesh, mp_policy=policy)
    return module


def reshard(module: nn.Module) -> None:
    """Shard again what forward passes without a backward pass have gathered.

    FSDP leaves the outermost weights gathered after such a pass, and the parameters that are named
    then are not those that the optimizer holds.
    """
    from torch.distributed.fsdp import FSDPModule

    if isinstance(module, FSDPModule):
        module.reshard()


def _layers(module: nn.Module) -> list[nn.Module]:
    """The transformer's layers: the entries of its longest list of modules."""
    lists = [list(m) for m in module.modules() if isinstance(m, nn.ModuleList)]
    return max(lists, key=len, default=[])


@contextmanager
def gradients_stay(module: nn.Module) -> Iterator[None]:
    """Inside, a backward pass adds to this rank's gradients and sends nothing.

    Sharded weights are the exception: whole gradients of them would not fit, so FSDP sums shards
    over ranks after each backward pass.
    """
    from torch.nn.parallel import DistributedDataParallel

    if isinstance(module, DistributedDataParallel):
        with module.no_sync():
            yield
    else:
        yield
