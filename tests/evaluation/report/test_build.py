"""The whole report, from those as the evaluations write them: one system or ten."""

from __future__ import annotations

import json

import pytest

from c2llm.cli.main import main
from c2llm.errors import DataError, UsageError
from c2llm.evaluation.report.build import as_json, as_markdown
from c2llm.evaluation.report.collect import collect
from c2llm.evaluation.repositories.repo_report import repository_report
from c2llm.evaluation.repositories.repo_scores import QuestionResult, RepositoryResult
from c2llm.evaluation.retrieval.language_matrix import language_tasks, languages_report
from c2llm.evaluation.retrieval.retrieval_report import retrieval_report
from c2llm.evaluation.retrieval.retrieval_run import run_tasks
from c2llm.evaluation.systems.named_systems import DenseSystem
from tests.evaluation.doubles import WordEncoder, pair, write_jsonl
from tests.evaluation.statistics.test_run_comparison import Fixed, task


def repos_report(system):
    question = QuestionResult("where", "semantic", 0.5, 0.6, (2,), (1,), 3.0, ("a.py:1-2",))
    return repository_report(
        [
            RepositoryResult(
                name, "go", system, "f", mode, "d", "", 1.5, True, (), (question, question)
            )
            for mode in ("lexical", "hybrid")
            for name in ("one", "two")
        ],
        [],
        [],
    )


def write_run(folder, names, data=None):
    folder.mkdir(parents=True, exist_ok=True)
    systems = [Fixed(name, [1, 2, 3 + n, 15]) for n, name in enumerate(names)]
    results = run_tasks([task("one"), task("two")], systems)
    reports = {"retrieval": retrieval_report(results), "repos": repos_report(names[0])}
    if data is not None:
        made = run_tasks(language_tasks(data), [DenseSystem(WordEncoder(names[0]))])
        reports["languages"] = languages_report(made)
    for name, report in reports.items():
        (folder / f"{name}.json").write_text(json.dumps(report))
    return folder


@pytest.fixture
def data(tmp_path):
    rows = [
        pair(f"{kind}/{i}", f"do {i}", f"{lang} do {i}", lang=lang)
        for kind, lang in (("MBPP", "python"), ("MBGP", "go"))
        for i in range(3)
    ]
    write_jsonl(tmp_path / "data" / "mxeval.jsonl", rows)
    return tmp_path / "data"


@pytest.mark.parametrize("count", [1, 10])
def test_the_report_stands_with_one_system_and_with_ten(tmp_path, data, count):
    names = [f"model {number}" for number in range(count)]
    runs = collect([write_run(tmp_path / "run", names, data)])
    text = as_markdown(runs, "c2llm eval all", "Title", "A remark.")
    summary, tables = text.split("Made by:\n\n```\nc2llm eval all\n```\n\nA remark.")
    assert summary.startswith("# Title\n\n| NDCG@10 ")
    assert "Repository search | model 0 hybrid | 0.500" in " ".join(summary.split())
    assert all(f"Retrieval tasks   | {name} " in summary for name in names)
    assert tables.count("\n## ") == 3
    assert json.loads(json.dumps(as_json(runs, "x")))["runs"]["run"]["retrieval"]["tasks"]


def test_two_runs_stand_one_after_the_other(tmp_path, data):
    first = write_run(tmp_path / "before", ["m"], data)
    second = write_run(tmp_path / "after", ["m"], data)
    text = as_markdown(collect([first, second]), "x", "y")
    assert "Retrieval tasks (after)" in text
    assert text.count("\n### before\n") == text.count("\n### after\n") == 3


def test_what_is_no_report_is_named(tmp_path):
    with pytest.raises(UsageError, match="is not a directory"):
        collect([tmp_path / "nowhere"])
    with pytest.raises(DataError, match=r"has no report \(repos\.json"):
        collect([tmp_path])
    (tmp_path / "repos.json").write_text('{"runs": []}')
    with pytest.raises(DataError, match="is not a report of `repos`"):
        collect([tmp_path])
    (tmp_path / "repos.json").write_text("{")
    with pytest.raises(DataError, match=r"repos\.json is not a report that can be read"):
        collect([tmp_path])
    (tmp_path / "repos.json").write_text('{"runs": [{}], "repositories": {}, "indexing": []}')
    with pytest.raises(DataError, match=r"The report repos\.json lacks or garbles"):
        as_markdown(collect([tmp_path]), "x", "y")


def test_the_command_writes_what_is_asked_for(tmp_path, capsys):
    run = write_run(tmp_path / "run", ["m"])
    main(["eval", "report", str(run), "--json"])
    assert json.loads(capsys.readouterr().out)["format"] == 2
    main(["eval", "report", str(run), "--figures", str(tmp_path / "new")])
    assert capsys.readouterr().out == ""
    assert "<svg" in (tmp_path / "new" / "repos.svg").read_text(encoding="utf-8")
    main(["eval", "report", str(run)])
    assert "## Repository search" in capsys.readouterr().out
