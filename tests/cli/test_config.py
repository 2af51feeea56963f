"""What a user has set for all repositories, and how a shell completes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from c2llm.cli.main import VERBS, main
from c2llm.errors import UsageError
from c2llm.user_config import VARIABLES, UserConfig
from tests.trees import PROJECT, write_tree


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in (*VARIABLES.values(), "C2LLM_CONFIG"):
        monkeypatch.setenv(variable, "")  # so that whatever is handed down is undone
        monkeypatch.delenv(variable)
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config/c2llm").mkdir(parents=True)
    return tmp_path / "config/c2llm/config.toml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "project", dict(PROJECT))


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, object]:
    capsys.readouterr()
    main([*map(str, arguments), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_without_a_file_nothing_is_set(file: Path) -> None:
    config = UserConfig.load(os.environ)
    assert config.file == file and not config.origins
    assert all(getattr(config, name) is None for name in VARIABLES)


def test_a_flag_wins_over_a_variable_over_the_file(
    file: Path,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file.write_text(
        'model = "c2llm-nano"\nexclude = ["tests", "*.md", "nowhere/**"]\ncache_mb = 7\n'
    )
    found = told(capsys, "search", "retry", project)
    assert found["model"] == "c2llm-nano"
    assert found["notes"] == []
    paths = {one["path"] for one in found["results"]}  # type: ignore[attr-defined]
    assert paths and not any(path.startswith("tests") or path.endswith("md") for path in paths)
    assert "C2LLM_CACHE_MB" not in os.environ  # it was for the command alone
    handed = UserConfig.load(os.environ).variables()
    assert (handed["C2LLM_CACHE_MB"], handed["C2LLM_EXCLUDE"]) == ("7", "tests\n*.md\nnowhere/**")
    flagged = told(capsys, "search", "retry", project, "--exclude", "src", "--mode", "lexical")
    assert {one["path"] for one in flagged["results"]} & {"README.md"}  # type: ignore[attr-defined]
    monkeypatch.setenv("C2LLM_EXCLUDE", "src\nREADME.md")
    of_variable = told(capsys, "search", "retry", project, "--mode", "lexical")
    assert {one["path"] for one in of_variable["results"]} == {"tests/test_retry.py"}  # type: ignore[attr-defined]


def test_status_shows_each_value_and_where_it_is_from(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('model = "c2llm-nano"\nindex_mb = 0\ninclude_secrets = true\n')
    monkeypatch.setenv("C2LLM_MODEL", "c2llm-mini")
    found = told(capsys, "status", "--config")
    assert (found["file"], found["exists"]) == (str(file), True)
    settings = found["settings"]
    assert isinstance(settings, dict) and list(settings) == list(VARIABLES)
    assert settings["model"] == {
        "value": "c2llm-mini",
        "from": "environment",
        "variable": "C2LLM_MODEL",
    }
    assert (settings["index_mb"]["value"], settings["index_mb"]["from"]) == (0, "file")
    assert settings["include_secrets"]["value"] is True
    assert settings["exclude"] == {
        "value": None,
        "from": "default",
        "variable": "C2LLM_EXCLUDE",
    }
    capsys.readouterr()
    main(["status", "--config"])
    text = capsys.readouterr().out
    assert "c2llm-mini  (C2LLM_MODEL)" in text and "index_mb         0  (file)" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('modle = "x"', "sets 'modle', which is no setting; do you mean 'model'?"),
        ("zzz = 1", "sets 'zzz', which is no setting; there are model, "),
        ("[model]\nname = 1", "model must be a text in quotes"),
        ("model = 7", "model must be a text in quotes, not 7"),
        ('model = ""', "model must be a text in quotes"),
        ('exclude = "vendor"', "exclude must be a list of globs, not 'vendor'"),
        ("exclude = [1]", "exclude must be a list of globs"),
        ("index_mb = -1", "index_mb must be a whole number"),
        (f"index_mb = 0x{'f' * 5_000}", "index_mb must be a whole number"),
        (f"model = [{'0,' * 50_000}]", "model must be a text in quotes"),
        (f"serve = 0x{'f' * 5_000}", "serve must be a table"),
        (f"[serve]\nport = 0x{'f' * 5_000}", "port in [serve] must be a whole number"),
        ("index_mb = true", "index_mb must be a whole number"),
        ("cache_mb = 1e9", "cache_mb must be a whole number"),
        ("include_secrets = 1", "include_secrets must be true or false"),
        ("model = ", "is not TOML"),
        ("a" * 1_000_001, "larger than a megabyte"),
        ("x = " + "[" * 5_000, "is not TOML"),
        ("\udcff", "is not TOML"),
    ],
)
def test_what_is_wrong_in_the_file_is_one_sentence(
    file: Path, content: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(SystemExit) as left:
        main(["status"])
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_repository_cannot_set_it(
    file: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = ("c2llm/config.toml", ".config/c2llm/config.toml", "config.toml", "c2llm.toml")
    planted = dict.fromkeys(places, 'model = "planted"\n')
    write_tree(project, planted)
    monkeypatch.chdir(project)
    for shared in ("", ".", "c2llm/..", "config"):
        monkeypatch.setenv("XDG_CONFIG_HOME", shared)
        monkeypatch.setenv("HOME", str(file.parent))
        assert UserConfig.load(os.environ).model is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_only_a_regular_file_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(file)
    monkeypatch.setenv("C2LLM_CONFIG", "~nosuchuser/config.toml")
    with pytest.raises(UsageError, match="no such user"):
        UserConfig.load(os.environ)
    for odd in (file, Path("/dev/zero"), file.parent):
        monkeypatch.setenv("C2LLM_CONFIG", str(odd))
        with pytest.raises(UsageError, match=r"no regular file|cannot be read"):
            UserConfig.load(os.environ)
    for none in ("", os.devnull, str(file.parent / "nowhere"), str(file.parent / "x/y")):
        monkeypatch.setenv("C2LLM_CONFIG", none)
        assert UserConfig.load(os.environ).model is None


# -- completion ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_taught(shell: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("broken")  # what a shell reads at its start must not fail
    main(["completion", shell])
    assert f"_C2LLM_COMPLETE={shell}_complete" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("c2llm ", set(VERBS)),
        ("c2llm se", {"search", "serve"}),
        ("c2llm search --gran", {"--granularity"}),
        ("c2llm search --mode l", {"lexical"}),
    ],
)
def test_verbs_and_options_are_completed(words: str, expected: set[str]) -> None:
    parts = words.split()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "c2llm"],
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
            "_C2LLM_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(parts) if words.endswith(" ") else len(parts) - 1),
        },
    )
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == expected
