"""What `drift --history` prints, of repositories that would rather print something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from c2llm.cli.drift.history import tell_history
from c2llm.cli.main import main
from c2llm.errors import UsageError
from tests.analysis.history.histories import Step, history, shop

STEPS = 108
EVIL = "\x1b[2J\u202e`|[x](http://evil)|@team <img src=x>"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop whose last commit drops a check, by an author of an evil name."""
    root = tmp_path_factory.mktemp("history") / "shop"
    steps = [Step({"shop.py": shop(number)}, f"Item {number}") for number in range(STEPS)]
    last = Step({"shop.py": shop(STEPS, check=False)}, EVIL, EVIL.replace("<", "").replace(">", ""))
    history(root, [*steps, last])
    return root


def test_text_names_the_commit_and_why(root: Path, capsys: pytest.CaptureFixture[str]):
    assert tell_history(root, limit=1) >= 1
    said = capsys.readouterr().out
    first, second, *rest = said.splitlines()
    assert first.split()[:2] == ["1", "alarm"]
    assert "shop.py" in first
    assert "p = 0.0" in first
    assert "\\x1b[2J\\u202e" in second
    assert any(
        "deletes code with a check" in line and "of 107 earlier commits" in line for line in rest
    )
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert rest[-1].endswith("nothing can be told.")


def test_json_is_one_object(root: Path, capsys: pytest.CaptureFixture[str]):
    alarms = tell_history(root / "shop.py", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["alarms"] == alarms == sum(one["alarm"] for one in told["commits"])
    assert told["judged"] == len(told["commits"])
    first = told["commits"][0]
    assert first["subject"] == EVIL
    assert first["path"] == "shop.py"
    assert first["p_value"] <= 0.01
    assert first["reasons"]
    assert told["cannot_tell"] == 6


def test_markdown_holds_no_markup_of_the_repository(root: Path, capsys: pytest.CaptureFixture[str]):
    tell_history(root, as_markdown=True, limit=2)
    said = capsys.readouterr().out
    assert said.startswith("**")
    assert "[x](" not in said.replace("\\[", "").replace("\\]", "")
    assert "@team" not in said
    assert "<img" not in said.replace("\\<", "")


@pytest.mark.parametrize("rate", [0, 0.9, 1e-9])
def test_a_rate_that_is_none_is_said(root: Path, rate: float):
    with pytest.raises(UsageError, match="alarm-rate"):
        tell_history(root, alarm_rate=rate)
    with pytest.raises(UsageError, match="Choose one"):
        tell_history(root, as_json=True, as_markdown=True)


def test_the_command_exits_with_three_where_it_is_asked_to(
    root: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        main(["drift", "--history", str(root), "--fail-on", "behaviour", "--json"])
    assert ended.value.code == 3
    assert json.loads(capsys.readouterr().out)["alarms"] >= 1
    quiet = ["drift", "--history", str(root), "--since", "HEAD", "--fail-on", "behaviour"]
    main(quiet)
    assert capsys.readouterr().out.startswith("0 commits judged, 0 unusual")
    for wrong in (["--since", "HEAD"], ["--history", "nosuch"], ["a", "b", "--history", str(root)]):
        with pytest.raises((SystemExit, UsageError)):
            main(["drift", *wrong])
