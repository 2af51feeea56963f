"""Ours beside the published scores."""

from __future__ import annotations

import json

import pytest

from c2llm.errors import UsageError
from c2llm.evaluation.mteb.mteb_report import mteb_markdown, mteb_report
from c2llm.evaluation.mteb.mteb_run import MtebScore
from c2llm.evaluation.mteb.mteb_tasks import TASKS
from c2llm.evaluation.mteb.published import COMPARED, published_scores


def score(task, value, **fields):
    given = dict(
        task=task,
        score=value,
        subsets={"default": value},
        data_revision="a",
        published_revision="a",
        seconds=1.0,
        kept=False,
    )
    return MtebScore(**{**given, **fields})


def test_published_scores_are_whole_and_their_means_are_those_of_the_leaderboard():
    table = published_scores()
    for scores in table.models.values():
        assert set(scores) <= set(TASKS)
        assert all(0 < value < 100 for value in scores.values())
    for name, mean in (("C2LLM-7B", 80.745), ("C2LLM-0.5B", 75.463), ("baseline-bm25s", 44.4)):
        scores = table.models[table.named(name)]
        assert set(scores) == set(TASKS)
        assert sum(scores.values()) / 12 == pytest.approx(mean, abs=0.05)
    assert all(table.named(name) == name for name in COMPARED)
    with pytest.raises(UsageError, match="No published scores of 'C2LLM-70B'"):
        table.named("C2LLM-70B")


def test_the_mean_is_over_the_tasks_that_all_of_ours_have():
    report = mteb_report(
        {
            "a": [score("CosQA", 0.4), score("AppsRetrieval", 0.2)],
            "b": [score("AppsRetrieval", 0.6)],
        },
        ["c2llm-0.5b", "codefuse-ai/C2LLM-7B"],
    )
    assert [entry["task"] for entry in report["tasks"]] == ["AppsRetrieval", "CosQA"]
    assert report["mean_tasks"] == ["AppsRetrieval"]
    assert report["mean"]["a"] == pytest.approx(20.0)
    assert report["mean"]["codefuse-ai/C2LLM-0.5B"] == pytest.approx(61.02)
    assert not report["all_twelve"]
    json.dumps(report, allow_nan=False)


def test_a_published_model_without_a_task_has_no_mean():
    report = mteb_report(
        {"a": [score("COIRCodeSearchNetRetrieval", 0.4), score("CosQA", 0.4)]}, COMPARED
    )
    assert "sentence-transformers/all-MiniLM-L6-v2" not in report["mean"]
    assert "mteb/baseline-bm25s" in report["mean"]


def test_markdown_tells_other_data_and_languages():
    report = mteb_report(
        {
            "a": [
                score("CosQA", 0.43, data_revision="local-1"),
                score("CodeSearchNetRetrieval", 0.75, subsets={"go": 0.5, "java": 1.0}),
            ]
        }
    )
    lines = mteb_markdown(report).splitlines()
    assert [cell.strip() for cell in lines[3].split("|")[1:4]] == ["CosQA", "43.00 *", "39.76"]
    assert "59.00 *" in lines[4] and "mean of 2" in lines[4]
    assert any(line.startswith("* made from data of another revision") for line in lines)
    assert any(line.startswith("Published: https://") for line in lines)
    assert [c.strip() for c in lines[-1].split("|")[1:4]] == [
        "CodeSearchNetRetrieval",
        "java",
        "100.00",
    ]
