"""Two runs side by side: made by the real stores, told apart query by query."""

from __future__ import annotations

import json

import numpy as np
import pytest

from c2llm.cli.main import main
from c2llm.errors import DataError, UsageError
from c2llm.evaluation.kept_runs import labels, load_run
from c2llm.evaluation.retrieval.retrieval_run import ResultStore, run_tasks
from c2llm.evaluation.retrieval.retrieval_task import Document, Judgement, Query, assemble
from c2llm.evaluation.statistics.run_comparison import (
    choose,
    comparison_markdown,
    comparison_report,
)


class Fixed:
    """A system that puts the answer of each query at a given rank."""

    def __init__(self, name, ranks):
        self.name = name
        self.fingerprint = f"{name} {ranks}"
        self._ranks = ranks

    def rank(self, task, depth, progress):
        rankings = []
        for gains, rank in zip(task.relevance, self._ranks, strict=True):
            (answer,) = gains
            others = [i for i in range(len(task.documents)) if i != answer]
            others.insert(rank - 1, answer)
            rankings.append(np.array(others[:depth]))
        return rankings


def task(name="demo", queries=4):
    documents = [Document(f"d{i}", f"text {i}") for i in range(20)]
    asked = [Query(f"q{i}", f"find <text> | {i}", "go" if i % 2 else "c") for i in range(queries)]
    judgements = [Judgement(f"q{i}", f"d{i}") for i in range(queries)]
    return assemble(name, asked, documents, judgements)


def run(folder, *systems, tasks=None):
    list(run_tasks(tasks or [task()], systems, store=ResultStore(folder)))
    return folder


def test_differences_are_those_of_the_same_queries(tmp_path):
    before = load_run(run(tmp_path / "a", Fixed("m", [1, 2, 4, 15])))
    after = load_run(run(tmp_path / "b", Fixed("m", [1, 1, 15, 1])))
    pairs = choose(before, after)
    assert pairs == [("m", "m")]
    report = comparison_report(before, after, pairs)
    (entry,) = report["comparisons"]
    assert entry["all"]["n"] == 4
    assert (entry["all"]["better"], entry["all"]["worse"]) == (2, 1)
    gain = np.mean([0, 1 - 1 / np.log2(3), -1 / np.log2(5), 1])
    assert entry["all"]["difference"] == pytest.approx(gain)
    assert [(win["id"], win["rank_a"], win["rank_b"]) for win in entry["wins"]] == [
        ("q3", 15, 1),
        ("q1", 2, 1),
    ]
    (loss,) = entry["losses"]
    assert (loss["query"], loss["rank_a"], loss["rank_b"]) == ("find <text> | 2", 4, 15)
    assert loss["found_a"] == ["d0", "d1", "d3"]
    assert set(entry["groups"]) == {"c", "go"}
    json.dumps(report, allow_nan=False)
    text = comparison_markdown(report)
    assert "find <text> \\| 2" in text
    assert "4 to 15" in text


def test_two_systems_of_one_folder_are_named(tmp_path):
    folder = run(tmp_path, Fixed("one", [1, 1, 1, 1]), Fixed("two", [2, 2, 2, 2]))
    both = load_run(folder)
    assert labels(both) == ["one", "two"]
    with pytest.raises(
        UsageError, match="Say what to compare with --a and --b: the first run has one, two"
    ):
        choose(both, both)
    with pytest.raises(UsageError, match="--b 'three' is not in that run; it has one, two"):
        choose(both, both, "one", "three")
    (entry,) = comparison_report(both, both, choose(both, both, "two", "one"))["comparisons"]
    assert (entry["all"]["better"], entry["losses"]) == (4, [])
    (path, _) = sorted((folder / "retrieval").iterdir())
    assert labels(load_run(path)) == ["one"]


def test_other_data_is_not_compared(tmp_path):
    first = load_run(run(tmp_path / "a", Fixed("m", [1, 1, 1, 1])))
    smaller = load_run(run(tmp_path / "b", Fixed("m", [1, 1]), tasks=[task(queries=2)]))
    with pytest.raises(DataError, match="demo was asked over other data or limits"):
        comparison_report(first, smaller, [("m", "m")])
    more = load_run(run(tmp_path / "c", Fixed("m", [1, 1, 1, 1]), tasks=[task(), task("other")]))
    (entry,) = comparison_report(first, more, [("m", "m")])["comparisons"]
    assert entry["not_comparable"] == ["other is in B only"]


def test_the_newest_of_two_results_counts_and_damage_is_named(tmp_path):
    folder = run(tmp_path / "a", Fixed("m", [15, 15, 15, 15]))
    run(folder, Fixed("m", [1, 1, 1, 1]))
    (kept,) = load_run(folder)
    assert kept.answers[0].rank == 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no kept results"):
        load_run(tmp_path / "empty")
    with pytest.raises(UsageError, match="is not there"):
        load_run(tmp_path / "nowhere")
    broken = folder / "retrieval" / "broken.json"
    broken.write_text('{"format": 1, "queries": [{}]}')
    with pytest.raises(DataError, match=r"broken\.json is not a kept result"):
        load_run(folder)
    broken.write_text("[1]")
    with pytest.raises(DataError, match=r"broken\.json is not a kept result"):
        load_run(folder)


def test_the_command_prints_one_json_object(tmp_path, capsys):
    before = run(tmp_path / "a", Fixed("m", [1, 2, 4, 15]))
    after = run(tmp_path / "b", Fixed("m", [1, 1, 15, 1]))
    main(["eval", "compare", str(before), str(after), "--json", "--most", "1"])
    (entry,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert len(entry["wins"]) == 1
    main(["eval", "compare", str(before), str(after)])
    assert "Biggest losses of B" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main(["eval", "compare", str(before), str(tmp_path / "nowhere")])
    assert caught.value.code == 2
