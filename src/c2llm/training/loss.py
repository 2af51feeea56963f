"""InfoNCE over in-batch documents (van den Oord et al. 2018; C2LLM section 4, temperature 0.05).

What stands in the denominator of query i: its own document, the documents of all other pairs of the
batch, and, where rows bring hard negatives, those of all rows. Batches never repeat a query or a
document, so no term is a known false negative.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def info_nce(
    queries: Tensor, documents: Tensor, temperature: float = 0.05, *, symmetric: bool = False
) -> Tensor:
    """Contrastive loss of B queries against N >= B documents; document i answers query i.

    Args:
        queries: unit vectors (B, d).
        documents: unit vectors (N, d): the B positives first, then any hard negatives.
        temperature: divides the cosine similarities.
        symmetric: average with the loss of the B positives against the B queries.

    Returns:
        Scalar mean cross-entropy, computed in float32.

    Raises:
        ValueError: if there are fewer documents than queries.
    """
    if len(documents) < len(queries):
        raise ValueError(f"{len(queries)} queries need as many documents, got {len(documents)}.")
    logits = queries.float() @ documents.float().T / temperature
    labels = torch.arange(len(queries), device=queries.device)
    loss = F.cross_entropy(logits, labels)
    if symmetric:
        loss = (loss + F.cross_entropy(logits[:, : len(queries)].T, labels)) / 2
    return loss
