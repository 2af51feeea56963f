"""What PMA is held against in the ablation, beside the poolings of the package.

UniformPMA   PMA's trained readout over a plain mean: what attention adds is the difference
Mapped       any pooling with a linear map behind it, as wide as its vector
TopLayers    the last layers of a backbone, with adapters, and a pooling on them: so that the
states below can be frozen, and computed once
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from ablation_backbone import resize
from torch import Tensor, nn
from transformers import PreTrainedModel

from c2llm.modeling.model import C2LLMModel
from c2llm.modeling.pooling import PMA
from c2llm.modeling.poolings import Pooling
from c2llm.training.network.lora import choose_trained
from c2llm.training.network.network import start_pooling
from c2llm.training.run.recipe import ModelConfig, TuneConfig

KEYS = {"uniform", "residual", "queries", "map", "top"}


class UniformPMA(PMA):
    """PMA whose attention is held uniform; its keys are not trained."""

    def __init__(self, *sizes: int, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.fc_k.requires_grad_(False)

    def scores(self, states: Tensor) -> Tensor:
        """Zeros: every token counts alike for every head and query."""
        return states.new_zeros(len(states), self.num_heads, self.num_queries, states.shape[1])


class Mapped(Pooling):
    """A pooling and a linear map, which starts as the identity."""

    def __init__(self, inner: Pooling) -> None:
        super().__init__()
        self.inner = inner
        self.hidden_size, self.dim = inner.hidden_size, inner.dim
        self.num_heads, self.num_queries = inner.num_heads, inner.num_queries
        self.map = nn.Linear(inner.dim, inner.dim)
        nn.init.eye_(self.map.weight)
        nn.init.zeros_(self.map.bias)

    def states(self, hidden: Tensor) -> Tensor:
        """Those of the pooling."""
        return self.inner.states(hidden)

    def scores(self, states: Tensor) -> Tensor:
        """Those of the pooling."""
        return self.inner.scores(states)

    def readout(self, context: Tensor, weight_sum: Tensor) -> Tensor:
        """The pooling's vectors, mapped."""
        mapped: Tensor = self.map(self.inner.readout(context, weight_sum))
        return mapped


class TopLayers(Pooling):
    """Layers of a causal backbone in front of a pooling; hidden states go in instead of token ids.

    Args:
        layers: a Llama-like model of the last layers and the final norm.
        inner: the pooling.
    """

    def __init__(self, layers: nn.Module, inner: Pooling) -> None:
        super().__init__()
        self.layers, self.inner = layers, inner
        self.hidden_size, self.dim = inner.hidden_size, inner.dim
        self.num_heads, self.num_queries = inner.num_heads, inner.num_queries

    def pool(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors and weights of the states below (B, L, h); padding stands on the right."""
        out = self.layers(inputs_embeds=hidden, attention_mask=mask, use_cache=False)
        return self.inner.pool(out.last_hidden_state, mask)

    def attention(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """The pooling's weights."""
        return self.pool(hidden, mask)[1]


def control_pooling(
    model: C2LLMModel,
    own: dict[str, Any],
    config: ModelConfig,
    tune: TuneConfig,
    whole: PreTrainedModel | None,
) -> None:
    """Put what a cell asks for in the place of the model's pooling.

    Args:
        model: with the pooling of its recipe.
        own: keys of the cell.
        config: the recipe's.
        tune: adapters of `top`.
        whole: the backbone with all its layers, for `top`.
    """
    pooling = model.pooler
    if isinstance(pooling, PMA) and (own.get("uniform") or own.get("residual")):
        kind = UniformPMA if own.get("uniform") else PMA
        sizes = pooling.hidden_size, pooling.dim, pooling.num_heads, pooling.num_queries
        pooling = kind(*sizes, residual=own.get("residual", pooling.residual))
        start_pooling(pooling, config.pma_start)
    if isinstance(pooling, PMA) and "queries" in own:
        rescale_queries(pooling, float(own["queries"]))
    if own.get("map"):
        pooling = Mapped(pooling)
    if own.get("top"):
        assert whole is not None
        pooling = TopLayers(_adapted(whole, own["top"], tune), pooling)
    model.pooler = pooling


@torch.no_grad()
def rescale_queries(pooling: PMA, deviation: float) -> None:
    """Give the entries of a new pooling's queries another standard deviation than sqrt(heads).

    What they add as a residual goes on being what the bias of the values takes off.
    """
    before = pooling.base().mean(0)
    for parameter in (pooling.fc_q.weight, pooling.fc_q.bias):
        parameter.mul_(deviation / math.sqrt(pooling.num_heads))
    pooling.fc_v.bias.add_(before - pooling.base().mean(0))


def _adapted(whole: PreTrainedModel, count: int, tune: TuneConfig) -> nn.Module:
    """The last layers with adapters; all else of them is frozen."""
    config = copy.deepcopy(whole.config)
    resize(config, slice(-count, None))
    with torch.device("meta"):
        layers: Any = type(whole)(config)
    for name in ("layers", "norm", "rotary_emb"):
        part: Any = getattr(whole, name)
        setattr(layers, name, copy.deepcopy(part[-count:] if name == "layers" else part))
    layers.embed_tokens = None  # states go in
    for place, layer in enumerate(layers.layers):
        layer.self_attn.layer_idx = place
    holder: Any = nn.Module()
    holder.backbone = layers
    choose_trained(holder, tune)
    adapted: nn.Module = holder.backbone
    return adapted
