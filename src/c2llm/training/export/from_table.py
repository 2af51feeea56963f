"""Weights that can be trained again, from a table that can only be looked up.

A table (`modeling/fold.py`) holds for each token what PMA makes of it: one score for each head and
query, and one value. Which embeddings, keys and values gave those is gone, but any that give the
same will do. Chosen here: a token's embedding is its value and its scores side by side, fc_v is the
identity on the former, and fc_k reads the latter. So the result is exact, and a token's weight and
its meaning are trained apart.

As in `init_as_mean_pooling`, a single query is made wide, since scores learn as steadily as the
query that they are a product with is large. What is added to the attended values stays as it was:
the restored pooling adds S, not fc_q(S).
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from c2llm.encoding.table import read_table
from c2llm.errors import ModelError
from c2llm.modeling.config import C2LLMConfig

Array = NDArray[Any]


def trainable_config(config: C2LLMConfig) -> C2LLMConfig:
    """The config of what is restored: wider embeddings, one column for each score, and raw S."""
    assert config.backbone is not None and config.pma_dim is not None
    wider = copy.deepcopy(config)
    assert wider.backbone is not None
    wider.backbone.hidden_size = config.pma_dim + config.pma_num_heads * config.pma_num_queries
    wider.pma_residual = "raw"
    return wider


def restore_tensors(file: Path, config: C2LLMConfig) -> dict[str, torch.Tensor]:
    """The state dict of `C2LLMModel(trainable_config(config))`, float32, from a `table.npz`.

    Raises:
        ModelError: if the table is damaged, of another pooling, or of other sizes than `config`.
    """
    if config.pooling != "pma":
        raise ModelError(f"{file} pools by {config.pooling!r}; only PMA can be restored.")
    assert config.pma_dim is not None and config.backbone is not None
    table = read_table(file)
    d, heads, n = config.pma_dim, config.pma_num_heads, config.pma_num_queries
    value, score = table["value"].astype(np.float32), table["score"].astype(np.float32)
    if "value_scale" in table:
        value *= table["value_scale"][:, None]
    tokens = int(config.backbone.vocab_size)
    if value.shape != (tokens, d) or score.shape != (tokens, heads, n) or "base" not in table:
        raise ModelError(
            f"{file} holds values {value.shape} and scores {score.shape}, but its config.json asks "
            f"for {(tokens, d)} and {(tokens, heads, n)}; export the model again."
        )
    base, project, bias = table["base"], np.eye(d), np.zeros(d)
    if n == 1:
        project, bias = np.zeros((d, d)), np.random.default_rng(0).standard_normal(d)
    asked = base @ project.T + bias
    # q_h W_k,h has to pick the columns of head h's scores, times the sqrt(d) that PMA divides by.
    queries = asked.reshape(n, heads, d // heads).transpose(1, 0, 2)
    picks = np.zeros((heads, n, d + heads * n))
    head, query = np.meshgrid(np.arange(heads), np.arange(n), indexing="ij")
    picks[head, query, d + head * n + query] = np.sqrt(d)
    tensors = {
        "backbone.embeddings.weight": np.hstack([value, score.reshape(tokens, heads * n)]),
        "pooler.S": base[None],
        "pooler.fc_q.weight": project,
        "pooler.fc_q.bias": bias,
        "pooler.fc_k.weight": (np.linalg.pinv(queries) @ picks).reshape(d, -1),
        "pooler.fc_k.bias": np.zeros(d),
        "pooler.fc_v.weight": np.eye(d, d + heads * n),
        "pooler.fc_v.bias": np.zeros(d),
        "pooler.fc_o.weight": table["fc_o_weight"],
        "pooler.fc_o.bias": table["fc_o_bias"],
    }
    for norm in ("ln0", "ln1") if config.pma_ln else ():
        for name in ("weight", "bias"):
            tensors[f"pooler.{norm}.{name}"] = table[f"{norm}_{name}"]
    return {name: torch.from_numpy(np.array(a, np.float32)) for name, a in tensors.items()}
