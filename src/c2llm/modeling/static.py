"""The backbone without layers: a token's state is its embedding, whatever stands around it.

With a pooling on top it is a model like any other, and trains like one; `modeling/fold.py` then
makes a table of it.
"""

from __future__ import annotations

from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from c2llm.modeling.config import StaticConfig


class StaticModel(PreTrainedModel):
    """Token embeddings, as a backbone."""

    config_class = StaticConfig
    base_model_prefix = "static"
    # There is no attention here, so whichever a recipe asks for is right.
    _supports_sdpa = True
    _supports_flash_attn = True

    def __init__(self, config: StaticConfig) -> None:
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):
            # Unit variance over the width, so that a mean of many tokens is not drowned by a norm.
            nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> BaseModelOutput:
        """States (B, L, h) of token ids (B, L); the mask changes nothing."""
        return BaseModelOutput(last_hidden_state=self.embeddings(input_ids))


AutoModel.register(StaticConfig, StaticModel, exist_ok=True)
