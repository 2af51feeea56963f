"""Weights of the ranker: scored as the benchmark scores, with right gradients, on unseen trees."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from fit import (
    FitOptions,
    Point,
    _gradient,
    as_weights,
    choose_contrast,
    cross_validate,
    fit,
    start_point,
    weights_object,
)
from samples import COLUMNS, KINDS, Sample, Samples

from c2llm.errors import DataError
from c2llm.evaluation.repositories.repo_scores import ndcg_of_ranks
from c2llm.search.query.query_parsing import QueryKind
from c2llm.search.ranking.feature_weights import (
    DEFAULT_WEIGHTS,
    FACTORS,
    load_weights,
)


def made(seed=0, repositories=4, questions=5, rows=30):
    """Questions whose answer is told by one column, behind noise in the others."""
    rng = np.random.default_rng(seed)
    telling = COLUMNS.index("names")
    samples = []
    for repository in range(repositories):
        for number in range(questions):
            files = np.sort(rng.integers(0, 12, rows))
            columns = rng.random((rows, len(COLUMNS))) * 0.5
            target = np.flatnonzero(files == rng.choice(files))
            columns[target, telling] += 1.0
            factors = np.zeros((rows, len(FACTORS)))
            factors[rng.integers(0, rows, 5), rng.integers(0, len(FACTORS), 5)] = 1.0
            samples.append(
                Sample(
                    repository=f"r{repository}",
                    category="semantic",
                    kind=number % len(KINDS),
                    columns=columns,
                    factors=np.minimum(factors, 1.0),
                    asked=np.zeros(rows),
                    files=files,
                    targets=(target, np.array([], np.int64))[: 1 + number % 2],
                )
            )
    return Samples(samples)


def test_the_score_is_that_of_the_benchmark():
    samples = made()
    start = start_point(DEFAULT_WEIGHTS, hybrid=True)
    sums, factors = start.scores(samples)
    scores, found = sums * factors, start.ndcg(samples)
    begin = 0
    for number, one in enumerate(samples.samples):
        mine = scores[begin : begin + len(one.files)]
        begin += len(one.files)
        taken: dict[int, int] = {}
        final = mine.copy()
        for row in np.argsort(-mine, kind="stable"):
            final[row] *= start.saturation ** taken.get(one.files[row], 0)
            taken[one.files[row]] = taken.get(one.files[row], 0) + 1
        order = list(np.argsort(-final, kind="stable"))
        ranks = [min((order.index(row) + 1 for row in t), default=None) for t in one.targets]
        assert found[number] == pytest.approx(ndcg_of_ranks(ranks))


def test_the_gradient_is_that_of_the_loss():
    samples = made()
    start = start_point(DEFAULT_WEIGHTS, hybrid=True)
    weight = samples.weight * samples.answered / (samples.weight * samples.answered).sum()

    def loss(values):
        point = Point(
            values[: start.columns.size].reshape(start.columns.shape),
            values[start.columns.size :],
            start.asked,
            start.saturation,
        )
        sums, factors = point.scores(samples)
        best = np.maximum.reduceat(sums * factors, samples.file_start) / 0.25
        total = 0.0
        for question in range(len(samples.samples)):
            of = samples.file_question == question
            logs = best[of] - np.log(np.exp(best[of]).sum())
            total -= weight[question] * (samples.share[of] * logs).sum()
        return total

    values = np.concatenate([start.columns.ravel(), start.logs])
    slope = _gradient(samples, start, weight, 0.25)
    for at in range(0, len(values), 3):
        step = np.zeros(len(values))
        step[at] = 1e-6
        measured = (loss(values + step) - loss(values - step)) / 2e-6
        assert slope[at] == pytest.approx(measured, abs=1e-5)


def test_what_tells_the_answer_gains_weight_also_for_repositories_that_were_not_seen():
    samples = made()
    options = FitOptions(penalty=0.01, folds=4, steps=80)
    start = start_point(DEFAULT_WEIGHTS, hybrid=False)
    fitted = fit(samples, start, options)
    column = COLUMNS.index("names")
    assert (fitted.columns[:, column] > start.columns[:, column]).all()
    assert (fitted.columns >= 0).all()
    assert samples.macro(fitted.ndcg(samples)) > samples.macro(start.ndcg(samples))
    held_out = cross_validate(samples, start, options)
    assert samples.macro(held_out) > samples.macro(start.ndcg(samples))
    weights = as_weights(fitted, DEFAULT_WEIGHTS, hybrid=False)
    assert weights.dense == DEFAULT_WEIGHTS.dense
    assert weights.features[QueryKind.TRACE] == DEFAULT_WEIGHTS.features[QueryKind.TRACE]


def test_the_slope_that_ranks_best_is_chosen_and_both_kinds_of_tree_count_alike():
    samples = made()
    functions = [
        replace(one, repository="cosqa", part=f"cosqa {at % 2}")
        for at, one in enumerate(made(seed=1, repositories=1, questions=6).samples)
    ]
    both = Samples([*samples.samples, *functions])
    assert both.weight[both.of_functions].sum() == pytest.approx(1.0)
    assert both.weight[~both.of_functions].sum() == pytest.approx(1.0)
    assert len(set(both.unit)) == 4 + 2
    blind = Samples([replace(one, columns=one.columns * 0.0) for one in both.samples])
    report = choose_contrast({0.0: blind, 0.5: both}, DEFAULT_WEIGHTS, FitOptions(folds=3))
    assert report.slope == 0.5 and report.cross_validated == report.by_slope[0.5]
    assert report.by_slope[0.5] > report.by_slope[0.0]
    scores = start_point(DEFAULT_WEIGHTS, hybrid=True).ndcg(both)
    assert report.by_slope[0.5][1] == pytest.approx(scores[both.of_functions].mean())
    assert samples.macro_of(scores[: len(samples.samples)], functions=True) is None


def test_a_file_of_weights_comes_back_and_a_bad_one_is_named(tmp_path):
    path = tmp_path / "weights.json"
    fields = weights_object(DEFAULT_WEIGHTS, {"fitted_on": "nothing"})
    path.write_text(json.dumps(fields))
    again = load_weights(path)
    assert weights_object(again, {"fitted_on": "nothing"}) == fields
    del fields["features"]["name"]["phrase"]
    path.write_text(json.dumps(fields))
    with pytest.raises(DataError, match=r"is not a file of ranker weights \('phrase'\)"):
        load_weights(path)
    fields["features"]["name"].update(phrase=0.1, luck=1.0)
    path.write_text(json.dumps(fields))
    with pytest.raises(DataError, match="unknown features luck"):
        load_weights(path)
