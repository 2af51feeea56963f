"""A model over static token embeddings, folded into a table: exact, and readable with numpy alone.

A token's state is its embedding, so what a pooling makes of the token does not depend on the text:
one score for each head and query, and one value. PMA's A V = sum of weights times (W_v h + b_v)
takes the projected values, and what follows the average (residual, LN0, feed-forward, LN1) is kept
as it is. `encoding/table.py` reads the table.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from c2llm.modeling.model import C2LLMModel
from c2llm.modeling.pooling import PMA
from c2llm.modeling.poolings import LastPooling
from c2llm.modeling.static import StaticModel

# Rows of the table that are made at once.
CHUNK = 8192


@torch.no_grad()
def fold(model: C2LLMModel) -> dict[str, NDArray[Any]]:
    """The table of a model over a static backbone.

    Returns:
        score: (V, heads, queries) attention logits of each token.
        value: (V, w) what is averaged: for PMA the values H W_vᵀ + b_v, heads side by side.
        split_heads: whether each head averages its own part of `value` (PMA) or all of it, a bool.
        merge_mean: whether queries are averaged instead of put side by side, a bool.
        tf_power: n occurrences of a token weigh n ** tf_power.
        base, ln0_weight, …: what follows the average in PMA; absent for other poolings.

    Raises:
        ValueError: if the backbone is not static, or the pooling asks where a token stands.
    """
    backbone, pooler = model.backbone, model.pooler
    if not isinstance(backbone, StaticModel):
        raise ValueError(
            f"Only a static backbone folds into a table, not {type(backbone).__name__}; export "
            "to ONNX instead."
        )
    if isinstance(pooler, LastPooling):
        raise ValueError("Pooling 'last' asks where a token stands and folds into no table.")
    scores, values = [], []
    for rows in torch.split(backbone.embeddings.weight, CHUNK):
        states = pooler.states(rows[None])
        scores.append(pooler.scores(states)[0].permute(2, 0, 1))  # (rows, heads, queries)
        values.append((pooler.fc_v(states) if isinstance(pooler, PMA) else states)[0])
    table = {
        "score": torch.cat(scores),
        "value": torch.cat(values),
        "split_heads": torch.tensor(isinstance(pooler, PMA)),
        "merge_mean": torch.tensor(model.config.pma_merge == "mean"),
        "tf_power": torch.tensor(model.config.tf_power),
    }
    if isinstance(pooler, PMA):
        table["base"] = pooler.base()
        table |= {f"fc_o_{name}": p for name, p in pooler.fc_o.named_parameters()}
        for norm in ("ln0", "ln1"):
            parameters = getattr(pooler, norm).named_parameters()
            table |= {f"{norm}_{name}": p for name, p in parameters}
    return {name: _array(tensor) for name, tensor in table.items()}


def _array(tensor: Tensor) -> NDArray[Any]:
    dtype = np.bool_ if tensor.dtype == torch.bool else np.float32
    return tensor.detach().cpu().numpy().astype(dtype)
