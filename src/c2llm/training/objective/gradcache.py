"""One loss over a batch that is embedded in micro-batches; cached or in one graph.

GradCache (Gao et al. 2021, arXiv 2101.06983): embed all micro-batches without a graph, take the
gradient of the loss with respect to the vectors, then embed each micro-batch again with a graph and
push its vectors' gradient through it. The memory is that of one micro-batch and the time 4/3, and
the gradient is the same, dropout included: each micro-batch has a seed of its own in both passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from c2llm.training.run.distributed import gradients_stay

EmbedChunk = Callable[[int], Tensor]
"""Unit vectors (n, d) of a micro-batch, by its number; equal each time it is called."""
Objective = Callable[[Tensor], Tensor]
"""Scalar loss of the vectors of all micro-batches, one after the other."""


def plain_backward(embed: EmbedChunk, chunks: Sequence[object], objective: Objective) -> Tensor:
    """Embed everything in one graph and go back through it; returns the loss."""
    loss = objective(torch.cat([embed(number) for number in range(len(chunks))]))
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach()


def cached_backward(
    embed: EmbedChunk, chunks: Sequence[object], objective: Objective, module: nn.Module
) -> Tensor:
    """The same gradient with the activations of one micro-batch at a time; returns the loss.

    Args:
        embed: embeds a micro-batch.
        chunks: the micro-batches; only their number is used, and it must be equal on all ranks
            that shard weights.
        objective: the loss of all vectors.
        module: what `embed` calls; ranks exchange gradients once, after the last micro-batch.
    """
    with torch.no_grad():
        vectors = [embed(number) for number in range(len(chunks))]
    leaf = torch.cat(vectors).float().requires_grad_()
    loss = objective(leaf)
    loss.backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    gradients = torch.split(leaf.grad, [len(part) for part in vectors])
    last = len(chunks) - 1
    for number, gradient in enumerate(gradients):
        with gradients_stay(module) if number < last else nullcontext():
            again = embed(number)
            (again.float() * gradient).sum().backward()  # type: ignore[no-untyped-call]
    return loss.detach()
