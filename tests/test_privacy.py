"""Nothing leaves the machine, and nothing is left on it beside the index."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from c2llm.privacy import SWITCHES

Run = Callable[..., subprocess.CompletedProcess[str]]
_SEARCH = ("-m", "c2llm", "search", "read a toml file", "tree", "--json")
_EXPORT = ("-m", "c2llm", "export", "c2llm-nano", "--out", "exported", "--to", "torch")
_COMMANDS = {
    "search": _SEARCH,
    "search with the table": (*_SEARCH, "--model", "c2llm-nano"),
    "index": ("-m", "c2llm", "index", "tree", "--complete"),
    "embed": ("-m", "c2llm", "embed", "texts.jsonl", "--out", "vectors.npy"),
}


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """A user who has nothing yet: a home, a place for temporary files and a small tree."""
    for name in ("home", "temporary", "work/tree"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "work/tree/settings.py").write_text("def read_toml(path):\n    return load(path)\n")
    (tmp_path / "work/texts.jsonl").write_text('{"text": "read a toml file"}\n')
    return tmp_path


@pytest.fixture
def run(user: Path) -> Run:
    """Runs a command as that user, with none of the variables of whoever runs the tests.

    Libraries report nothing where they see a build server's variables, which hides what users get.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(user / "home"),
        "TMPDIR": str(user / "temporary"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def run(*command: str, wrapped: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*wrapped, sys.executable, *command],
            cwd=user / "work",
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )

    return run


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("command", _COMMANDS.values(), ids=_COMMANDS)
def test_only_our_own_files_appear(user: Path, run: Run, command: Sequence[str]) -> None:
    run(*command)
    foreign = [path for path in _files(user / "home") if not path.startswith(".cache/c2llm/")]
    assert foreign == []
    assert _files(user / "temporary") == []


@pytest.mark.slow
def test_an_export_leaves_nothing_beside_it(user: Path, run: Run) -> None:
    run(*_EXPORT)
    assert _files(user / "work/exported")
    assert [path for path in _files(user / "home") if not path.startswith(".cache/c2llm/")] == []


def test_the_runtime_would_leave_files_without_its_switch(user: Path, run: Run) -> None:
    """Where this fails, the runtime reports no more, and the switch is not needed."""
    folder = Path(__file__).parents[1] / "models" / "c2llm-mini"
    graph = f"import onnxruntime; onnxruntime.InferenceSession({str(_graph(folder))!r})"
    run("-c", graph)
    assert _files(user / "home")
    shutil.rmtree(user / "home")
    run("-c", f"import c2llm; {graph}")
    assert not (user / "home").exists()


def _graph(folder: Path) -> Path:
    return next(folder.glob("*.onnx"))


def test_no_connection_is_made(user: Path, run: Run) -> None:
    tracer = shutil.which("strace")
    if tracer is None:
        pytest.skip("strace is not installed")
    log = user / "calls.txt"
    wrapped = (tracer, "-f", "-qq", "-e", "trace=socket,connect", "-o", str(log))
    try:
        run("-c", "import socket; socket.socket(socket.AF_INET)", wrapped=wrapped)
    except subprocess.CalledProcessError:
        pytest.skip("strace may not follow processes here")
    assert "AF_INET" in log.read_text()
    for command in (_COMMANDS["search"], _COMMANDS["index"]):
        run(*command, wrapped=wrapped)
        assert "AF_INET" not in log.read_text()


def test_what_a_user_has_set_stays(run: Run) -> None:
    said = "import os, c2llm; print([os.environ[name] for name in c2llm.privacy.SWITCHES])"
    assert run("-c", said).stdout.split() == str(list(SWITCHES.values())).split()
    kept = f"import os; os.environ['DO_NOT_TRACK'] = '0'; {said}"
    assert run("-c", kept).stdout.strip().endswith("'0']")
