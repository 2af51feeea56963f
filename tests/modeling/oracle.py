"""The whole forward pass in numpy, written from the formulas alone: Qwen2 blocks, then PMA.

One text at a time, one head at a time, no batch, no mask, no cache: slow, and short enough to be
checked by eye against the papers (RMSNorm, Zhang and Sennrich 2019; RoPE, Su et al. 2021; GQA,
Ainslie et al. 2023; SwiGLU, Shazeer 2020; PMA, C2LLM eq. 1 to 5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def embed(tensors: dict[str, Array], config: dict, ids: list[int]) -> Array:
    """The vector of one text, not normalised.

    Args:
        tensors: weights under their published names.
        config: the flat published config.
        ids: the text's tokens.
    """
    backbone = {k.removeprefix("plm_model.model."): v for k, v in tensors.items()}
    x = backbone["embed_tokens.weight"][ids]
    for layer in range(config["num_hidden_layers"]):
        part = f"layers.{layer}."
        p = {k.removeprefix(part): v for k, v in backbone.items() if k.startswith(part)}
        eps = config["rms_norm_eps"]
        x = x + attention(p, config, rms_norm(x, p["input_layernorm.weight"], eps))
        x = x + swiglu(p, rms_norm(x, p["post_attention_layernorm.weight"], eps))
    hidden = rms_norm(x, backbone["norm.weight"], config["rms_norm_eps"])
    return pma({k.removeprefix("mha_pma."): v for k, v in tensors.items()}, config, hidden)


def rms_norm(x: Array, weight: Array, eps: float) -> Array:
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * weight


def rotate(x: Array, theta: float) -> Array:
    """RoPE of one head (L, d): the pairs (i, i + d/2) turn by position / theta^(2i/d)."""
    length, width = x.shape
    half = width // 2
    angle = np.arange(length)[:, None] / theta ** (2 * np.arange(half) / width)
    first, second = x[:, :half], x[:, half:]
    return np.concatenate(
        [
            first * np.cos(angle) - second * np.sin(angle),
            second * np.cos(angle) + first * np.sin(angle),
        ],
        axis=1,
    )


def attention(p: dict[str, Array], config: dict, x: Array) -> Array:
    """Causal self-attention; several query heads share one key and value head."""
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    width = config["hidden_size"] // heads
    q, k, v = (x @ p[f"self_attn.{n}_proj.weight"].T + p[f"self_attn.{n}_proj.bias"] for n in "qkv")
    out = np.zeros_like(x)
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        shared = head // (heads // kv_heads)
        key = slice(shared * width, (shared + 1) * width)
        query = rotate(q[:, own], config["rope_theta"])
        score = query @ rotate(k[:, key], config["rope_theta"]).T / np.sqrt(width)
        score[np.triu_indices(len(x), 1)] = -np.inf
        out[:, own] = softmax(score) @ v[:, key]
    return out @ p["self_attn.o_proj.weight"].T


def swiglu(p: dict[str, Array], x: Array) -> Array:
    gate = x @ p["mlp.gate_proj.weight"].T
    up = x @ p["mlp.up_proj.weight"].T
    return (gate / (1 + np.exp(-gate)) * up) @ p["mlp.down_proj.weight"].T


def pma(p: dict[str, Array], config: dict, hidden: Array) -> Array:
    """One seed; the residual is the projected seed."""
    dim, heads = config["compressed_dim"], config["pma_num_heads"]

    def linear(x: Array, name: str) -> Array:
        return x @ p[f"mab.{name}.weight"].T + p[f"mab.{name}.bias"]

    def layer_norm(x: Array, name: str) -> Array:
        x = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
        return x * p[f"mab.{name}.weight"] + p[f"mab.{name}.bias"]

    q, k, v = linear(p["S"][0, 0], "fc_q"), linear(hidden, "fc_k"), linear(hidden, "fc_v")
    attended = np.zeros(dim)
    for part in np.split(np.arange(dim), heads):
        attended[part] = softmax(k[:, part] @ q[part] / np.sqrt(dim)) @ v[:, part]
    out = layer_norm(q + attended, "ln0")
    return layer_norm(out + np.maximum(linear(out, "fc_o"), 0), "ln1")


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
