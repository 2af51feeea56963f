"""What every pooling is: a weighted average of token states, read out. And the simple ones.

    states   (B, L, w)               what is averaged: the backbone's states, or made from them
    logits   (B, heads, queries, L)  how much each token counts, before mask and softmax
    context  (B, heads, queries, w)  softmax(logits) states
    vector   (B, queries, dim)       readout(context)

Because all have this form, windows, spans, attention weights and export exist once and serve any:
`PMA` (`modeling/pooling.py`), `LatentAttentionPooling` (`modeling/latent.py`), and these:

    mean   every token counts alike (Sentence-BERT, Reimers and Gurevych 2019)
    last   the last token alone, as decoders are pooled (E5-Mistral, Wang et al. 2024)
    gate   a learned linear score per token, one head: PMA without values, residual and norms
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Pooling(nn.Module):
    """Pool token states (B, L, hidden_size) into `num_queries` vectors of width `dim`.

    A subclass gives `scores` and, where its states or vectors are not the plain ones, `states` and
    `readout`.
    """

    hidden_size: int
    dim: int
    num_heads: int = 1
    num_queries: int = 1

    @property
    def state_size(self) -> int:
        """Width w of what is averaged."""
        return self.hidden_size

    def reset_parameters(self) -> None:
        """Start anew; nothing to do without parameters."""

    def states(self, hidden: Tensor) -> Tensor:
        """What is averaged (B, L, w), from the backbone's states (B, L, h)."""
        first = next(self.parameters(), None)
        return hidden if first is None else hidden.to(first.dtype)

    def scores(self, states: Tensor) -> Tensor:
        """Logits (B, heads, num_queries, L) of token states (B, L, w) before any mask."""
        raise NotImplementedError

    def weigh(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Softmax of logits (B, heads, num_queries, L) over the tokens that `mask` (B, L) keeps.

        Rows sum to 1; a fully masked row is zero.
        """
        keep = mask.bool()[:, None, None, :]
        # -1e12, as in the published code, does not fit into fp16; the dtype's minimum always does.
        logits = logits.masked_fill(~keep, torch.finfo(logits.dtype).min)
        return logits.softmax(dim=-1) * keep

    def attention(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Weights (B, heads, num_queries, L) of token states (B, L, h) under a mask (B, L)."""
        return self.weigh(self.scores(self.states(hidden)), mask)

    def readout(self, context: Tensor, weight_sum: Tensor) -> Tensor:
        """From averaged states to vectors.

        Args:
            context: averaged token states (B, heads, num_queries, w).
            weight_sum: sum of each row of weights (B, heads, num_queries): 1, or 0 if all masked.

        Returns:
            Vectors of shape (B, num_queries, dim).
        """
        return context.flatten(1, 2)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Pool token states.

        Args:
            hidden: token states (B, L, h), after the backbone's final norm.
            mask: (B, L), nonzero where a token counts; padding may stand on either side.

        Returns:
            Vectors of shape (B, num_queries, dim), not normalised.
        """
        pooled, _ = self.pool(hidden, mask)
        return pooled

    def pool(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """`forward` that also returns the weights (B, heads, num_queries, L)."""
        states = self.states(hidden)
        pooled, weights, _ = self.pool_states(states, mask)
        return pooled, weights

    def pool_states(
        self, states: Tensor, mask: Tensor, bias: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Pool `states(hidden)`: vectors, weights, and the logits that windows are merged from.

        Args:
            states: what is averaged (B, L, w).
            mask: (B, L), nonzero where a token counts.
            bias: added to the logits of every head and query (B, L).
        """
        logits = self.scores(states)
        if bias is not None:
            logits = logits + bias[:, None, None, :].to(logits.dtype)
        weights = self.weigh(logits, mask).to(states.dtype)
        context = torch.einsum("bhnl,bld->bhnd", weights, states)
        return self.readout(context, weights.sum(-1)), weights, logits


class MeanPooling(Pooling):
    """The mean of all tokens."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = self.dim = hidden_size

    def scores(self, states: Tensor) -> Tensor:
        """Zeros: all tokens count alike."""
        return states.new_zeros(states.shape[0], 1, 1, states.shape[1])


class LastPooling(Pooling):
    """The last token that the mask keeps.

    Logits grow so steeply with the position that their softmax is 1 at the last kept token and
    exactly 0 elsewhere. Positions begin anew in every window: windows do not merge.
    """

    # Above 104 between neighbours, exp underflows in float32; steps of 1e3 keep 1e5 tokens apart.
    STEEPNESS = 1e3

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = self.dim = hidden_size

    def scores(self, states: Tensor) -> Tensor:
        """Positions, in float32 whatever the states' dtype: bf16 cannot count to 300."""
        length = states.shape[1]
        positions = torch.arange(length, device=states.device, dtype=torch.float32)
        return (positions * self.STEEPNESS).expand(states.shape[0], 1, 1, length)


class GatePooling(Pooling):
    """A mean whose weights are learned: softmax over one linear score per token."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = self.dim = hidden_size
        self.gate = nn.Linear(hidden_size, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as mean pooling."""
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def scores(self, states: Tensor) -> Tensor:
        """One learned score per token."""
        scores: Tensor = self.gate(states)
        return scores.transpose(1, 2)[:, None]
