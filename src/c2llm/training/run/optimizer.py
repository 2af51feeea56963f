"""AdamW with a rate of its own for the pooling, and how the rates change over the steps."""

from __future__ import annotations

import math

import torch
from torch import nn

from c2llm.training.run.recipe import OptimConfig


def make_optimizer(model: nn.Module, config: OptimConfig) -> torch.optim.AdamW:
    """AdamW over what is trained; biases, norms and seeds do not decay.

    Args:
        model: names parameters of the pooling `pooler.…`; frozen ones are left out.
        config: rates and decay.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        pooler = name.startswith("pooler.")
        decays = parameter.ndim == 2
        groups.setdefault((pooler, decays), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "weight_decay": config.weight_decay if decays else 0.0,
                "base_lr": config.pooler_lr if pooler else config.backbone_lr,
            }
            for (pooler, decays), parameters in sorted(groups.items())
        ],
        betas=(0.9, 0.98),
    )


def learning_rate_factor(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up over the first `warmup * steps`, then a cosine from 1 to 0.05."""
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    progress = (step - rising) / max(1, steps - rising)
    return 0.05 + 0.95 * (1 + math.cos(math.pi * progress)) / 2
