"""Exact pooling over windows: the states of one text come in parts, the vector is the same.

Every pooling averages token states with softmax weights, once per head and query. A softmax over
tokens needs only a running maximum m, a denominator z = sum exp(s - m) and a numerator
c = sum exp(s - m) h to be continued (online softmax, Milakov and Gimelshein 2018, arXiv
1805.02867). Two such triples of disjoint tokens merge into the triple of their union, in any order:

    m = max(m1, m2)      z = z1 exp(m1 - m) + z2 exp(m2 - m)      c likewise

So a text of any length has one vector in the memory of one window. The maximum cancels out of
c / z, so no gradient needs to pass through it: gradients are those of the one-shot pooling.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from c2llm.modeling.poolings import Pooling


@dataclass(frozen=True)
class WindowState:
    """What pooling has to remember of the tokens it has seen, per text, head and query."""

    maximum: Tensor
    """Largest attention logit (B, heads, num_queries); the dtype's minimum before any token."""
    denominator: Tensor
    """Sum of exp(logit - maximum) (B, heads, num_queries)."""
    numerator: Tensor
    """Sum of exp(logit - maximum) times the token's state (B, heads, num_queries, w)."""


def from_window(pooler: Pooling, hidden: Tensor, mask: Tensor) -> WindowState:
    """The state after one window.

    Args:
        pooler: the pooling of the model; any but `LastPooling`, which asks for positions.
        hidden: token states (B, L, h); L may differ from window to window.
        mask: (B, L), nonzero where a token counts; each token must count in one window only.
    """
    keep = mask.bool()[:, None, None, :]
    states = pooler.states(hidden)
    logits = pooler.scores(states)
    logits = logits.masked_fill(~keep, torch.finfo(logits.dtype).min)
    maximum = logits.detach().amax(dim=-1)
    weights = (logits - maximum[..., None]).exp() * keep
    numerator = torch.einsum("bhnl,bld->bhnd", weights, states)
    return WindowState(maximum, weights.sum(-1), numerator)


def merge(a: WindowState, b: WindowState) -> WindowState:
    """The state of both windows' tokens; associative and commutative up to rounding."""
    maximum = torch.maximum(a.maximum, b.maximum)
    scale_a, scale_b = (a.maximum - maximum).exp(), (b.maximum - maximum).exp()
    return WindowState(
        maximum,
        a.denominator * scale_a + b.denominator * scale_b,
        a.numerator * scale_a[..., None] + b.numerator * scale_b[..., None],
    )


def finish(pooler: Pooling, state: WindowState) -> Tensor:
    """The pooled vectors (B, num_queries, dim), as `pooler(hidden, mask)` gives for all tokens."""
    seen = state.denominator > 0
    context = state.numerator / state.denominator.masked_fill(~seen, 1)[..., None]
    return pooler.readout(context, seen.to(context.dtype))


def pool_windows(pooler: Pooling, windows: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """Pool (hidden, mask) windows as they come, holding one at a time (without autograd).

    Returns:
        Vectors (B, num_queries, dim).

    Raises:
        ValueError: if there is no window.
    """
    state: WindowState | None = None
    for hidden, mask in windows:
        window = from_window(pooler, hidden, mask)
        state = window if state is None else merge(state, window)
    if state is None:
        raise ValueError("Pooling needs at least one window; an empty text is one masked window.")
    return finish(pooler, state)
