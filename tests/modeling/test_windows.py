"""Pooling in windows equals pooling at once: values and gradients, whatever the split."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pooled_windows import finish, from_window, merge, pool_windows

from c2llm.modeling.pooling import PMA
from tests.modeling.test_pooling import random_pma


def split(states, mask, cuts):
    bounds = [0, *sorted(cuts), states.shape[1]]
    return [(states[:, a:b], mask[:, a:b]) for a, b in pairwise(bounds) if b > a]


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(1, 24),
    cuts=st.lists(st.integers(0, 24), max_size=6),
    queries=st.integers(1, 3),
    residual=st.sampled_from(["projected", "raw"]),
    scale=st.sampled_from([0.1, 1.0, 30.0]),
    dtype=st.sampled_from([torch.float64, torch.float32]),
    seed=st.integers(0, 1000),
)
def test_any_split_gives_the_one_shot_vectors(length, cuts, queries, residual, scale, dtype, seed):
    torch.manual_seed(seed)
    pma = random_pma(6, 8, 4, queries, residual=residual).to(dtype)
    states = scale * torch.randn(2, length, 6, dtype=dtype)  # large scales make the maximum matter
    mask = (torch.rand(2, length) > 0.3).long()
    want = pma(states, mask)
    got = pool_windows(pma, split(states, mask, [c for c in cuts if c < length]))
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(got, want, rtol=tolerance, atol=tolerance)


def test_float32_agrees_to_a_millionth_on_states_of_usual_size():
    torch.manual_seed(0)
    pma = PMA(32, 32, 8)
    states, mask = torch.randn(3, 200, 32), torch.ones(3, 200)
    got = pool_windows(pma, split(states, mask, range(7, 200, 7)))
    torch.testing.assert_close(got, pma(states, mask), rtol=0, atol=2e-6)


def test_merging_is_associative_and_commutative():
    torch.manual_seed(1)
    pma = random_pma(6, 8, 4, 2)
    states, mask = torch.randn(1, 9, 6, dtype=torch.float64), torch.ones(1, 9)
    a, b, c = (from_window(pma, *part) for part in split(states, mask, [2, 5]))
    want = finish(pma, merge(merge(a, b), c))
    torch.testing.assert_close(finish(pma, merge(a, merge(b, c))), want, rtol=0, atol=1e-12)
    torch.testing.assert_close(finish(pma, merge(merge(c, a), b)), want, rtol=0, atol=1e-12)


def test_gradients_are_those_of_the_one_shot_pooling():
    torch.manual_seed(2)
    pma = random_pma(6, 8, 4, 2)
    states = torch.randn(2, 11, 6, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[1] * 11, [0, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0]])
    direction = torch.randn(2, 2, 8, dtype=torch.float64)
    inputs = [states, *pma.parameters()]
    one_shot = torch.autograd.grad((pma(states, mask) * direction).sum(), inputs)
    windowed = pool_windows(pma, split(states, mask, [1, 4, 8]))  # the third is masked for row 1
    for got, want in zip(
        torch.autograd.grad((windowed * direction).sum(), inputs), one_shot, strict=True
    ):
        torch.testing.assert_close(got, want, rtol=0, atol=1e-11)


def test_a_text_without_tokens_is_the_fully_masked_row():
    pma = PMA(8, 8, 4)
    states, nothing = torch.randn(1, 4, 8), torch.zeros(1, 4)
    got = pool_windows(pma, split(states, nothing, [2]))
    torch.testing.assert_close(got, pma(states, nothing))
    with pytest.raises(ValueError, match="at least one window"):
        pool_windows(pma, [])
