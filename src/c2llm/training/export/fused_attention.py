"""Attention as one node of the exported graph, where no token is hidden but padding.

torch's own attention becomes a dozen nodes, each of which writes or reads all (B, heads, L, L)
weights, two of them only to guard against NaN. onnxruntime's MultiHeadAttention keeps a block of
them in the cache and has no NaN to guard against (FlashAttention, Dao et al. 2022, arXiv
2205.14135), but takes that way only without a mask. So the mask becomes one more channel of the
products: 1 in each query, 0 in the key of a token and `PADDING` in the key of padding,

    [q 1] · [k m] = q · k + m       and exp(q · k + PADDING) is 0 in float32.

Where all of a text is padding, no m tells one key from another and the weights are those of no
mask: finite, and pooling does not read them. Causal and windowed backbones keep torch's attention.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import bidirectional_mask_function, sdpa_mask

FUSED = "c2llm_fused"
"""The implementation's name among those of transformers."""
PADDING = -1e5
"""Added to the scaled score of a padding key: far below any score, and far from overflow."""


@contextmanager
def fused_attention(model: PreTrainedModel) -> Iterator[None]:
    """Within, `torch.onnx.export` of the model gives fused nodes where that is exact.

    The model cannot be run meanwhile, only exported.
    """
    before = model.config._attn_implementation
    model.config._attn_implementation = FUSED
    try:
        yield
    finally:
        model.config._attn_implementation = before


def _mask(
    *, mask_function: Callable[..., Any], attention_mask: Tensor | None, **options: Any
) -> Tensor | None:
    """The padding mask (B, L) itself if there is no other, else what torch's attention takes."""
    if mask_function is bidirectional_mask_function and attention_mask is not None:
        return attention_mask
    return sdpa_mask(  # type: ignore[no-any-return]
        mask_function=mask_function, attention_mask=attention_mask, **options
    )


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attention of queries, keys and values (B, heads, L, w) as (B, L, heads, w)."""
    heads, width = query.shape[1], query.shape[-1]
    plain = key.shape[1] == heads and options.get("position_bias") is None
    if attention_mask is None or attention_mask.ndim != 2 or not plain:
        return sdpa_attention_forward(  # type: ignore[no-any-return]
            module, query, key, value, attention_mask, scaling=scaling, **options
        )
    scale = width**-0.5 if scaling is None else scaling
    query, key, value = (x.transpose(1, 2) for x in (query, key, value))  # (B, L, heads, w)
    kept = attention_mask.to(query.dtype)[:, :, None, None].expand(-1, -1, heads, -1)
    query = torch.cat([query, torch.ones_like(kept)], dim=-1)
    key = torch.cat([key, (1 - kept) * (PADDING / scale)], dim=-1)
    attended = torch.onnx.ops.symbolic(
        "com.microsoft::MultiHeadAttention",
        [x.flatten(2) for x in (query, key, value)],
        {"num_heads": heads, "scale": scale},
        dtype=query.dtype,
        shape=value.flatten(2).shape,
        version=1,
    )
    return attended.reshape(value.shape), None


AttentionInterface.register(FUSED, _attend)
AttentionMaskInterface.register(FUSED, _mask)
