"""Where everything of a user's lies: found once, the same for child processes, or told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from c2llm import home
from c2llm.errors import C2LLMError
from c2llm.index.build.cut_pool import worker_environment
from tests.trees import write_tree


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("C2LLM_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    home._resolved.cache_clear()


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("C2LLM_HOME", "cache", "cache"),
        ("C2LLM_HOME", "./a/../cache", "a/../cache"),
        ("XDG_CACHE_HOME", "xdg", "xdg/c2llm"),
    ],
)
def test_a_relative_folder_is_resolved_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    assert home.home_folder() == tmp_path / place
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert home.home_folder() == tmp_path / place
    environment = worker_environment()
    assert Path(environment[name]).is_absolute()
    home.settle()
    assert os.environ[name] == environment[name]


def test_a_tilde_is_the_home_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("C2LLM_HOME", "~/indexes of mine")
    assert home.home_folder() == tmp_path / "indexes of mine"


def test_a_user_who_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C2LLM_HOME", "~nosuchuser/x")
    with pytest.raises(C2LLMError, match="set it to an absolute path"):
        home.home_folder()


def test_no_home_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", refuse)
    with pytest.raises(C2LLMError, match="set C2LLM_HOME"):
        home.home_folder()
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path))
    assert home.home_folder() == tmp_path


def command(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "c2llm", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **environment},
    )


def test_the_command_line_makes_one_home(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "p", {"a.py": "def zebra():\n    return 1\n"})
    done = command("index", root, "--background", cwd=tmp_path, C2LLM_HOME="mine", HOME="/nowhere")
    assert done.returncode == 0, done.stderr
    assert command("status", root, cwd=tmp_path, C2LLM_HOME="mine").returncode == 0
    found = {path.parent for path in tmp_path.rglob("*.sqlite")}
    assert found <= {tmp_path / "mine" / "indexes", tmp_path / "mine"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="changes its user")
def test_a_uid_without_an_entry(tmp_path: Path) -> None:
    """As in a container that is started with any number for a user."""
    code = (
        "import os, sys\nimport c2llm.cli.main as m, c2llm.cli.status, c2llm.cli.catalog.list\n"
        "import c2llm.index.catalog.catalogs\nos.setuid(54321)\nm.main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "catalog", "list"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "set C2LLM_HOME" in done.stderr
