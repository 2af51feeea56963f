"""Backbone and pooling in one module: token ids in, embeddings out. Logits are never computed."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, PreTrainedModel

from c2llm.modeling.config import C2LLMConfig
from c2llm.modeling.pooling import PMA


@dataclass(frozen=True)
class C2LLMOutput:
    """What one forward pass gives."""

    sentence_embedding: Tensor
    """(B, embedding_dim), not normalised; cosine is the similarity."""
    token_weights: Tensor
    """Attention of the pooling (B, heads, num_queries, L)."""
    token_logits: Tensor
    """The same before mask and softmax; windows of one text are merged from these."""
    token_states: Tensor
    """What the pooling averages (B, L, h)."""


class C2LLMModel(PreTrainedModel):
    """Any Hugging Face backbone with Pooling by Multihead Attention on its last hidden states."""

    config_class = C2LLMConfig
    base_model_prefix = "c2llm"
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True

    def __init__(self, config: C2LLMConfig) -> None:
        super().__init__(config)
        if config.backbone is None or config.pma_dim is None:
            raise ValueError("C2LLMConfig.backbone is missing: name the backbone's config.")
        # BERT-like classes allocate a pooler head that nobody reads.
        model_class = AutoModel._model_mapping[type(config.backbone)]
        extra = _accepted(model_class.__init__, add_pooling_layer=False)
        self.backbone = AutoModel.from_config(config.backbone, **extra)
        self.pooler = PMA(
            config.backbone.hidden_size,
            config.pma_dim,
            config.pma_num_heads,
            config.pma_num_queries,
            layer_norm=config.pma_ln,
            residual=config.pma_residual,  # type: ignore[arg-type]
        )
        # Position ids from the mask make the vector independent of padding, left or right.
        self._position_ids = bool(_accepted(self.backbone.forward, position_ids=None))
        self._forward_options = _accepted(self.backbone.forward, use_cache=False)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, PMA):
            module.reset_parameters()

    @classmethod
    def from_backbone(cls, folder: str | Path, **config: Any) -> C2LLMModel:
        """A model whose backbone has the weights in `folder` and whose pooling is new.

        Args:
            folder: a local Hugging Face model folder with safetensors weights.
            config: fields of `C2LLMConfig`.
        """
        backbone_config = AutoConfig.from_pretrained(folder, local_files_only=True)
        model = cls(C2LLMConfig(backbone_config, **config))
        extra = _accepted(type(model.backbone).__init__, add_pooling_layer=False)
        model.backbone = AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, **extra
        )
        return model

    def hidden_states(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Last hidden states (B, L, h) of the backbone, after its final norm."""
        inputs: dict[str, Any] = {"input_ids": input_ids, "attention_mask": attention_mask}
        if self._position_ids:
            inputs["position_ids"] = (attention_mask.long().cumsum(-1) - 1).clamp(min=0)
        hidden: Tensor = self.backbone(**inputs, **self._forward_options).last_hidden_state
        return hidden

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> C2LLMOutput:
        """Embed a padded batch.

        Args:
            input_ids: (B, L) int64.
            attention_mask: (B, L), 1 for tokens, 0 for padding on either side.

        Returns:
            The embeddings and the pooling's attention.
        """
        hidden = self.hidden_states(input_ids, attention_mask)
        hidden = hidden.to(self.pooler.S.dtype)
        pooled, weights, logits = self.pooler.pool_with_logits(hidden, attention_mask)
        return C2LLMOutput(self._merge(pooled), weights, logits, hidden)

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Unit vectors (B, embedding_dim)."""
        return F.normalize(self(input_ids, attention_mask).sentence_embedding, dim=-1)

    def readout(self, context: Tensor, weight_sum: Tensor) -> Tensor:
        """Unit vectors (B, embedding_dim) of states that were averaged elsewhere, window by window.

        Args:
            context: attention-averaged token states (B, heads, num_queries, h).
            weight_sum: 1 per head and query, or 0 where no token was attended to.
        """
        return F.normalize(self._merge(self.pooler.readout(context, weight_sum)), dim=-1)

    def _merge(self, pooled: Tensor) -> Tensor:
        """(B, num_queries, dim) -> (B, embedding_dim)."""
        return pooled.mean(1) if self.config.pma_merge == "mean" else pooled.flatten(1)


def _accepted(function: Any, **options: Any) -> dict[str, Any]:
    """The options that `function` has a parameter for."""
    parameters = inspect.signature(function).parameters
    return {name: value for name, value in options.items() if name in parameters}


AutoConfig.register("c2llm", C2LLMConfig, exist_ok=True)
AutoModel.register(C2LLMConfig, C2LLMModel, exist_ok=True)
