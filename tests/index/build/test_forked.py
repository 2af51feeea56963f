"""A forked process serves as a started one does, and touches nothing of its maker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trees import PROJECT, write_tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux alone")

# In an interpreter of its own: this one has the threads of numpy.
_CUTS = """
import os, sys
from pathlib import Path
from c2llm.codebase.files.walk import list_files
from c2llm.index.build import cut_pool
from c2llm.index.build.cutting import cut_file
from c2llm.index.build.forked import Forked, may_fork
assert may_fork()
cut_pool.subprocess = None  # nothing else can be started
cut_pool._BATCH_BYTES = 300
if "mortal" in sys.argv:
    from c2llm.index.build import cutting
    cutting.cut_file = lambda file, known: os._exit(139) if "m7" in file.path else cut_file(file)
files = list_files(Path(sys.argv[1])).files
print("printed before", end="")  # and not flushed: a child must not write it again
cuts = list(cut_pool.cut_files(files, {}, workers=2))
assert [cut.path for cut in cuts] == [file.path for file in files]
crashed = [cut.path for cut in cuts if "crashed" in cut.skipped]
assert all(cut == cut_file(file) for cut, file in zip(cuts, files) if cut.path not in crashed)
print(len(crashed), len(os.listdir("/proc/self/task")))
"""

_OPEN_FILES = """
import os, sys
from c2llm.index.build.forked import Forked
lock = open(sys.argv[1], "a")
def serve(requests, answers):
    answers.write(" ".join(os.readlink(f"/proc/self/fd/{n}") for n in
                           sorted(map(int, os.listdir("/proc/self/fd")))
                           if os.path.exists(f"/proc/self/fd/{n}")).encode())
    answers.flush()
    assert requests.read() == b""
    raise KeyError("a traceback that nobody sees")
child = Forked(serve)
assert child.poll() is None
child.stdin.close()
print(child.stdout.read().decode(), child.wait() != 0, child.poll() == child.wait())
child.kill()
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    many = {f"many/m{i}.go": f"package m\n\nfunc F{i}() int {{ return {i} }}\n" for i in range(90)}
    return write_tree(tmp_path / "tree", {**PROJECT, **many})


def test_forked_processes_cut_as_this_one_does(tree: Path) -> None:
    done = run(_CUTS, str(tree))
    assert (done.stdout, done.stderr) == ("printed before0 1\n", "")


def test_a_crash_costs_one_file(tree: Path) -> None:
    done = run(_CUTS, str(tree), "mortal")
    assert (done.stdout, done.stderr) == ("printed before11 1\n", "")


def test_the_child_holds_no_file_of_its_maker_and_says_nothing(tmp_path: Path) -> None:
    done = run(_OPEN_FILES, str(tmp_path / "lock"))
    assert done.stderr == "" and done.stdout.endswith(" True True\n")
    assert str(tmp_path) not in done.stdout and done.stdout.count("/dev/null") == 3


def test_a_process_with_threads_is_not_forked() -> None:
    code = (
        "import threading; from c2llm.index.build.forked import may_fork; wait = threading.Event();"
        "thread = threading.Thread(target=wait.wait); thread.start();"
        "print(may_fork()); wait.set(); thread.join()"
    )
    assert run(code).stdout == "False\n"
