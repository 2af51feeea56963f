"""One loss at several widths, so that the first dimensions of a vector serve alone.

Matryoshka representation learning (Kusupati et al. 2022, arXiv 2205.13147, eq. 1): the loss of the
vectors cut to each width, normalised again as `Encoder.load(dim=…)` does, and averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Callable[[Tensor, Tensor], Tensor]


def matryoshka(loss: Loss, queries: Tensor, documents: Tensor, dims: Sequence[int]) -> Tensor:
    """Mean over `dims` of the loss of vectors cut to that many dimensions.

    Args:
        loss: takes unit vectors of queries (B, d) and documents (N, d).
        queries: unit vectors (B, D).
        documents: unit vectors (N, D).
        dims: widths, each 1 to D; name D itself, or the whole vector is not trained.

    Raises:
        ValueError: if there is no width, or one that the vectors do not have.
    """
    width = queries.shape[1]
    if not dims or not all(1 <= dim <= width for dim in dims):
        raise ValueError(f"Matryoshka widths are 1 to {width}, not {list(dims)}.")
    losses = [
        loss(F.normalize(queries[:, :dim], dim=-1), F.normalize(documents[:, :dim], dim=-1))
        for dim in dims
    ]
    return torch.stack(losses).mean()
