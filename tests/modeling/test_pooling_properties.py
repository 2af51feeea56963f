"""What holds for every pooling, whatever the shape, the mask, the heads and the dtype."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pooled_windows import pool_windows

from c2llm.modeling.config import POOLINGS, C2LLMConfig
from c2llm.modeling.model import build_pooling
from c2llm.modeling.poolings import Pooling
from tests.tiny import bert_config

MERGING = [name for name in POOLINGS if name != "last"]
# Rounding of the dtype, as it comes out after projections, softmax and two norms, beside the
# largest element of the vector.
PRECISION = {torch.float64: 1e-10, torch.float32: 1e-5, torch.bfloat16: 0.03}


@st.composite
def cases(draw, names=POOLINGS, least=1):
    """(pooling in float64, states (B, L, h), mask (B, L) with any rows, all-masked ones too)."""
    name, heads = draw(st.sampled_from(names)), draw(st.sampled_from([1, 2, 4, 8]))
    hidden = heads * draw(st.integers(1, 3)) if name == "latent" else draw(st.integers(2, 12))
    torch.manual_seed(draw(st.integers(0, 10_000)))
    pool = build_pooling(
        C2LLMConfig(
            bert_config(hidden_size=hidden),
            pooling=name,
            pma_dim=8 * draw(st.integers(1, 2)),
            pma_num_heads=heads,
            pma_num_queries=draw(st.integers(1, 3)),
            pma_residual=draw(st.sampled_from(["projected", "raw"])),
            num_latents=draw(st.integers(1, 6)),
            latent_heads=heads,
        )
    ).double()
    for parameter in pool.parameters():  # biases and norms too, or a lost one would go unseen
        torch.nn.init.normal_(parameter, std=0.4)
    batch, length = draw(st.integers(1, 4)), draw(st.integers(least, 14))
    rows = st.lists(st.integers(0, 1), min_size=length, max_size=length)
    mask = torch.tensor(draw(st.lists(rows, min_size=batch, max_size=batch)))
    return pool, torch.randn(batch, length, hidden, dtype=torch.float64), mask


@settings(max_examples=50, deadline=None)
@given(case=cases(), dtype=st.sampled_from(list(PRECISION)))
def test_every_dtype_gives_its_own_precision(case, dtype):
    pool, states, mask = case
    pool, states = pool.to(dtype), states.to(dtype)  # rounded first: what is left is arithmetic
    got, weights = pool.pool(states, mask)
    assert got.dtype == dtype and got.shape == (len(mask), pool.num_queries, pool.dim)
    want = pool.double()(states.double(), mask)
    error = (got.double() - want).abs().max() / (1 + want.abs().max())
    assert error <= PRECISION[dtype]
    total = mask.any(-1).double()[:, None, None].expand(weights.shape[:3])
    torch.testing.assert_close(weights.double().sum(-1), total, rtol=0, atol=PRECISION[dtype])
    assert (weights >= 0).all() and (weights * (1 - mask[:, None, None])).abs().max() == 0


@settings(max_examples=40, deadline=None)
@given(case=cases(), scale=st.sampled_from([0.0, 1.0, 1e6]))
def test_masked_tokens_and_batch_mates_are_not_seen(case, scale):
    pool, states, mask = case
    noise = scale * torch.randn_like(states)
    other = torch.where(mask.bool()[..., None], states, noise)
    want = pool(states, mask)
    torch.testing.assert_close(pool(other, mask), want, rtol=0, atol=1e-9)
    alone = torch.cat([pool(s[None], m[None]) for s, m in zip(states, mask, strict=True)])
    torch.testing.assert_close(alone, want, rtol=0, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(case=cases())
def test_an_all_masked_row_is_the_vector_of_no_text_and_has_no_gradient(case):
    pool, states, mask = case
    mask[0] = 0
    states.requires_grad_()
    out = pool(states, mask)
    nothing = states.new_zeros(1, pool.num_heads, pool.num_queries, pool.state_size)
    want = pool.readout(nothing, nothing[..., 0])
    torch.testing.assert_close(out[:1], want, rtol=0, atol=1e-12)
    (out * torch.randn_like(out)).sum().backward()
    assert states.grad.isfinite().all() and states.grad[0].abs().max() == 0
    assert all(p.grad is None or p.grad.isfinite().all() for p in pool.parameters())


@settings(max_examples=40, deadline=None)
@given(case=cases(MERGING), data=st.data())
def test_the_order_of_tokens_does_not_matter_to_the_pooling(case, data):
    pool, states, mask = case
    order = data.draw(st.permutations(range(mask.shape[1])))
    got = pool(states[:, order], mask[:, order])
    torch.testing.assert_close(got, pool(states, mask), rtol=0, atol=1e-10)


@settings(max_examples=50, deadline=None)
@given(
    case=cases(MERGING),
    cuts=st.lists(st.integers(1, 13), max_size=5),
    dtype=st.sampled_from([torch.float64, torch.float32]),
)
def test_any_split_into_windows_gives_vectors_and_gradients_of_one_shot(case, cuts, dtype):
    pool, states, mask = case
    pool, states = pool.to(dtype), states.to(dtype).requires_grad_()
    bounds = [0, *sorted(c for c in cuts if c < mask.shape[1]), mask.shape[1]]
    parts = [(states[:, a:b], mask[:, a:b]) for a, b in pairwise(bounds) if b > a]
    whole, split = pool(states, mask), pool_windows(pool, parts)
    tolerance = 10 * PRECISION[dtype]
    torch.testing.assert_close(split, whole, rtol=tolerance, atol=tolerance)
    direction = torch.randn_like(whole)
    want, got = (
        torch.autograd.grad((out * direction).sum(), states, retain_graph=True)[0]
        for out in (whole, split)
    )
    bound = tolerance * (1 + want.abs().max())
    assert (got - want).abs().max() <= bound


@pytest.mark.parametrize("name", POOLINGS)
def test_gradients_are_those_of_finite_differences(name):
    torch.manual_seed(3)
    config = C2LLMConfig(
        bert_config(hidden_size=4), pooling=name, pma_num_heads=2, num_latents=3, latent_heads=2
    )
    pool: Pooling = build_pooling(config).double()
    for parameter in pool.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    mask = torch.tensor([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 1]])
    states = torch.randn(3, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: pool(s, mask), (states,))
