"""What a system lacks that is not POSIX is missed nowhere; locks hold there too."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import portalocker  # before fcntl is hidden, which it needs itself on this machine
import pytest

from c2llm import file_lock
from c2llm.index.store.lock import holding, is_held
from tests.trees import write_tree

SIMULATED = Path(__file__).with_name("simulated")
SOURCE = Path(__file__).parents[2] / "src" / "c2llm"
ALONE = {
    "fcntl": {"file_lock.py", "cut_pool.py"},
    "resource": {"cell.py", "clone.py", "trial_run.py"},
    "msvcrt": set(),
    "pwd": set(),
    "termios": set(),
}
"""Modules that not every system has, and the files that may ask for them, in a function."""
GUARDED = {"fork": {"forked.py"}, "SIGKILL": {"forked.py", "git.py"}, "killpg": {"git.py"}}
"""Names of `os` and `signal` that not every system has, likewise."""


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "C2LLM_HOME": str(tmp_path / "home"),
        "C2LLM_BACKGROUND": "0",
        "PYTHONPATH": os.pathsep.join([str(SIMULATED), os.environ.get("PYTHONPATH", "")]),
    }
    code = "from c2llm.cli.entry import run; run()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        check=False,
        timeout=120,
    )


def test_the_whole_way_from_a_tree_to_an_answer(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write_tree(
        tree, {f"part{n}/größe{n}.py": f"def size_{n}():\n    return {n}\n" for n in range(80)}
    )
    found = run(tmp_path, "search", "size_7", str(tree), "--json", "-k", "1")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["results"][0]["path"] == "part7/größe7.py"
    status = run(tmp_path, "status", str(tree), "--json")
    assert json.loads(status.stdout)["files"] == 80, status.stderr
    gone = run(tmp_path, "clear", str(tree))
    assert gone.returncode == 0, gone.stderr
    assert not list((tmp_path / "home" / "indexes").glob("*.sqlite"))


def test_it_is_simulated(tmp_path: Path) -> None:
    """A check that what the other test relies on is missing there indeed."""
    code = (
        "import os, sys\n"
        "try:\n    import fcntl\nexcept ImportError:\n"
        "    print(sys.platform, hasattr(os, 'fork'), hasattr(os, 'geteuid'))"
    )
    environment = os.environ | {"PYTHONPATH": str(SIMULATED)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.split() == ["win32", "False", "False"]


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)


HOLDER = """
import sys
sys.modules["fcntl"] = None
from pathlib import Path
from c2llm.index.store.lock import holding
import portalocker
with holding(Path(sys.argv[1]), "refreshing", 0.0, shared=sys.argv[2] == "shared") as held:
    print(held, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("kind", ["alone", "shared"])
def test_a_lock_of_another_process_is_seen_and_dies_with_it(tmp_path: Path, kind: str) -> None:
    # portalocker itself needs fcntl on this machine, so that it is loaded before that is hidden.
    code = "import portalocker\n" + HOLDER
    path = tmp_path / "i"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "True\n"
    with holding(path, "refreshing", 0.0) as alone:
        assert not alone
    with holding(path, "refreshing", 0.0, shared=True) as shared:
        assert shared == (kind == "shared")
    holder.kill()
    holder.wait()
    with holding(path, "refreshing", 10.0) as alone:
        assert alone


def test_locks_without_fcntl(tmp_path: Path, elsewhere: None) -> None:
    with holding(tmp_path / "i", "using", 0.0) as held:
        assert held and is_held(tmp_path / "i", "using")
        with holding(tmp_path / "i", "using", 0.0, shared=True) as again:
            assert not again
    shared = [holding(tmp_path / "i", "using", 0.0, shared=True) for _ in range(2)]
    with shared[0] as one, shared[1] as two:
        assert one and two


def test_a_disk_without_locks_holds_nobody_off(
    tmp_path: Path, elsewhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise portalocker.LockException("the network drive knows none")

    monkeypatch.setattr(portalocker, "lock", refuse)
    with pytest.raises(OSError, match="network drive"):
        file_lock.try_lock(0, shared=False)
    both = [holding(tmp_path / "i", "refreshing", 0.0) for _ in range(2)]
    with both[0] as one, both[1] as two:
        assert one and two


def imported(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_what_a_system_may_lack_is_asked_for_in_one_place() -> None:
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for module, files in ALONE.items():
            assert module not in imported(tree) or path.name in files, f"{path} imports {module}"
        for name, files in GUARDED.items():
            assert name not in names or path.name in files, f"{path} uses {name}"
        statements = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
        at_top = set().union(*map(imported, statements)) & ALONE.keys()
        assert not at_top, f"{path} imports {at_top} at its top"


def test_no_text_file_is_opened_in_the_encoding_of_the_system() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--preview", "--select", "PLW1514", str(SOURCE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
