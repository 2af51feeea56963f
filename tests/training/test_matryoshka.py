"""The loss at several widths: its value, its gradient, and that short vectors learn."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch.nn import functional as F

from c2llm.training.loss import info_nce
from c2llm.training.matryoshka import matryoshka


def vectors(rows, width, seed):
    torch.manual_seed(seed)
    return F.normalize(torch.randn(rows, width, dtype=torch.float64), dim=-1)


def test_the_whole_width_alone_is_the_plain_loss():
    q, d = vectors(4, 8, 0), vectors(6, 8, 1)
    torch.testing.assert_close(matryoshka(info_nce, q, d, [8]), info_nce(q, d))


def test_it_is_the_mean_of_the_losses_of_shorter_unit_vectors():
    q, d = vectors(4, 8, 0), vectors(6, 8, 1)
    loss = partial(info_nce, temperature=0.2)
    short = loss(F.normalize(q[:, :3], dim=-1), F.normalize(d[:, :3], dim=-1))
    torch.testing.assert_close(matryoshka(loss, q, d, [3, 8]), (short + loss(q, d)) / 2)


def test_dimensions_beyond_the_widest_have_no_gradient():
    q, d = vectors(4, 8, 0).requires_grad_(), vectors(4, 8, 1)
    matryoshka(info_nce, q, d, [2, 5]).backward()
    assert q.grad[:, :5].abs().min() > 0 and q.grad[:, 5:].abs().max() == 0


@pytest.mark.parametrize("dims", [[], [0], [4, 9]])
def test_impossible_widths_are_refused(dims):
    with pytest.raises(ValueError, match="widths are 1 to 8"):
        matryoshka(info_nce, vectors(2, 8, 0), vectors(2, 8, 1), dims)
