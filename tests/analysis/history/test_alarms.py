"""The bound on alarms holds for any scores that come in no particular order."""

from __future__ import annotations

import numpy as np
import pytest

from c2llm.analysis.history.alarms import WINDOW, Alarms


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("draw", ["normal", "heavy", "ties"])
def test_as_many_alarms_as_were_asked_for(rate, draw):
    chance = np.random.default_rng(5)
    scores = {
        "normal": chance.normal(size=6_000),
        "heavy": chance.standard_cauchy(6_000),
        "ties": chance.integers(0, 5, 6_000).astype(float),
    }[draw]
    alarms = Alarms(rate)
    raised = judged = 0
    for score in scores.tolist():
        if not alarms.missing:
            judged += 1
            raised += alarms.p_value(score) <= rate
        alarms.learn(score)
    assert raised / judged <= rate + 3 * (rate / judged) ** 0.5
    if draw != "ties":
        assert raised / judged >= rate / 2


def test_nothing_is_told_before_there_is_enough():
    alarms = Alarms(0.01)
    assert alarms.least == alarms.missing == 99
    for score in range(98):
        alarms.learn(score)
    assert alarms.missing == 1
    alarms.learn(98)
    assert alarms.missing == 0
    assert alarms.p_value(1_000) == 0.01
    assert alarms.p_value(-1) == 1.0


def test_old_scores_are_forgotten():
    alarms = Alarms(0.5)
    for _ in range(WINDOW):
        alarms.learn(100)
    for _ in range(WINDOW):
        alarms.learn(1)
    assert alarms.p_value(50) == 1 / (WINDOW + 1)
