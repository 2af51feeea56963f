"""Fit the ranker's weights: a softmax over files, cross-validated over repositories.

The score of a question's file is that of its best chunk, and the loss the cross-entropy between the
softmax of these scores and the files that answer (ListNet, Cao et al. 2007, with one level of
relevance). Weights stay close to where they start, by a penalty, and do not become negative; what
the benchmark cannot tell keeps the value it was given by hand. Few weights, few questions: the
cross-validated score, of repositories that a fit has not seen, is the one to believe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from samples import COLUMNS, KINDS, Floats, Samples, columns_of

from c2llm.search.query.query_parsing import QueryKind
from c2llm.search.ranking.feature_weights import FACTORS, RankWeights
from c2llm.search.ranking.features import FEATURES


@dataclass(frozen=True)
class FitOptions:
    """How the weights are fitted."""

    temperature: float = 0.25
    """Of the softmax; 1 is the score of the best candidate of the retrievers."""
    penalty: float = 0.4
    """On the squared distance from the weights that the fit starts from."""
    steps: int = 60
    rate: float = 0.05
    """Of Adam, falling to a tenth of it."""
    folds: int = 8
    seed: int = 0
    """Of the split of the repositories into folds."""
    hybrid: bool = False
    """Whether vectors take part, and so their share is fitted too."""


@dataclass(frozen=True)
class Point:
    """Weights as arrays."""

    columns: Floats
    """(kinds, columns)."""
    logs: Floats
    """(factors,), the negative logarithms of the factors."""
    asked: float
    saturation: float

    def scores(self, samples: Samples) -> tuple[Floats, Floats]:
        """Sums of features and what they are multiplied by, both (rows,)."""
        kind = samples.kind[samples.question]
        sums = np.einsum("ij,ij->i", samples.columns, self.columns[kind])
        factors = np.exp(-(samples.factors @ self.logs)) * self.asked**samples.asked
        return sums, factors

    def ndcg(self, samples: Samples) -> Floats:
        """NDCG@10 of each question."""
        sums, factors = self.scores(samples)
        return samples.ndcg(sums * factors, self.saturation)


@dataclass(frozen=True)
class FitReport:
    """What a fit is worth, NDCG@10 over repositories."""

    weights: RankWeights
    start: float
    """With the weights that the fit started from."""
    fitted: float
    """With the new weights, on what they were fitted on."""
    cross_validated: float
    """Each repository with weights fitted on the others."""
    start_by_category: dict[str, float]
    cross_validated_by_category: dict[str, float]


@dataclass(frozen=True)
class ContrastReport:
    """What the slope of the trust in the vectors is worth, NDCG@10 of (repositories, functions)."""

    slope: float
    cross_validated: tuple[float | None, float | None]
    """Each question with the slope chosen on the other folds."""
    by_slope: dict[float, tuple[float | None, float | None]]


def start_point(weights: RankWeights, hybrid: bool) -> Point:
    """The arrays of some weights."""
    logs = -np.log([max(1e-6, weights.factors[name]) for name in FACTORS])
    return Point(columns_of(weights, hybrid), logs, weights.asked, weights.saturation)


def fit(samples: Samples, start: Point, options: FitOptions, among: Floats | None = None) -> Point:
    """Weights that rank the files that answer first.

    Args:
        samples: The questions.
        start: Where to begin, and what to stay close to.
        options: How.
        among: (questions,), 1 for those to fit on; all by default.
    """
    shape = start.columns.shape
    begin = np.concatenate([start.columns.ravel(), start.logs])
    values, mean, square = begin.copy(), np.zeros(len(begin)), np.zeros(len(begin))
    fixed = np.zeros(shape, bool)
    fixed[:, 1] = not options.hybrid
    free = np.concatenate([~fixed.ravel(), np.ones(len(start.logs), bool)])
    weight = samples.weight * samples.answered * (1.0 if among is None else among)
    weight = weight / weight.sum()
    for step in range(1, options.steps + 1):
        point = Point(
            values[: start.columns.size].reshape(shape),
            values[start.columns.size :],
            start.asked,
            start.saturation,
        )
        gradient = _gradient(samples, point, weight, options.temperature)
        gradient += options.penalty * (values - begin)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        size = options.rate * (1.0 - 0.9 * step / options.steps)
        move = size * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
        values = np.where(free, np.maximum(values - move, 0.0), values)
    return Point(
        values[: start.columns.size].reshape(shape),
        values[start.columns.size :],
        start.asked,
        start.saturation,
    )


def _gradient(samples: Samples, point: Point, weight: Floats, temperature: float) -> Floats:
    sums, factors = point.scores(samples)
    scores = sums * factors
    best = np.maximum.reduceat(scores, samples.file_start)
    rows = np.flatnonzero(scores == best[samples.file])
    rows = rows[np.unique(samples.file[rows], return_index=True)[1]]  # one best chunk a file
    logits = best / temperature
    logits = logits - np.maximum.reduceat(logits, samples.first_file)[samples.file_question]
    odds = np.exp(logits)
    odds /= np.add.reduceat(odds, samples.first_file)[samples.file_question]
    slope = (odds - samples.share) / temperature * weight[samples.file_question]
    kind = samples.kind[samples.file_question]
    columns = [
        ((slope * factors[rows]) * (kind == number)) @ samples.columns[rows]
        for number in range(len(KINDS))
    ]
    logs = -(slope * scores[rows]) @ samples.factors[rows]
    return np.concatenate([*columns, logs])


def cross_validate(samples: Samples, start: Point, options: FitOptions) -> Floats:
    """NDCG@10 of each question with weights fitted on the repositories of the other folds."""
    of_question = _folds(samples, options)
    scores = np.zeros(len(samples.samples))
    for left_out in range(of_question.max() + 1):
        held = of_question == left_out
        point = fit(samples, start, options, (~held).astype(float))
        scores[held] = point.ndcg(samples)[held]
    return scores


def _folds(samples: Samples, options: FitOptions) -> NDArray[np.int64]:
    """The fold of each question: repositories, and parts of trees of functions, stay together."""
    count = int(samples.unit.max()) + 1
    shuffled = np.random.default_rng(options.seed).permutation(count)
    fold = np.empty(count, np.int64)
    fold[shuffled] = np.arange(count) % max(2, min(options.folds, count))
    of_question: NDArray[np.int64] = fold[samples.unit]
    return of_question


def choose_contrast(
    by_slope: Mapping[float, Samples], weights: RankWeights, options: FitOptions
) -> ContrastReport:
    """The slope of the trust in the vectors that ranks best, cross-validated.

    Args:
        by_slope: The same questions for each slope.
        weights: All others.
        options: How the folds are made.
    """
    slopes = sorted(by_slope)
    first = by_slope[slopes[0]]
    start = start_point(weights, hybrid=True)
    scores = np.stack([start.ndcg(by_slope[slope]) for slope in slopes])
    fold = _folds(first, options)
    held_out = np.zeros(len(fold))
    for left_out in np.unique(fold):
        among = first.weight * (fold != left_out)
        chosen = int((scores @ among).argmax())
        held_out[fold == left_out] = scores[chosen, fold == left_out]
    best = int((scores @ first.weight).argmax())

    def told(of: Floats) -> tuple[float | None, float | None]:
        return first.macro_of(of, functions=False), first.macro_of(of, functions=True)

    return ContrastReport(
        slopes[best],
        told(held_out),
        {slope: told(of) for slope, of in zip(slopes, scores, strict=True)},
    )


def fit_weights(samples: Samples, weights: RankWeights, options: FitOptions) -> FitReport:
    """Fit, and tell what that is worth."""
    start = start_point(weights, options.hybrid)
    point = fit(samples, start, options)
    before, after = start.ndcg(samples), point.ndcg(samples)
    held_out = cross_validate(samples, start, options)
    return FitReport(
        weights=as_weights(point, weights, options.hybrid),
        start=samples.macro(before),
        fitted=samples.macro(after),
        cross_validated=samples.macro(held_out),
        start_by_category=_by_category(samples, before),
        cross_validated_by_category=_by_category(samples, held_out),
    )


def as_weights(point: Point, start: RankWeights, hybrid: bool) -> RankWeights:
    """The arrays as weights, scaled so that the retrievers together are worth 1."""
    dense, features = dict(start.dense), dict(start.features)
    for number, kind in enumerate(KINDS):
        row = point.columns[number]
        fused_scores = row[0] + (row[1] if hybrid else 0.0)
        fused_scores = fused_scores if fused_scores > 0.0 else 1.0
        if hybrid:
            dense[kind] = round(float(row[1] / fused_scores), 3)
        features[kind] = tuple(round(float(value / fused_scores), 3) for value in row[2:])
        # The benchmark names no places and knows no dates: these keep their worth to the rest.
        features[kind] = tuple(
            kept if name in ("place", "recent") else value
            for name, kept, value in zip(
                FEATURES, start.features[kind], features[kind], strict=True
            )
        )
    factors = {
        name: round(float(np.exp(-log)), 3) for name, log in zip(FACTORS, point.logs, strict=True)
    }
    return replace(start, dense=dense, features=features, factors=factors)


def weights_object(weights: RankWeights, about: Mapping[str, Any]) -> dict[str, Any]:
    """The object that a file of weights holds.

    Args:
        weights: The weights.
        about: What they were fitted on, for the reader.
    """
    return {
        "about": dict(about),
        "features": {
            kind.value: {
                "dense": weights.dense[kind],
                "contrast": weights.contrast[kind],
                **dict(zip(FEATURES, weights.features[kind], strict=True)),
            }
            for kind in QueryKind
        },
        "ordinary_contrast": weights.ordinary_contrast,
        "factors": dict(weights.factors),
        "asked": weights.asked,
        "saturation": weights.saturation,
    }


def ablation(
    samples: Samples, weights: RankWeights, options: FitOptions
) -> list[tuple[str, float, float]]:
    """(what, NDCG@10 without it, NDCG@10 without it after fitting the rest anew) for each part.

    The second number is cross-validated. Without is a weight of 0, a factor of 1.
    """
    start = start_point(weights, options.hybrid)
    rows: list[tuple[str, float, float]] = []

    def tell(name: str, point: Point, part: Samples) -> None:
        without = part.macro(point.ndcg(part))
        rows.append((name, without, part.macro(cross_validate(part, point, options))))

    tell("nothing", start, samples)
    for number, name in enumerate(COLUMNS):
        if not samples.columns[:, number].any() or name == "lexical":
            continue
        part = _without_column(samples, number)
        tell(name, start, part)
    for name, chosen in (
        ("all demotions", range(len(FACTORS))),
        *((f"demotion of {name}", [number]) for number, name in enumerate(FACTORS)),
    ):
        part = _without_factors(samples, list(chosen))
        tell(name, start, part)
    flat = Point(start.columns, start.logs, start.asked, 1.0)
    tell("saturation", flat, samples)
    return rows


def _without_column(samples: Samples, number: int) -> Samples:
    part = Samples(samples.samples)
    part.columns[:, number] = 0.0
    return part


def _without_factors(samples: Samples, numbers: Sequence[int]) -> Samples:
    part = Samples(samples.samples)
    part.factors[:, numbers] = 0.0
    return part


def _by_category(samples: Samples, scores: Floats) -> dict[str, float]:
    names = np.array([one.category for one in samples.samples])
    return {str(name): float(scores[names == name].mean()) for name in np.unique(names)}
