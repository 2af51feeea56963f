"""Pooling by Multihead Attention: learned queries attend to token states and become the embedding.

C2LLM (arXiv 2512.21332, section 3, eq. 1 to 5) puts one PMA block (Set Transformer, Lee et al.
2019) on the last hidden states of a causal language model. With seed S, states H and width d:

    Q = fc_q(S)      K = fc_k(H)      V = fc_v(H)
    A = softmax(Q Kᵀ / sqrt(d))       per head; d is the full width, not the head's
    O = LN0(R + A V)                  R = Q ("projected", C2LLM) or S ("raw", D2LLM and CGE)
    E = LN1(O + relu(fc_o(O)))

What is notable here:

- Neither K nor V is ever computed for all tokens. The queries do not depend on the input, so
  Q Kᵀ = (Q W_k) Hᵀ + Q b_k needs one vector per head and query, and A V = (A H) W_vᵀ + b_v needs
  one projection per text. The result is the same; the cost per token falls from 2 d·h to
  2 n·heads·h multiplications (12 times less for 32 heads of width 384).
- A fully masked row gives attention zero, not NaN: its vector is that of an empty text.
- `init_as_mean_pooling` makes the block start as (layer-normalised) mean pooling, which keeps what
  an already trained encoder knows, and from there attention learns at once.
- A head's logit sums d/heads products but is divided by sqrt(d), so many heads attend at a high
  temperature and learn slowly. Queries sqrt(heads) times as large undo that: with them the block
  computes what attention divided by sqrt(d/heads) would. The starts here put that factor into the
  weights, so that the function, its configuration and the published weights stay what they are.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from c2llm.modeling.poolings import Pooling

Residual = Literal["projected", "raw"]


class PMA(Pooling):
    """Pool token states into `num_queries` vectors of width `dim`.

    Args:
        hidden_size: width h of the token states.
        dim: width d of the output; `compressed_dim` in the published configuration.
        num_heads: attention heads; divides `dim`. The published models use 32.
        num_queries: learned seeds; the published models use one.
        layer_norm: whether LN0 and LN1 exist (`pma_ln`).
        residual: what is added to the attended values, see the module's docstring.

    Raises:
        ValueError: if `num_heads` does not divide `dim`, or a size is not positive.
    """

    def __init__(
        self,
        hidden_size: int,
        dim: int,
        num_heads: int = 32,
        num_queries: int = 1,
        *,
        layer_norm: bool = True,
        residual: Residual = "projected",
    ) -> None:
        super().__init__()
        if min(hidden_size, dim, num_heads, num_queries) < 1:
            raise ValueError(
                f"PMA sizes must be positive: {hidden_size=}, {dim=}, {num_heads=}, {num_queries=}."
            )
        if dim % num_heads:
            raise ValueError(f"{num_heads} heads do not divide a width of {dim}.")
        if residual not in ("projected", "raw"):
            raise ValueError(f"The residual is 'projected' or 'raw', not {residual!r}.")
        self.hidden_size, self.dim = hidden_size, dim
        self.num_heads, self.num_queries = num_heads, num_queries
        self.residual: Residual = residual
        self.S = nn.Parameter(torch.empty(1, num_queries, dim))
        self.fc_q = nn.Linear(dim, dim)
        self.fc_k = nn.Linear(hidden_size, dim)
        self.fc_v = nn.Linear(hidden_size, dim)
        self.fc_o = nn.Linear(dim, dim)
        self.ln0: nn.Module = nn.LayerNorm(dim, eps=1e-5) if layer_norm else nn.Identity()
        self.ln1: nn.Module = nn.LayerNorm(dim, eps=1e-5) if layer_norm else nn.Identity()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier-uniform seeds and weights, as the authors' code family initialises them."""
        nn.init.xavier_uniform_(self.S)
        for linear in (self.fc_q, self.fc_k, self.fc_v, self.fc_o):
            linear.reset_parameters()
            nn.init.xavier_uniform_(linear.weight)
        for norm in (self.ln0, self.ln1):
            if isinstance(norm, nn.LayerNorm):
                norm.reset_parameters()

    @torch.no_grad()
    def init_as_mean_pooling(self, spread: float = 0.25) -> None:
        """Start as LN(LN(mean of the states)): uniform attention, identity values, faint fc_o.

        The keys start at zero and the queries with entries of variance `num_heads`. A logit is a
        product of the two and learns as fast as the other one is large: were both faint, attention
        would stay uniform for thousands of steps. What such a query adds as a residual, the bias of
        the values takes off again. And fc_o is faint instead of zero, because relu has no gradient
        at zero: a zero fc_o would stay zero for ever.

        Args:
            spread: standard deviation of several queries from the one they share. It tells them
                apart, and makes the start the less exact the larger it is.

        Raises:
            ValueError: if `dim` differs from `hidden_size`, where no identity exists.
        """
        if self.dim != self.hidden_size:
            raise ValueError(
                f"PMA can start as mean pooling only where dim ({self.dim}) equals the hidden size "
                f"({self.hidden_size})."
            )
        scale = math.sqrt(self.num_heads)
        shared = torch.randn_like(self.S[:, :1])
        self.S.copy_(shared)
        if self.num_queries > 1:
            self.S.add_(spread / scale * torch.randn_like(self.S))
        self.fc_q.weight.copy_(scale * torch.eye(self.dim))
        nn.init.zeros_(self.fc_k.weight)
        nn.init.eye_(self.fc_v.weight)
        nn.init.normal_(self.fc_o.weight, std=1e-3)
        for linear in (self.fc_q, self.fc_k, self.fc_v, self.fc_o):
            nn.init.zeros_(linear.bias)
        self.fc_v.bias.copy_(-shared[0, 0] * (scale if self.residual == "projected" else 1))

    @torch.no_grad()
    def init_scaled(self) -> None:
        """Start at random as published, but with queries whose entries have variance `num_heads`.

        The published start gives them a variance of about 1 / `dim`: attention begins uniform, and
        stays so until something else has made the queries larger. This start is for widths that
        cannot start as mean pooling. What the queries add as a residual, the bias of the values
        takes off again, as in `init_as_mean_pooling`.
        """
        self.reset_parameters()
        nn.init.zeros_(self.fc_q.bias)
        nn.init.normal_(self.S)
        self.fc_q.weight.mul_(math.sqrt(self.num_heads))
        self.fc_v.bias.sub_(self.base().mean(0))

    def queries(self) -> Tensor:
        """The projected seeds Q = fc_q(S), shape (num_queries, dim)."""
        projected: Tensor = self.fc_q(self.S[0])
        return projected

    def base(self) -> Tensor:
        """What the attended values are added to, shape (num_queries, dim)."""
        return self.queries() if self.residual == "projected" else self.S[0]

    def scores(self, states: Tensor) -> Tensor:
        """Attention logits Q Kᵀ / sqrt(d) before any mask.

        Args:
            states: token states (B, L, h).

        Returns:
            Logits of shape (B, heads, num_queries, L).
        """
        q = self._heads(self.queries())  # (heads, n, d/heads)
        key_weight = self.fc_k.weight.view(self.num_heads, -1, self.hidden_size)
        key_bias = self.fc_k.bias.view(self.num_heads, -1, 1)
        folded = q @ key_weight  # (heads, n, h): one vector per head and query instead of K
        offset = (q @ key_bias).squeeze(-1)  # (heads, n)
        logits = F.linear(states, folded.flatten(0, 1), offset.flatten())  # (B, L, heads*n)
        logits = logits.view(*states.shape[:2], self.num_heads, self.num_queries)
        return logits.permute(0, 2, 3, 1) / math.sqrt(self.dim)

    def readout(self, context: Tensor, weight_sum: Tensor) -> Tensor:
        """From attention-averaged states to vectors: values, residual, LN0, feed-forward, LN1.

        Args:
            context: A H, attention-averaged token states (B, heads, num_queries, h).
            weight_sum: sum of each attention row (B, heads, num_queries): 1, or 0 if all is masked.

        Returns:
            Vectors of shape (B, num_queries, dim).
        """
        value_weight = self.fc_v.weight.view(self.num_heads, -1, self.hidden_size)
        value_bias = self.fc_v.bias.view(self.num_heads, 1, -1)
        if torch.compiler.is_exporting():  # the graph keeps its batch axis, and weights as they are
            attended = context @ value_weight.transpose(1, 2)
        else:  # one product per head over all texts: broadcast, each text would copy the weights
            attended = torch.einsum("bhnw,hdw->bhnd", context, value_weight)
        attended = attended + weight_sum[..., None] * value_bias
        attended = attended.transpose(1, 2).flatten(2)  # (B, n, d), heads are contiguous chunks
        out = self.ln0(self.base() + attended)
        pooled: Tensor = self.ln1(out + F.relu(self.fc_o(out)))
        return pooled

    def _heads(self, x: Tensor) -> Tensor:
        """(n, d) -> (heads, n, d/heads)."""
        return x.view(x.shape[0], self.num_heads, -1).transpose(0, 1)
