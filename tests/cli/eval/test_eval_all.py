"""`c2llm eval all` over small data: every step, one report, and a second run that only reads."""

from __future__ import annotations

import json

import pytest

from c2llm.cli.main import main
from tests.evaluation.doubles import pair, write_jsonl

MAIL = '''def send_mail(to, body):
    """Hand a message to the server and wait for its receipt."""
    server.put(to, body)
    return server.get()
'''


@pytest.fixture
def arguments(tmp_path):
    rows = [
        pair(f"nl2bash-{i}", f"{verb} files named {i}", f"{verb} -name {i}", split="dev")
        for i, verb in enumerate(["find", "remove", "copy"])
    ]
    write_jsonl(tmp_path / "data" / "nl2bash.jsonl", rows)
    (tmp_path / "repos" / "demo").mkdir(parents=True)
    (tmp_path / "repos" / "demo" / "mail.py").write_text(MAIL)
    (tmp_path / "annotations").mkdir()
    questions = [{"query": "send_mail", "relevant": ["mail.py"], "category": "symbol"}]
    (tmp_path / "annotations" / "demo.json").write_text(json.dumps(questions))
    places = [f"--{name}={tmp_path / name}" for name in ("data", "annotations", "repos")]
    return ["eval", "all", *places, "--skip", "profile", f"--output={tmp_path / 'out'}"]


def test_one_command_makes_every_report(arguments, tmp_path, capsys, monkeypatch):
    docs = tmp_path / "docs" / "results.md"
    main([*arguments, "--docs", str(docs), "--json"])
    streams = capsys.readouterr()
    report = json.loads(streams.out)["runs"]["out"]
    assert {"retrieval", "granularity", "repos"} <= report.keys()
    assert {run["mode"] for run in report["repos"]["runs"]} >= {"lexical", "dense-raw", "hybrid"}
    assert "languages: no data, left out." in streams.err
    text = docs.read_text(encoding="utf-8")
    beside = json.loads(docs.with_suffix(".json").read_text(encoding="utf-8"))
    assert beside == json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert "c2llm eval all --data DATA --annotations ANNOTATIONS --repos REPOSITORIES" in text
    assert str(tmp_path) not in text
    assert (tmp_path / "out" / "results.md").read_text(encoding="utf-8") == text
    figures = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    assert figures == {"retrieval.svg", "repos.svg"}
    monkeypatch.setattr("c2llm.encoding.encoder.Encoder._encode", None)
    monkeypatch.setattr(
        "c2llm.evaluation.retrieval.kept_vectors.CachedEncoder.__init__", _no_probes
    )
    monkeypatch.setattr(
        "c2llm.evaluation.retrieval.kept_vectors.CachedEncoder.close", lambda self: None
    )
    main([*arguments, "--json"])
    again = json.loads(capsys.readouterr().out)["runs"]["out"]
    assert [again[name] for name in ("retrieval", "repos")] == [
        report[name] for name in ("retrieval", "repos")
    ]


def _no_probes(self, encoder, folder):
    self._encoder = encoder


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (["--skip", "lunch"], 2, "No step is named 'lunch'; there are profile, retrieval"),
        (["--model", "no-such"], 2, "no-such"),
        (["--modes", "fuzzy"], 2, "No mode is named 'fuzzy'"),
        (["--tasks", "cosqa"], 1, "has no cosqa_retrieval"),
        (["--only", "other"], 2, "has no other.json"),
    ],
)
def test_what_is_wrong_with_any_step_is_told_before_the_first(
    arguments, capsys, change, code, message
):
    with pytest.raises(SystemExit) as caught:
        main([*arguments, *change])
    streams = capsys.readouterr()
    assert (caught.value.code, streams.out) == (code, "")
    assert message in streams.err
    assert "==" not in streams.err


def test_data_or_repositories_are_needed(capsys, tmp_path):
    for given in ([], ["--repos", str(tmp_path)], ["--data", "x", "--annotations", "y"]):
        with pytest.raises(SystemExit) as caught:
            main(["eval", "all", *given])
        assert caught.value.code == 2
        assert "--annotations" in capsys.readouterr().err
