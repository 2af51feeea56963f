"""The last steps of one run, merged: the mean of its weights at several checkpoints.

As the paper makes its models (section 3.3: a weighted merge of four checkpoints, whose weights it
does not tell; here they are equal). Which steps are merged follows from the recipe alone, so a run
that was stopped and resumed, with checkpoints of its own in between, merges the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from c2llm.training.network.lora import merged_state
from c2llm.training.run.checkpoint import load_weights, whole_state


def merged_steps(steps: int, every: int, last: int) -> list[int]:
    """The steps after which weights count, oldest first.

    Args:
        steps: of the run.
        every: steps between two checkpoints.
        last: how many are merged.
    """
    return sorted({*range(every, steps + 1, every), steps})[-last:]


@torch.no_grad()
def averaged_state(model: nn.Module, folders: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of checkpoints, each with its adapters merged, summed in float32 one by one.

    All ranks call it, since sharded tensors are gathered. The model holds the last one afterwards.

    Args:
        model: the network that is trained.
        folders: checkpoints, oldest first.

    Raises:
        DataError: if one belongs to another model or is damaged.
    """
    mean: dict[str, Tensor] = {}
    kinds = {}
    for count, folder in enumerate(folders, 1):
        load_weights(folder, model)
        for name, tensor in merged_state(model, whole_state(model)).items():
            kinds[name] = tensor.dtype
            if not tensor.is_floating_point():
                mean[name] = tensor
            elif name not in mean:  # a copy: the model's own tensor is filled with the next one
                mean[name] = tensor.to(torch.float32, copy=True)
            else:
                mean[name] += (tensor.float() - mean[name]) / count
    return {name: tensor.to(kinds[name]) for name, tensor in mean.items()}
