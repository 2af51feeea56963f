"""The loss at several widths: its value, its gradient, and that short vectors learn."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from c2llm.training.objective.loss import BatchVectors, contrastive_loss
from c2llm.training.run.recipe import LossConfig


def vectors(rows, width, seed):
    torch.manual_seed(seed)
    return F.normalize(torch.randn(rows, width, dtype=torch.float64), dim=-1)


def loss(q, d, dims, **options):
    batch = BatchVectors(q, d, d.new_zeros(len(d), 0, d.shape[1]), q)
    config = LossConfig(matryoshka_dims=dims, symmetric=False, **options)
    return contrastive_loss(batch, config)


def test_the_whole_width_alone_is_the_plain_loss():
    q, d = vectors(4, 8, 0), vectors(4, 8, 1)
    torch.testing.assert_close(loss(q, d, [8]), loss(q, d, []))


def test_it_is_the_mean_of_the_losses_of_shorter_unit_vectors():
    q, d = vectors(4, 8, 0), vectors(4, 8, 1)
    cut = [F.normalize(x[:, :3], dim=-1) for x in (q, d)]
    want = (loss(*cut, [], temperature=0.2) + loss(q, d, [], temperature=0.2)) / 2
    torch.testing.assert_close(loss(q, d, [3, 8], temperature=0.2), want)


def test_dimensions_beyond_the_widest_have_no_gradient():
    q, d = vectors(4, 8, 0).requires_grad_(), vectors(4, 8, 1)
    loss(q, d, [2, 5]).backward()
    assert q.grad[:, :5].abs().min() > 0 and q.grad[:, 5:].abs().max() == 0


def test_impossible_widths_are_refused():
    with pytest.raises(ValueError, match="widths are 1 to 8"):
        loss(vectors(2, 8, 0), vectors(2, 8, 1), [4, 9])
