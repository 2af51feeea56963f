"""InfoNCE over in-batch documents and hard negatives (van den Oord et al. 2018; C2LLM section 4).

What stands in the denominator of query i, besides its own document; B rows over all ranks, K hard
negatives a row:

    form         in-batch term                            hard term
    single       the other B - 1 documents and the        none
                 B K hard negatives of all rows
    two_term     the other B - 1 documents                its own K hard negatives

`two_term` adds the two cross-entropies, as the authors' sister project F2LLM does. `symmetric`
averages the in-batch term with that of each document over all B queries. Left out of every
denominator are documents that are known to answer the query (the same text occurs among its
positives) and, with a margin m, those that score above the positive by more than m: they are likely
to answer it too (Qwen3-Embedding, arXiv 2506.05176, takes m = 0.1).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from c2llm.training.run.recipe import LossConfig


@dataclass(frozen=True)
class BatchVectors:
    """Unit vectors of a batch as one rank sees it: its own b rows, and all B rows of all ranks.

    Attributes:
        queries: (b, d) of this rank's rows.
        positives: (B, d), row i answers query i of the whole batch.
        negatives: (B, K, d); K may be 0.
        all_queries: (B, d).
        offset: position of this rank's first row among the B.
        known: (B, B + B K), true where a document is known to answer a query; the diagonal is not
            looked at. None where nothing is known.
    """

    queries: Tensor
    positives: Tensor
    negatives: Tensor
    all_queries: Tensor
    offset: int = 0
    known: Tensor | None = None

    @property
    def own(self) -> slice:
        """This rank's rows among all."""
        return slice(self.offset, self.offset + len(self.queries))

    def narrowed(self, dim: int) -> BatchVectors:
        """The first `dim` dimensions, normalised again."""

        def cut(vectors: Tensor) -> Tensor:
            return F.normalize(vectors[..., :dim], dim=-1)

        return dataclasses.replace(
            self,
            queries=cut(self.queries),
            positives=cut(self.positives),
            negatives=cut(self.negatives),
            all_queries=cut(self.all_queries),
        )


def contrastive_loss(vectors: BatchVectors, config: LossConfig) -> Tensor:
    """The loss of this rank's rows; its mean over ranks is the loss of the whole batch.

    Args:
        vectors: unit vectors, those of other ranks with their autograd history.
        config: form, temperature, symmetry, margin, and widths: with them it is the mean of the
            losses at each, so that the first dimensions of a vector serve alone (Matryoshka
            representation learning, Kusupati et al. 2022, arXiv 2205.13147, eq. 1).

    Returns:
        Scalar, computed in float32.

    Raises:
        ValueError: for a width that the vectors do not have.
    """
    dims, width = config.matryoshka_dims, vectors.queries.shape[1]
    if not dims:
        return _at_one_width(vectors, config)
    if not all(1 <= dim <= width for dim in dims):
        raise ValueError(f"Matryoshka widths are 1 to {width}, not {list(dims)}.")
    return torch.stack([_at_one_width(vectors.narrowed(dim), config) for dim in dims]).mean()


def _at_one_width(vectors: BatchVectors, config: LossConfig) -> Tensor:
    rows, all_rows = len(vectors.queries), len(vectors.positives)
    negatives = vectors.negatives.flatten(0, 1)  # (B K, d)
    targets = torch.arange(rows, device=vectors.queries.device) + vectors.offset
    known = None if vectors.known is None else vectors.known[vectors.own]  # (b, B + B K)
    temperature, margin = config.temperature, config.false_negative_margin
    single = config.form == "single"
    documents = torch.cat([vectors.positives, negatives]) if single else vectors.positives
    excluded = None if known is None else known[:, : len(documents)]
    loss = cross_entropy(
        vectors.queries, documents, targets, temperature, excluded=excluded, margin=margin
    )
    if config.symmetric:
        # Column i of `known`: the queries that document i answers.
        answered = None if vectors.known is None else vectors.known[:, vectors.own].T
        own = vectors.positives[vectors.own]
        reverse = cross_entropy(
            own, vectors.all_queries, targets, temperature, excluded=answered, margin=margin
        )
        loss = (loss + reverse) / 2
    if not single and negatives.numel():
        loss = loss + config.hard_weight * _hard_term(vectors, known, all_rows, config)
    return loss


def _hard_term(
    vectors: BatchVectors, known: Tensor | None, all_rows: int, config: LossConfig
) -> Tensor:
    """(K+1)-way cross-entropy of each query over its document and its own hard negatives."""
    rows = len(vectors.queries)
    own = torch.cat([vectors.positives[vectors.own, None], vectors.negatives[vectors.own]], dim=1)
    logits = torch.einsum("bd,bkd->bk", vectors.queries.float(), own.float()) / config.temperature
    excluded = None
    if known is not None:
        hard = known[:, all_rows:].reshape(rows, all_rows, -1)  # (b, B, K)
        mine = torch.arange(rows, device=hard.device)
        hard = hard[mine, mine + vectors.offset]
        excluded = torch.cat([hard.new_zeros(rows, 1), hard], dim=1)
    targets = torch.zeros(rows, dtype=torch.long, device=logits.device)
    return F.cross_entropy(
        _masked(logits, targets, excluded, config.false_negative_margin, config.temperature),
        targets,
    )


def cross_entropy(
    anchors: Tensor,
    candidates: Tensor,
    targets: Tensor,
    temperature: float,
    *,
    excluded: Tensor | None = None,
    margin: float | None = None,
) -> Tensor:
    """Mean over anchors of -log softmax of the target candidate's similarity.

    Args:
        anchors: unit vectors (b, d).
        candidates: unit vectors (N, d).
        targets: (b,) int64, which candidate is right.
        temperature: divides the cosine similarities.
        excluded: (b, N), true for candidates to leave out of an anchor's denominator; a target
            always stays in.
        margin: leave out candidates that score above the target by more than this cosine.

    Returns:
        Scalar, computed in float32.
    """
    logits = anchors.float() @ candidates.float().T / temperature
    return F.cross_entropy(_masked(logits, targets, excluded, margin, temperature), targets)


def _masked(
    logits: Tensor,
    targets: Tensor,
    excluded: Tensor | None,
    margin: float | None,
    temperature: float,
) -> Tensor:
    if margin is not None:
        likely = logits.detach() > logits.detach().gather(1, targets[:, None]) + (
            margin / temperature
        )
        excluded = likely if excluded is None else excluded | likely
    if excluded is None:
        return logits
    excluded = excluded.scatter(1, targets[:, None], False)
    return logits.masked_fill(excluded, -torch.inf)
