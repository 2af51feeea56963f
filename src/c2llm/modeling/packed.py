"""Texts side by side in one row instead of one above the other: no padding is computed.

A packed row holds several texts. Their tokens must not see each other: the attention mask is block
diagonal (causal within a block where the backbone is), positions start anew in each text, and there
is no cache (`use_cache=False`), from which transformers would otherwise infer one long text. What
the backbone gives is then cut apart and pooled text by text, so vectors are those of `embed`.

Attention over a row costs its length squared, and the mask as much memory: pack to about the
length of the longest text. Padded batches of like lengths, as the Encoder makes them, waste little;
packing pays where lengths are mixed and order is given, as in training batches.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from c2llm.modeling.model import C2LLMModel
from c2llm.modeling.static import StaticModel


def pack(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Rows of indices whose lengths add up to at most `budget`, first fit, longest first.

    A text longer than the budget has a row of its own.
    """
    rows: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        fitting = (r for r, left in enumerate(room) if lengths[index] <= left)
        row = next(fitting, None)
        if row is None:
            row = len(rows)
            rows.append([])
            room.append(budget)
        rows[row].append(index)
        room[row] -= lengths[index]
    return rows


def packed_states(model: C2LLMModel, texts: Sequence[Tensor]) -> list[Tensor]:
    """Last hidden states (T, h) of each text, from one row through the backbone.

    Args:
        model: a backbone that takes `position_ids` and four-dimensional masks: BERT and Qwen2 are
            tested; or a static one, which has no attention.
        texts: token ids (T,) of each, without padding.

    Raises:
        ValueError: if there is no text, one is empty, or the backbone takes no `position_ids`.
    """
    lengths = [len(text) for text in texts]
    if not lengths or not min(lengths):
        raise ValueError("Packing needs texts of at least one token each.")
    row = torch.cat(list(texts))[None]
    if isinstance(model.backbone, StaticModel):
        hidden = model.backbone(row).last_hidden_state
    else:
        accepted = inspect.signature(model.backbone.forward).parameters
        if "position_ids" not in accepted:
            raise ValueError(
                f"{type(model.backbone).__name__} takes no position_ids; use `embed`, which pads."
            )
        block = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
        block = block.to(row.device)
        seen = block[:, None] == block[None]  # (L, L)
        if _is_causal(model):
            seen = seen.tril()
        # Added to attention scores; the dtype's minimum, because fp16 cannot hold -1e9.
        mask = torch.zeros(seen.shape, dtype=model.backbone.dtype, device=row.device)
        mask = mask.masked_fill(~seen, torch.finfo(mask.dtype).min)[None, None]
        positions = torch.cat([torch.arange(n) for n in lengths])[None].to(row.device)
        options = {"use_cache": False} if "use_cache" in accepted else {}
        hidden = model.backbone(
            input_ids=row, attention_mask=mask, position_ids=positions, **options
        ).last_hidden_state
    return list(hidden[0].split(lengths))


def embed_packed(model: C2LLMModel, texts: Sequence[Tensor], budget: int = 2048) -> Tensor:
    """Unit vectors (len(texts), embedding_dim), equal to `model.embed` of the padded batch.

    Args:
        model: see `packed_states`.
        texts: token ids (T,) of each text, without padding.
        budget: tokens of one row.

    Raises:
        ValueError: if a text is empty, or the backbone cannot be packed.
    """
    vectors: list[Tensor] = [torch.empty(0)] * len(texts)
    for row in pack([len(text) for text in texts], budget):
        for index, hidden in zip(row, packed_states(model, [texts[i] for i in row]), strict=True):
            ids, mask = texts[index][None], torch.ones_like(texts[index])[None]
            bias = model.repetition_bias(ids, mask)
            pooled, _, _ = model.pooler.pool_states(model.pooler.states(hidden[None]), mask, bias)
            merged = pooled.mean(1) if model.config.pma_merge == "mean" else pooled.flatten(1)
            vectors[index] = F.normalize(merged[0], dim=-1)
    if not vectors:
        raise ValueError("Packing needs texts of at least one token each.")
    return torch.stack(vectors)


def _is_causal(model: C2LLMModel) -> bool:
    """Whether a token sees only what stands before it."""
    config = model.backbone.config
    declared = getattr(config, "is_causal", None)
    if declared is not None:
        return bool(declared)
    # Bidirectional backbones have `is_decoder`, false; causal ones have no such choice.
    attention = [m for m in model.backbone.modules() if hasattr(m, "is_causal")]
    return any(m.is_causal for m in attention)
