"""One loss at several widths, so that the first dimensions of a vector serve alone.

Matryoshka representation learning (Kusupati et al. 2022, arXiv 2205.13147, eq. 1): the loss of the
vectors cut to each width, normalised again as `Encoder.load(dim=…)` does, and averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from c2llm.training.objective.loss import BatchVectors


def matryoshka(
    loss: Callable[[BatchVectors], Tensor], vectors: BatchVectors, dims: Sequence[int]
) -> Tensor:
    """Mean over `dims` of the loss of vectors cut to that many dimensions.

    Args:
        loss: takes the unit vectors of a batch.
        vectors: unit vectors of width D.
        dims: widths, each 1 to D; name D itself, or the whole vector is not trained.

    Raises:
        ValueError: if there is no width, or one that the vectors do not have.
    """
    width = vectors.queries.shape[1]
    if not dims or not all(1 <= dim <= width for dim in dims):
        raise ValueError(f"Matryoshka widths are 1 to {width}, not {list(dims)}.")
    return torch.stack([loss(vectors.narrowed(dim)) for dim in dims]).mean()
