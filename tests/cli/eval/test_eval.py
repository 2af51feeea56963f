"""`c2llm eval` as it is typed: one JSON object or Markdown, clear refusals, runs that go on."""

from __future__ import annotations

import json

import pytest

from c2llm.cli.main import main
from c2llm.evaluation.retrieval.retrieval_run import METRICS
from tests.evaluation.doubles import pair, write_beir, write_jsonl


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    write_beir(folder / "cosqa_retrieval", split="dev")
    rows = [
        pair(f"nl2bash-{i}", f"{verb} files named {i}", f"{verb} -name {i}", split="dev")
        for i, verb in enumerate(["find", "remove", "copy", "list"])
    ]
    write_jsonl(folder / "nl2bash.jsonl.gz", rows)
    return folder


@pytest.fixture
def benchmark(tmp_path):
    source = tmp_path / "repos" / "demo" / "src"
    source.mkdir(parents=True)
    (source / "config.py").write_text("def read_configuration(path):\n    return open(path)\n")
    (source / "mail.py").write_text("def send_mail(to, body):\n    return to, body\n")
    annotations = tmp_path / "annotations"
    annotations.mkdir()
    questions = [
        {"query": "read configuration", "relevant": ["src/config.py"], "category": "semantic"},
        {"query": "send_mail", "relevant": ["src/mail.py"], "category": "symbol"},
    ]
    (annotations / "demo.json").write_text(json.dumps(questions))
    (annotations / "lost.json").write_text(json.dumps(questions))
    listed = [
        {"name": "demo", "language": "python", "benchmark_root": "src"},
        {"name": "lost", "language": "go"},
    ]
    (tmp_path / "repos.json").write_text(json.dumps(listed))
    return ["--annotations", str(annotations), "--repos", str(tmp_path / "repos")]


def refused(capsys, *arguments):
    """Exit code and message of a command that must fail, without a traceback."""
    with pytest.raises(SystemExit) as caught:
        main(["eval", *map(str, arguments)])
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "Traceback" not in streams.err
    return caught.value.code, streams.err


def test_retrieval_prints_one_json_object(data, capsys):
    main(["eval", "retrieval", "--data", str(data), "--model", "bm25", "--json"])
    streams = capsys.readouterr()
    report = json.loads(streams.out)
    assert [task["task"] for task in report["tasks"]] == ["cosqa", "nl2bash"]
    assert report["baseline"] == "bm25"
    for task in report["tasks"]:
        assert task["results"][0]["metrics"].keys() == METRICS.keys()
    assert "cosqa: bm25 NDCG@10 1.000 (n = 2" in streams.err


def test_retrieval_prints_markdown_and_takes_limits(data, capsys):
    arguments = ["--tasks", "nl2bash", "--limit", "2", "--documents", "3"]
    main(["eval", "retrieval", "--data", str(data), "--model", "bm25", *arguments])
    row = capsys.readouterr().out.splitlines()[2]
    assert [cell.strip() for cell in row.split("|")[1:5]] == ["nl2bash", "2 of 4", "3 of 4", "bm25"]


def test_retrieval_goes_on_from_what_it_kept(data, tmp_path, capsys, monkeypatch):
    arguments = ["eval", "retrieval", "--data", str(data), "--model", "bm25"]
    arguments += ["--output", str(tmp_path / "out"), "--json"]
    main(arguments)
    first = json.loads(capsys.readouterr().out)
    monkeypatch.setattr("c2llm.evaluation.systems.named_systems.LexicalSystem.rank", None)
    main(arguments)
    assert json.loads(capsys.readouterr().out) == first
    assert json.loads((tmp_path / "out" / "retrieval.json").read_text()) == first
    assert (tmp_path / "out" / "retrieval.md").read_text().startswith("| task")


def test_retrieval_refuses_by_name(data, tmp_path, capsys):
    start = ["retrieval", "--model", "bm25", "--data"]
    code, message = refused(capsys, *start, tmp_path / "nowhere")
    assert (code, message.count("\n")) == (2, 1)
    assert "nowhere is not a directory" in message
    assert refused(capsys, *start, data, "--tasks", "cosqua")[0] == 2
    assert refused(capsys, *start, data, "--tasks", "codenn")[0] == 1
    assert refused(capsys, *start, data, "--limit", "0")[0] == 2
    (tmp_path / "file").write_text("")
    assert refused(capsys, *start, data, "--output", tmp_path / "file")[0] == 2
    code, message = refused(capsys, "retrieval", "--data", data, "--model", "no-such")
    assert code == 2
    assert "no-such" in message
    with (data / "cosqa_retrieval" / "qrels.dev.tsv").open("a") as stream:
        stream.write("q1\tgone\t1\n")
    code, message = refused(capsys, *start, data)
    assert code == 1
    assert "qrels.dev.tsv:5 judges the document 'gone'" in message


def test_repos_scores_both_lists_and_says_what_is_absent(benchmark, tmp_path, capsys):
    arguments = ["eval", "repos", *benchmark, "--modes", "lexical", "--json"]
    arguments += ["--output", str(tmp_path / "out"), "--index-home", str(tmp_path / "home")]
    main(arguments)
    streams = capsys.readouterr()
    report = json.loads(streams.out)
    assert report["repositories"]["measured"] == ["demo"]
    assert report["repositories"]["absent"] == ["lost"]
    assert "left out: lost" in streams.err
    (run,) = report["runs"]
    assert run["questions"] == 2
    assert run["chunks"]["ndcg_at_10"]["mean"] == run["files"]["ndcg_at_10"]["mean"] == 1.0
    assert list((tmp_path / "home").rglob("*.sqlite"))
    main(arguments)
    assert json.loads(capsys.readouterr().out) == report


def test_repos_prints_markdown(benchmark, capsys):
    main(["eval", "repos", *benchmark, "--modes", "lexical,lexical-raw", "--only", "demo"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 repositories."
    assert "NDCG@10 chunks" in lines[2]


def test_repos_refuses_by_name(benchmark, tmp_path, capsys):
    code, message = refused(capsys, "repos", *benchmark, "--modes", "fuzzy")
    assert code == 2
    assert "No mode is named 'fuzzy'" in message
    assert refused(capsys, "repos", *benchmark, "--only", "other")[0] == 2
    code, message = refused(capsys, "repos", *benchmark, "--only", "lost")
    assert code == 1
    assert "holds none of lost" in message
    code, message = refused(capsys, "repos", *benchmark, "--model", "no-such")
    assert code == 2
    assert "no-such" in message
    assert (
        refused(capsys, "repos", *benchmark, "--model", f"st:{tmp_path}", "--modes", "dense")[0]
        == 2
    )


def test_retrieval_tells_a_missing_ripgrep_and_goes_on(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    start = ["retrieval", "--data", str(data), "--tasks", "nl2bash", "--model", "ripgrep"]
    main(["eval", *start, "--model", "bm25", "--json"])
    streams = capsys.readouterr()
    assert [system["name"] for system in json.loads(streams.out)["systems"]] == ["bm25"]
    assert "ripgrep is left out" in streams.err
    code, message = refused(capsys, *start)
    assert code == 2
    assert "no `rg` on the PATH" in message


def test_retrieval_needs_data_or_tasks_that_have_theirs(capsys):
    code, message = refused(capsys, "retrieval", "--model", "bm25")
    assert code == 2
    assert "Give --data DIRECTORY" in message
