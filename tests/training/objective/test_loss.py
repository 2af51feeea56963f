"""InfoNCE against its definition, written out with loops."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from c2llm.errors import UsageError
from c2llm.training.objective.distillation import batch_score_loss, score_loss, vector_loss
from c2llm.training.objective.loss import BatchVectors, contrastive_loss, cross_entropy
from c2llm.training.run.recipe import LossConfig

T = 0.2


def unit(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, 6, generator=generator, dtype=torch.float64), dim=-1)


def by_hand(queries: torch.Tensor, documents: torch.Tensor, temperature: float) -> float:
    total = 0.0
    for i, query in enumerate(queries):
        scores = [math.exp(float(query @ document) / temperature) for document in documents]
        total -= math.log(scores[i] / sum(scores))
    return total / len(queries)


def nll(query: torch.Tensor, own: torch.Tensor, others: list[torch.Tensor]) -> float:
    scores = [math.exp(float(query @ document) / T) for document in (own, *others)]
    return -math.log(scores[0] / sum(scores))


def batch(rows: int = 4, negatives: int = 3, **options: object) -> BatchVectors:
    q = unit(rows, seed=0)
    return BatchVectors(q, unit(rows, seed=1), unit(rows, negatives, seed=2), q, **options)


def loss(vectors: BatchVectors, **options: object) -> float:
    config = LossConfig(**{"temperature": T, "symmetric": False, **options})
    return contrastive_loss(vectors, config).item()


def test_is_the_mean_negative_log_likelihood_of_the_own_document():
    q, d = unit(4, seed=0), unit(7, seed=1)  # three hard negatives behind the four positives
    got = cross_entropy(q, d, torch.arange(4), T)
    assert got.item() == pytest.approx(by_hand(q, d, T), rel=1e-5)


def test_single_has_the_hard_negatives_of_all_rows_in_every_denominator():
    v = batch()
    want = by_hand(v.queries, torch.cat([v.positives, v.negatives.flatten(0, 1)]), T)
    assert loss(v) == pytest.approx(want, rel=1e-5)


def test_two_term_has_all_documents_in_one_and_the_own_negatives_in_the_other():
    v = batch()
    hard = [nll(q, d, list(n)) for q, d, n in zip(v.queries, v.positives, v.negatives, strict=True)]
    want = by_hand(v.queries, v.positives, T) + 0.5 * sum(hard) / len(hard)
    assert loss(v, form="two_term", hard_weight=0.5) == pytest.approx(want, rel=1e-5)


def test_known_answers_stand_in_no_denominator():
    known = torch.zeros(4, 4 + 12, dtype=torch.bool)
    known[0, 2] = known[0, 0] = True  # the own document stays, whatever is known of it
    known[1, 4 + 1 * 3 + 2] = True  # the third negative of row 1 answers its query
    v = batch(known=known)
    documents = [*v.positives, *v.negatives.flatten(0, 1)]
    out = {0: {2}, 1: {4 + 1 * 3 + 2}}
    single = two_term = reverse = 0.0
    for i, query in enumerate(v.queries):
        kept = [j for j in range(16) if j != i and j not in out.get(i, ())]
        single += nll(query, v.positives[i], [documents[j] for j in kept])
        two_term += nll(query, v.positives[i], [documents[j] for j in kept if j < 4])
        hard = [documents[j] for j in kept if 4 + 3 * i <= j < 7 + 3 * i]
        two_term += nll(query, v.positives[i], hard)
        asked = [j for j in range(4) if j != i and not known[j, i]]
        reverse += nll(v.positives[i], query, [v.queries[j] for j in asked])
    assert loss(v) == pytest.approx(single / 4, rel=1e-5)
    assert loss(v, form="two_term") == pytest.approx(two_term / 4, rel=1e-5)
    assert loss(v, symmetric=True) == pytest.approx((single + reverse) / 8, rel=1e-5)


def test_documents_above_the_margin_stand_in_no_denominator():
    v, margin = batch(), 0.1
    documents = [*v.positives, *v.negatives.flatten(0, 1)]
    total, left_out = 0.0, 0
    for i, query in enumerate(v.queries):
        own = float(query @ v.positives[i])
        others = [d for j, d in enumerate(documents) if j != i]
        kept = [d for d in others if float(query @ d) <= own + margin]
        left_out += len(others) - len(kept)
        total += nll(query, v.positives[i], kept)
    assert left_out > 0
    assert loss(v, false_negative_margin=margin) == pytest.approx(total / 4, rel=1e-5)


def test_the_slices_of_ranks_average_to_the_whole():
    known = torch.rand(4, 16, generator=torch.Generator().manual_seed(3)) < 0.2
    for form in ("single", "two_term"):
        options = {"form": form, "symmetric": True, "false_negative_margin": 0.3}
        whole = batch(known=known)
        q, p, n = whole.queries, whole.positives, whole.negatives
        parts = [
            loss(BatchVectors(q[s : s + 2], p, n, q, offset=s, known=known), **options)
            for s in (0, 2)
        ]
        assert sum(parts) / 2 == pytest.approx(loss(whole, **options), rel=1e-6)


def test_distilled_scores_are_matched_exactly_by_the_same_scores():
    scores = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    assert score_loss(scores, scores, 0.1, 0.1).item() == pytest.approx(0, abs=1e-6)
    assert score_loss(scores, scores.flip(1), 0.1, 0.1).item() > 0.1


def test_a_teacher_is_heard_in_both_directions_where_the_loss_is_symmetric():
    ours, q = batch(), unit(4, seed=7)
    theirs = BatchVectors(q, unit(4, seed=8), unit(4, 3, seed=9), q)

    def divergence(anchors, candidates) -> float:
        total = 0.0
        for i in range(len(anchors[0])):
            own, taught = (
                ((vectors[i] @ others.T) / t).softmax(0)
                for vectors, others, t in zip(anchors, candidates, (T, 0.1), strict=True)
            )
            total += float((taught * (taught / own).log()).sum())
        return total / len(anchors[0])

    both = ours, theirs
    documents = [torch.cat([v.positives, v.negatives.flatten(0, 1)]) for v in both]
    forward = divergence([v.queries for v in both], documents)
    reverse = divergence([v.positives for v in both], [v.queries for v in both])
    alone = batch_score_loss(ours, theirs, T, 0.1, symmetric=False)
    assert alone.item() == pytest.approx(forward, rel=1e-4)
    together = batch_score_loss(ours, theirs, T, 0.1, symmetric=True)
    assert together.item() == pytest.approx((forward + reverse) / 2, rel=1e-4)
    assert abs(forward - reverse) > 0.01


def test_distilled_vectors_need_the_same_width():
    a = unit(3, seed=0)
    assert vector_loss(a, a).item() == pytest.approx(0, abs=1e-6)
    assert vector_loss(a, -a).item() == pytest.approx(2, rel=1e-6)
    with pytest.raises(UsageError, match=r"4 dimensions and ours 6: take loss\.distill=scores"):
        vector_loss(a, a[:, :4])
