"""Low-rank adapters in the backbone (Hu et al. 2021, arXiv 2106.09685), merged when saved.

    y = W x + (alpha / r) B A x          A (r, in) random, B (out, r) zero: the start is the model

Adapters are put into the backbone alone. On the whole model PEFT would freeze the pooling without a
word; here the pooling stays an ordinary module that is trained whole, at its own rate.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from c2llm.errors import UsageError
from c2llm.modeling.model import C2LLMModel
from c2llm.training.run.recipe import TuneConfig


def choose_trained(model: C2LLMModel, config: TuneConfig) -> None:
    """Freeze what a recipe does not train, and put adapters in where it asks for them.

    Raises:
        UsageError: if a named layer does not exist, or the pooling has nothing to train.
    """
    if config.mode == "full":
        return
    if config.mode == "pooler" and not any(True for _ in model.pooler.parameters()):
        raise UsageError(
            f"tune.mode is 'pooler' but {model.config.pooling} pooling has no weights: take "
            "model.pooling=pma or tune.mode=lora."
        )
    if config.mode == "pooler" and model.config.tf_power != 1:
        raise UsageError(
            f"tune.mode is 'pooler', but the model counts repeated tokens (tf_power "
            f"{model.config.tf_power:g}), which its kept states have lost: take tune.mode=full."
        )
    for parameter in model.backbone.parameters():
        parameter.requires_grad_(False)
    if config.mode == "lora":
        _add_adapters(model.backbone, config)


def _add_adapters(backbone: nn.Module, config: TuneConfig) -> None:
    from peft import LoraConfig, inject_adapter_in_model

    linear = {
        name.rsplit(".", 1)[-1]
        for name, module in backbone.named_modules()
        if isinstance(module, nn.Linear)
    }
    unknown = set(config.lora_targets) - linear
    if unknown or not linear:
        raise UsageError(
            f"The backbone has no linear layer named {', '.join(sorted(unknown)) or 'at all'}; "
            f"tune.lora_targets can name {', '.join(sorted(linear)) or 'nothing'}."
        )
    inject_adapter_in_model(
        LoraConfig(
            r=config.lora_rank,
            lora_alpha=config.lora_alpha,
            lora_dropout=config.lora_dropout,
            target_modules=sorted(config.lora_targets or linear),
        ),
        backbone,
    )


def merged_state(model: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights as if there had never been adapters: W + (alpha / r) B A, computed in float32.

    Args:
        model: the network with its adapters.
        state: all its tensors by name, gathered where they are sharded.
    """
    scales = _scales(model)
    merged: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if ".lora_" in name:
            continue
        module, _, leaf = name.rpartition(".")
        layer = module.removesuffix(".base_layer")
        if leaf == "weight" and layer in scales and module != layer:
            down = state[f"{layer}.lora_A.default.weight"].float()
            up = state[f"{layer}.lora_B.default.weight"].float()
            tensor = (tensor.float() + scales[layer] * (up @ down)).to(tensor.dtype)
        merged[name.replace(".base_layer.", ".")] = tensor
    return merged


def _scales(model: nn.Module) -> dict[str, float]:
    return {
        name: float(_scaling(module)["default"])
        for name, module in model.named_modules()
        if _scaling(module)
    }


def _scaling(module: nn.Module) -> dict[str, Any]:
    scaling = getattr(module, "scaling", None)
    return scaling if isinstance(scaling, dict) else {}


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that training moves, by name, in the model's order.

    Every rank has that order. Sharded ones are gathered and spread one after the other, and ranks
    that took them in different orders would exchange the parts of different parameters.
    """
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


@torch.no_grad()
def plain_model(model: C2LLMModel, state: dict[str, Tensor]) -> C2LLMModel:
    """A model without adapters and wrappers that holds the merged weights, to be saved."""
    with torch.device("meta"):
        plain = C2LLMModel(model.config)
    plain.load_state_dict(merged_state(model, state), assign=True)
    return plain
