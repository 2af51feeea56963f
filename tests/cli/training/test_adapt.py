"""`c2llm adapt` as a user meets it: wrong use is one sentence, and help teaches."""

from __future__ import annotations

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
    code, streams = run(capsys, "adapt", "code", "--out", "ours")
    assert code == 1
    assert "name more repositories" in streams.err
    assert not (tmp_path / "ours").exists()
