"""Latent attention pooling (NV-Embed, Lee et al. 2024, arXiv 2405.17428, section 3.1).

PMA turned round: the tokens are the queries, and a trained dictionary of r latent vectors D gives
keys and values. Each token is rewritten by what it finds there, then all are averaged:

    O = H + softmax(Q Kᵀ / sqrt(d/heads)) V W_o     Q = LN(H) W_q,  K = D W_k,  V = D W_v
    O = O + MLP(LN(O))                              two linear layers, GELU between
    E = mean of O over the tokens
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from c2llm.modeling.poolings import Pooling


class LatentAttentionPooling(Pooling):
    """Mean pooling of states that have attended to a learned dictionary.

    Args:
        hidden_size: width h of the token states and of the output.
        num_latents: size r of the dictionary; the paper has 512.
        latent_heads: attention heads; divides `hidden_size`. The paper has 8.

    Raises:
        ValueError: if the heads do not divide the width.
    """

    def __init__(self, hidden_size: int, num_latents: int = 512, latent_heads: int = 8) -> None:
        super().__init__()
        if min(num_latents, latent_heads) < 1 or hidden_size % latent_heads:
            raise ValueError(
                f"{latent_heads} heads over {num_latents} latents do not divide a width of "
                f"{hidden_size}."
            )
        self.hidden_size = self.dim = hidden_size
        self.latent_heads = latent_heads
        self.latents = nn.Parameter(torch.empty(num_latents, hidden_size))
        self.norm = nn.LayerNorm(hidden_size)
        self.to_q = nn.Linear(hidden_size, hidden_size, bias=False)
        self.to_kv = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.to_out = nn.Linear(hidden_size, hidden_size, bias=False)
        self.mlp = nn.Sequential(
            nn.LayerNorm(hidden_size),
            nn.Linear(hidden_size, 4 * hidden_size),
            nn.GELU(),
            nn.Linear(4 * hidden_size, hidden_size),
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal latents, default linears, and faint outputs: training starts near the mean."""
        nn.init.normal_(self.latents)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.LayerNorm):
                module.reset_parameters()
        for last in (self.to_out, self.mlp[-1]):
            assert isinstance(last, nn.Linear)
            nn.init.normal_(last.weight, std=1e-3)

    def states(self, hidden: Tensor) -> Tensor:
        """Tokens rewritten by the dictionary (B, L, h); no token sees another."""
        hidden = hidden.to(self.latents.dtype)
        keys, values = self.to_kv(self.latents).chunk(2, dim=-1)
        q = self._heads(self.to_q(self.norm(hidden)))  # (B, heads, L, h/heads)
        k, v = (self._heads(x[None]).expand(q.shape[0], -1, -1, -1) for x in (keys, values))
        found = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        out = hidden + self.to_out(found)
        rewritten: Tensor = out + self.mlp(out)
        return rewritten

    def scores(self, states: Tensor) -> Tensor:
        """Zeros: the rewritten tokens count alike."""
        return states.new_zeros(states.shape[0], 1, 1, states.shape[1])

    def _heads(self, x: Tensor) -> Tensor:
        """(B, L, h) -> (B, heads, L, h/heads)."""
        return x.view(*x.shape[:2], self.latent_heads, -1).transpose(1, 2)
