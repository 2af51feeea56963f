"""A teacher's opinion as a further term of the loss.

scores   KL( softmax(teacher scores / t) || softmax(our scores / temperature) ), mean over the
         queries (Hinton et al. 2015): over the row's document and hard negatives where the
         scores stand in the data, over all documents of the batch where a teacher model embeds
         it; then also with the batch's queries for each document, if `loss.symmetric` asks for
         both directions. Teacher and student may have any widths.
vectors  1 - cosine(our vector, the teacher's), mean over all texts; equal widths only.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from c2llm.errors import UsageError
from c2llm.training.objective.loss import BatchVectors


def score_loss(
    student: Tensor, teacher: Tensor, temperature: float, teacher_temperature: float
) -> Tensor:
    """Mean over rows of KL(teacher || student).

    Args:
        student: our cosines (b, N).
        teacher: the teacher's scores (b, N) of the same documents.
        temperature: divides ours.
        teacher_temperature: divides the teacher's.
    """
    target = (teacher.float() / teacher_temperature).log_softmax(1)
    own = (student.float() / temperature).log_softmax(1)
    return F.kl_div(own, target, reduction="batchmean", log_target=True)


def own_scores(vectors: BatchVectors) -> Tensor:
    """Cosines (b, 1 + K) of each query with its document and its own hard negatives."""
    own = torch.cat([vectors.positives[vectors.own, None], vectors.negatives[vectors.own]], dim=1)
    return torch.einsum("bd,bkd->bk", vectors.queries, own)


def batch_score_loss(
    student: BatchVectors,
    teacher: BatchVectors,
    temperature: float,
    teacher_temperature: float,
    *,
    symmetric: bool,
) -> Tensor:
    """`score_loss` over all documents of the batch.

    Args:
        student: our vectors of the batch.
        teacher: the teacher's vectors of the same texts, of any width.
        temperature: divides our cosines.
        teacher_temperature: divides the teacher's scores.
        symmetric: average with the same of each document over all queries of the batch.
    """
    temperatures = temperature, teacher_temperature
    loss = score_loss(_of_queries(student), _of_queries(teacher), *temperatures)
    if symmetric:
        reverse = score_loss(_of_documents(student), _of_documents(teacher), *temperatures)
        loss = (loss + reverse) / 2
    return loss


def _of_queries(vectors: BatchVectors) -> Tensor:
    """Scores (b, B + B K) of each query with all documents of the batch."""
    documents = torch.cat([vectors.positives, vectors.negatives.flatten(0, 1)])
    return vectors.queries @ documents.T


def _of_documents(vectors: BatchVectors) -> Tensor:
    """Scores (b, B) of each row's document with all queries of the batch."""
    return vectors.positives[vectors.own] @ vectors.all_queries.T


def vector_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over rows of 1 - cosine.

    Args:
        student: our unit vectors (n, d).
        teacher: the teacher's (n, d).

    Raises:
        UsageError: if the widths differ.
    """
    if student.shape != teacher.shape:
        raise UsageError(
            f"The teacher's vectors have {teacher.shape[1]} dimensions and ours "
            f"{student.shape[1]}: take loss.distill=scores."
        )
    return (1 - F.cosine_similarity(student.float(), teacher.float())).mean()
