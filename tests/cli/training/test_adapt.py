"""`c2llm adapt` as a user meets it: wrong use is one sentence, and help teaches."""

from __future__ import annotations

import json

import pytest

from c2llm.cli.main import main


def run(capsys, *argv):
    with pytest.raises(SystemExit) as exit_info:
        main(list(argv))
        raise SystemExit(0)
    return exit_info.value.code, capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere is not a directory"),
        ([".", "--start", "no-such-model"], "Unknown model"),
        ([".", "--model", "no-such-model"], "Unknown model"),
        ([".", "--model", "c2llm-nano", "--tune", "lora"], "leave --tune out or take full"),
        ([".", "--time-budget", "0"], "must be above 0"),
        ([".", "--tolerance", "-1"], "at least 0"),
        ([".", "--tune", "all"], "is not one of"),
        ([], "Missing argument"),
    ],
)
def test_wrong_use_is_one_sentence(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, streams = run(capsys, "adapt", *arguments)
    assert code == 2
    assert message in streams.err
    assert "Traceback" not in streams.err
    assert list(tmp_path.iterdir()) == []


def test_code_without_documentation_says_what_helps(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("x = 1\n")
    code, streams = run(capsys, "adapt", "code", "--out", "ours", "--model", "c2llm-nano")
    assert code == 1
    assert "name more repositories" in streams.err
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize("written", [True, False])
def test_nothing_kept_is_told_in_words_and_is_no_failure(tmp_path, monkeypatch, capsys, written):
    from c2llm.training.adapt.adapt_report import AdaptReport
    from c2llm.training.adapt.adaptation import Adaptation

    def adapt(self):
        gain = {"mean": 0.011, "low": -0.05, "high": 0.08}
        told = {"own_ndcg_at_10": 0.5, "general_ndcg_at_10": 0.5, "forgets_too_much": False}
        after = told | {"own_gain": gain, "general_gain": gain, "verdict": "cannot tell"}
        return AdaptReport(
            out="ours",
            start="c2llm-nano",
            roots=["."],
            tune="full",
            steps=2,
            seconds=1.0,
            kept="before",
            verdict="cannot tell",
            words="cannot tell: 18 questions are few.",
            written=written,
            data={},
            comparison={"candidates": {"after": after}},
        )

    monkeypatch.setattr(Adaptation, "adapt", adapt)
    monkeypatch.chdir(tmp_path)
    code, streams = run(capsys, "adapt", ".", "--model", "c2llm-nano", "--json")
    assert code == 0
    said = json.loads(streams.out)
    assert (said["verdict"], said["kept"], said["written"]) == ("cannot tell", "before", written)
    assert "cannot tell: 18 questions are few." in streams.err
    assert ("a copy of the model before is in ours" in streams.err) == written
    assert ("ours keeps the model that was adapted there before" in streams.err) != written
