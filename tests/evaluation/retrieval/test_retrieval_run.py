"""Runs score what was ranked, keep it whole, and never take one result for another."""

from __future__ import annotations

import json

import numpy as np
import pytest

from c2llm.errors import DataError
from c2llm.evaluation.retrieval.retrieval_report import retrieval_markdown, retrieval_report
from c2llm.evaluation.retrieval.retrieval_run import (
    METRICS,
    ResultStore,
    group_values,
    run_task,
    run_tasks,
    score_rankings,
)
from c2llm.evaluation.retrieval.retrieval_task import Document, Judgement, Query, assemble
from c2llm.evaluation.systems.named_systems import DenseSystem
from tests.evaluation.doubles import WordEncoder


class FixedSystem:
    """Ranks the documents in one order for every query, and counts how often it was asked."""

    def __init__(self, name, order, fingerprint="fixed"):
        self.name = name
        self.fingerprint = fingerprint
        self.order = np.array(order, dtype=np.int64)
        self.asked = 0

    def rank(self, task, depth, progress):
        self.asked += 1
        return [self.order[:depth] for _ in task.queries]


def task(name="letters", size=3):
    return assemble(
        name,
        [Query(f"q{i}", f"query {i}", "even" if i % 2 == 0 else "odd") for i in range(size)],
        [Document(f"d{i}", f"document {i}") for i in range(size)],
        [Judgement(f"q{i}", f"d{i}") for i in range(size)],
    )


def test_scores_of_a_known_ranking():
    first, second, third = score_rankings(task(), [np.array([0, 1, 2]), np.array([2, 1]), []])
    assert first.scores == dict.fromkeys(METRICS, 1.0)
    assert second.found == ("d2", "d1")
    assert second.scores["mrr_at_10"] == second.scores["map_at_100"] == 0.5
    assert second.scores["recall_at_1"] == 0.0
    assert second.scores["recall_at_100"] == 1.0
    assert third.scores == dict.fromkeys(METRICS, 0.0)


def test_groups_share_out_the_queries():
    result = run_task(task(), FixedSystem("s", [0, 1, 2]))
    groups = group_values(result.queries, "recall_at_1")
    assert groups == {"even": [1.0, 0.0], "odd": [0.0]}


def test_a_second_run_takes_what_the_first_kept(tmp_path):
    store, system = ResultStore(tmp_path), FixedSystem("s", [1, 0, 2])
    tasks = [task("a"), task("b")]
    first = list(run_tasks(tasks, [system], store=store))
    again = list(run_tasks(tasks, [system], store=store))
    assert again == first
    assert system.asked == 2


def test_other_weights_other_texts_and_other_limits_are_run_anew(tmp_path):
    store, system = ResultStore(tmp_path), FixedSystem("s", [0, 1, 2])
    list(run_tasks([task()], [system], store=store))
    changed = FixedSystem("s", [0, 1, 2], fingerprint="other weights")
    list(run_tasks([task()], [changed], store=store))
    assert changed.asked == 1
    list(run_tasks([task(size=4)], [system], store=store))
    list(run_tasks([task().limited(2)], [system], store=store))
    assert system.asked == 3


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:40], "is not a kept result"),
        (lambda text: "[]", "no object"),
        (lambda text: text.replace('"queries"', '"quarries"'), "is not a kept result"),
        (lambda text: text.replace('"fixed"', '"forged"'), "another model or task"),
    ],
)
def test_a_damaged_or_swapped_file_is_named(tmp_path, damage, message):
    store, system = ResultStore(tmp_path), FixedSystem("s", [0, 1, 2])
    list(run_tasks([task()], [system], store=store))
    (path,) = tmp_path.rglob("*.json")
    path.write_text(damage(path.read_text()))
    with pytest.raises(DataError, match=message) as caught:
        list(run_tasks([task()], [system], store=store))
    assert str(path) in str(caught.value)


def test_a_result_of_an_older_format_is_made_anew(tmp_path):
    store, system = ResultStore(tmp_path), FixedSystem("s", [0, 1, 2])
    list(run_tasks([task()], [system], store=store))
    (path,) = tmp_path.rglob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 0}))
    list(run_tasks([task()], [system], store=store))
    assert system.asked == 2


def test_report_compares_with_the_first_system():
    size = 40
    worst, best = FixedSystem("worst", [], "w"), DenseSystem(WordEncoder("best"))
    report = retrieval_report(run_tasks([task(size=size)], [worst, best]))
    (entry,) = report["tasks"]
    assert report["baseline"] == "worst"
    assert entry["queries"] == entry["of_queries"] == size
    base, dense = entry["results"]
    assert "against_baseline" not in base
    assert base["metrics"]["ndcg_at_10"] == {"mean": 0.0, "low": 0.0, "high": 0.0, "n": size}
    against = dense["against_baseline"]
    assert against["difference"] == dense["metrics"]["ndcg_at_10"]["mean"] > 0
    assert against["p_value"] < 0.01
    json.dumps(report, allow_nan=False)


def test_report_pools_the_queries_of_a_family():
    system = FixedSystem("s", [0])
    report = retrieval_report(run_tasks([task("f:a", 1), task("f:b", 4)], [system]))
    (entry,) = report["tasks"]
    assert (entry["task"], entry["parts"], entry["queries"]) == ("f", ["f:a", "f:b"], 5)
    assert entry["documents"] == [1, 4]
    assert "| 1 × " not in retrieval_markdown(report)
    assert "| 2 × 1 to 4 |" in retrieval_markdown(report)
    (result,) = entry["results"]
    assert result["metrics"]["recall_at_1"]["mean"] == pytest.approx(2 / 5)
    assert result["groups"] == {"a": {"mean": 1.0, "n": 1}, "b": {"mean": 0.25, "n": 4}}


def test_report_compares_group_by_group_and_without_the_first_with_the_next():
    worst, best = FixedSystem("worst", [], "w"), DenseSystem(WordEncoder("best"))
    first = run_tasks([task("alone")], [FixedSystem("first", [0], "f")])
    both = run_tasks([task("f:a", 8), task("f:b", 8)], [worst, best])
    report = retrieval_report([*first, *both])
    entry = next(entry for entry in report["tasks"] if entry["task"] == "f")
    assert (report["baseline"], entry["baseline"]) == ("first", "worst")
    assert "against_baseline" not in entry["results"][0]["groups"]["a"]
    group = entry["results"][1]["groups"]["a"]
    assert group["against_baseline"]["difference"] == pytest.approx(group["mean"])
    assert group["against_baseline"]["n"] == 8
    assert retrieval_markdown(report).count("| against worst ") == 2


def test_report_tells_two_models_of_one_name_apart():
    systems = [FixedSystem("m", [0, 1, 2], "aaaaaa"), FixedSystem("m", [2, 1, 0], "bbbbbb")]
    report = retrieval_report(run_tasks([task()], systems))
    assert [system["name"] for system in report["systems"]] == ["m@aaaaaa", "m@bbbbbb"]


def test_markdown_states_sizes_limits_and_three_decimals():
    systems = [FixedSystem("s", [0, 1, 2]), FixedSystem("t", [2, 1, 0], "t")]
    tasks = [task("whole"), task("part").limited(queries=2)]
    lines = retrieval_markdown(retrieval_report(run_tasks(tasks, systems))).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert cells[2][:6] == ["whole", "3", "3", "s", "0.710", "[0.500, 1.000]"]
    assert cells[4][1:3] == ["2 of 3", "3"]
    assert len({len(row) for row in cells[:6]}) == 1
    assert any(line.startswith("Mean NDCG@10 over tasks: s 0.") for line in lines)
