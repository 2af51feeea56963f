"""Retrieval tasks as trees of nameless files, searched and scored like repositories."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from c2llm.cli.main import main
from c2llm.errors import DataError
from c2llm.evaluation.repositories.function_trees import (
    function_markdown,
    function_report,
    function_tree,
    function_trees,
)
from c2llm.evaluation.repositories.repo_questions import Target
from c2llm.evaluation.repositories.repo_scores import QuestionResult, RepositoryResult
from c2llm.evaluation.retrieval.retrieval_task import Document, Judgement, Query, assemble
from tests.evaluation.doubles import pair, write_jsonl

FUNCTIONS = {
    "a": ("read a file line by line", "def lines(path):\n    return open(path).readlines()"),
    "b": ("send mail to a person", "def send_mail(to):\n    server.put(to)"),
    "c": ("sort numbers downwards", "def order(numbers):\n    return sorted(numbers)[::-1]"),
}


@pytest.fixture
def data(tmp_path):
    rows = [pair(id, query, code, lang="python") for id, (query, code) in FUNCTIONS.items()]
    write_jsonl(tmp_path / "data" / "csn_cloze_maxmin.jsonl", rows)
    return tmp_path / "data"


def test_each_document_is_a_file_whose_path_says_nothing(tmp_path):
    task = assemble(
        "demo",
        [Query("q", "sort numbers", "python"), Query("r", "send mail")],
        [Document(id, code) for id, (_, code) in FUNCTIONS.items()],
        [Judgement("q", "c"), Judgement("r", "b"), Judgement("r", "a")],
    )
    repository, tree = function_tree(task, {"b": "go", "a": "java"}, tmp_path)
    files = {path.relative_to(tree.root).as_posix(): path for path in tree.root.rglob("x*")}
    assert sorted(files) == ["d000/x000000.java", "d000/x000001.go", "d000/x000002.py"]
    assert files["d000/x000001.go"].read_text() == FUNCTIONS["b"][1] + "\n"
    assert [q.text for q in repository.questions] == ["sort numbers", "send mail"]
    assert repository.questions[0].targets == (Target("d000/x000002.py"),)
    assert [t.path for t in repository.questions[1].targets] == [
        "d000/x000000.java",
        "d000/x000001.go",
    ]
    again, same = function_tree(task.limited(1), {"b": "go", "a": "java"}, tmp_path)
    assert same.root == tree.root and len(again.questions) == 1
    assert [path.name for path in tmp_path.iterdir()] == [tree.root.name]


def test_only_what_is_there_is_asked_for(data, tmp_path):
    [(repository, _)] = function_trees(data, tmp_path / "trees")
    assert repository.name == "csn_cloze" and len(repository.questions) == 3
    with pytest.raises(DataError, match=r"has no cosqa_retrieval"):
        function_trees(data, tmp_path / "trees", ["cosqa"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has the data of none of cosqa, codenn, csn_cloze"):
        function_trees(tmp_path / "empty", tmp_path / "trees")


def made(tree, mode, scores):
    questions = tuple(
        QuestionResult(f"q{at}", "", 0.0, score, (), (), 2.0, ()) for at, score in enumerate(scores)
    )
    return RepositoryResult(
        tree, "functions", "m", "f", mode, tree, "", 1.5, True, (), questions
    )  # fmt: skip


def test_the_report_averages_questions_and_then_trees():
    results = [
        made("one", "lexical", [0.0, 0.5]),
        made("one", "complete", [0.5, 1.0]),
        made("two", "lexical", [1.0]),
        replace(made("two", "complete", [0.25]), index_built=False),
    ]
    report = function_report(results)
    one, two = report["trees"]
    assert (one["tree"], one["questions"], two["questions"]) == ("one", 2, 1)
    lexical, complete = one["runs"]
    assert lexical["ndcg_at_10"]["mean"] == 0.25
    assert complete["against_first"]["difference"] == 0.5
    assert 0.5 <= complete["ndcg_at_10"]["low"] <= complete["ndcg_at_10"]["high"] <= 1.0
    assert (complete["index_seconds"], two["runs"][1]["index_seconds"]) == (1.5, None)
    means = {entry["mode"]: entry["ndcg_at_10"] for entry in report["mean"]}
    assert means == {"lexical": 0.625, "complete": 0.5}
    text = function_markdown(report)
    assert "+0.500" in text and "mean over the trees" in text
    assert json.loads(json.dumps(report)) == report


def test_the_command_searches_and_goes_on_from_what_is_kept(data, tmp_path, capsys, monkeypatch):
    command = ["eval", "functions", "--data", str(data), "--modes", "lexical,table", "--json"]
    command += ["--output", str(tmp_path / "out")]
    main(command)
    report = json.loads(capsys.readouterr().out)
    [tree] = report["trees"]
    assert [(run["system"], run["mode"]) for run in tree["runs"]] == [
        ("(no model)", "lexical"),
        ("c2llm-nano", "table"),
    ]
    assert tree["runs"][1]["ndcg_at_10"]["mean"] == 1.0
    assert json.loads((tmp_path / "out" / "functions.json").read_text()) == report
    monkeypatch.setattr("c2llm.search.code_index.CodeIndex.search", None)
    main(command)
    assert json.loads(capsys.readouterr().out) == report
