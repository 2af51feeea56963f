"""A setting of the server is a flag, a variable and a key of the file, and wins in this order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from c2llm.cli.main import main
from c2llm.cli.serving.serve import command
from c2llm.errors import UsageError
from c2llm.serve_config import SERVE_SETTINGS, checked_table, serve_values, variable_of
from c2llm.user_config import UserConfig


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "config.toml"
    monkeypatch.setenv("C2LLM_CONFIG", str(file))
    return file


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, str]:
    main(["serve", "--show-config", *arguments])
    lines = capsys.readouterr().out.splitlines()
    return {name: value.strip() for name, _, value in (line.partition(" ") for line in lines)}


def test_every_setting_is_a_parameter_of_the_verb() -> None:
    assert set(SERVE_SETTINGS) <= {one.name for one in command.params}


def test_a_flag_wins_over_a_variable_and_that_over_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text('[serve]\nport = 1\nhost = "localhost"\ndirectories = ["/a", "/b"]\n')
    monkeypatch.setenv("C2LLM_SERVE_PORT", "2")
    monkeypatch.setenv("C2LLM_SERVE_ALLOW_HOST", "one.example\ntwo.example\n")
    monkeypatch.setenv("C2LLM_SERVE_LOCAL_SOCKET", "off")
    found = shown(capsys, "--threads", "9")
    assert found["port"] == "2  (C2LLM_SERVE_PORT)"
    assert found["host"] == "localhost  (file)"
    assert found["directories"] == "/a, /b  (file)"
    assert found["allow_host"] == "one.example, two.example  (C2LLM_SERVE_ALLOW_HOST)"
    assert found["local_socket"] == "False  (C2LLM_SERVE_LOCAL_SOCKET)"
    assert found["threads"] == "9  (option)" and found["queue"] == "32  (default)"
    assert shown(capsys, "--port", "3", "/c")["port"] == "3  (option)"
    assert shown(capsys, "/c")["directories"] == "/c  (option)"


def test_status_tells_what_is_set(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("[serve]\nqueue = 7\n")
    monkeypatch.setenv("C2LLM_SERVE_LOG", "json")
    main(["status", "--config"])
    out = capsys.readouterr().out
    assert "serve.queue      7  (file)" in out and "serve.log        json  (C2LLM_SERVE_LOG)" in out
    main(["status", "--config", "--json"])
    told = json.loads(capsys.readouterr().out)["serve"]
    assert told["queue"] == {"value": 7, "from": "file", "variable": "C2LLM_SERVE_QUEUE"}


def test_a_dtype_is_refused_for_a_model_that_has_no_choice(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["serve", "--model", "c2llm-nano", "--dtype", "bfloat16"])
    assert stop.value.code == 2
    assert "a dtype is for a folder with safetensors" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text"),
    [("port", "x"), ("port", "70000"), ("port", "-1"), ("log_queries", "maybe"), ("queue", "1.5")],
)
def test_a_variable_that_is_wrong_is_refused(name: str, text: str) -> None:
    with pytest.raises(UsageError, match=variable_of(name)):
        serve_values({variable_of(name): text})
    assert serve_values({variable_of(name): " "}) == {}


@pytest.mark.parametrize(
    "table",
    [
        {"prot": 1},
        {"port": "1"},
        {"port": True},
        {"host": ""},
        {"host": 1},
        {"root": "/a"},
        {"root": [1]},
        {"log_queries": 1},
        {"threads": 0},
        [],
        "x",
    ],
)
def test_a_table_that_is_wrong_is_refused(table: object) -> None:
    with pytest.raises(UsageError, match="serve"):
        checked_table("config.toml", table)


def test_a_key_is_no_setting() -> None:
    found = UserConfig.load({"C2LLM_CONFIG": "", "C2LLM_SERVE_KEY": "k" * 32})
    assert found.serve == {}
