"""How soon a large tree answers, and what its index costs: time, processor time, memory, disk.

    python benchmarks/large_tree.py TREE... [--model c2llm-mini] [--against SRC] [--json FILE]
    python benchmarks/large_tree.py --make FOLDER --files 50000 TREE

Each step is a whole command in a process of its own. `cold` is the first answer in a tree never
seen before, `next` a second question right after it, when nobody has read on yet; both are medians
of the questions. `reader` is how long the process in the background takes after a first answer.
`whole` is the index of all files, killed once on the way and started again, whose halves are added;
`another` is a question that a whole index was not asked before, `again` one that it was, `changed`
one that finds one file changed. `--against` runs the source folder of another version beside, step
by step.

With `--make` the tree is made first: source files of the repositories in FOLDER are linked into it,
again and again under other names, until there are enough. Repositories of the caller's choice are
never written to.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from c2llm.codebase.files.walk import list_files

QUESTIONS = (
    "parse a configuration file",
    "where are failed requests retried",
    "read and write of compressed data",
    "check the permissions of a user",
    "lock shared state between threads",
)


class Cost(NamedTuple):
    """What one process took."""

    seconds: float
    cpu: float
    """Seconds of all its processes that have ended."""
    megabytes: float
    """The largest of them."""


def make_tree(folder: Path, out: Path, count: int) -> None:
    """Link source files of the repositories in `folder` until there are `count`."""
    files = [
        (repository.name, file)
        for repository in sorted(folder.iterdir())
        if repository.is_dir()
        for file in list_files(repository).files
    ]
    for number in range(count):
        lap, place = divmod(number, len(files))
        name, file = files[place]
        target = out / f"{name}-{lap}" / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file.absolute, target)
        except OSError:
            shutil.copy2(file.absolute, target)


class Runner:
    """Runs commands of one version of c2llm with an index folder of its own."""

    def __init__(self, source: Path | None, home: Path, model: str, tree: Path) -> None:
        self._environment = {
            **os.environ,
            "C2LLM_HOME": str(home),
            "C2LLM_BACKGROUND": "0",
            **({} if source is None else {"PYTHONPATH": str(source)}),
        }
        self._home = home
        self._model = model
        self._tree = tree

    def forget(self) -> None:
        """Have no index."""
        shutil.rmtree(self._home, ignore_errors=True)

    def search(self, query: str, *options: str) -> Cost:
        """One search as a command."""
        return self._run("search", query, str(self._tree), "--model", self._model, *options)

    def index(self, kill_after: float = 0.0) -> Cost:
        """The index of all files, or of those that are read in so many seconds."""
        return self._run("index", str(self._tree), "--model", self._model, kill_after=kill_after)

    def read_on(self) -> Cost:
        """What the process in the background does."""
        module = "c2llm.index.build.background_reading"
        return self._timed([sys.executable, "-m", module, str(self._tree), self._model])

    def disk(self) -> float:
        """Megabytes of the index files."""
        return sum(path.stat().st_size for path in self._home.rglob("*.sqlite")) / 1e6

    def _run(self, *arguments: str, kill_after: float = 0.0) -> Cost:
        return self._timed([sys.executable, "-m", "c2llm", *arguments], kill_after)

    def _timed(self, command: Sequence[str], kill_after: float = 0.0) -> Cost:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if kill_after:
            time.sleep(kill_after)
            process.send_signal(signal.SIGKILL)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode and not kill_after:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
        return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each column."""
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def measure(runner: Runner, tree: Path, kill_after: float) -> dict[str, Cost | float]:
    """All steps in one tree."""
    steps: dict[str, Cost | float] = {}
    cold, after = [], []
    for number, query in enumerate(QUESTIONS):
        runner.forget()
        cold.append(runner.search(query))
        after.append(runner.search(QUESTIONS[number - 1]))
    steps["cold"], steps["next"] = middle(cold), middle(after)
    runner.forget()
    runner.search(QUESTIONS[0])
    steps["reader"] = runner.read_on()
    runner.forget()
    begun = runner.index(kill_after) if kill_after else Cost(0.0, 0.0, 0.0)
    ended = runner.index()
    steps["whole"] = Cost(*(one + other for one, other in zip(begun[:2], ended[:2], strict=True)),
                          max(begun[2], ended[2]))  # fmt: skip
    steps["disk MB"] = runner.disk()
    steps["another"] = middle([runner.search(query) for query in QUESTIONS])
    steps["again"] = middle([runner.search(query) for query in QUESTIONS])
    steps["again, words"] = middle([runner.search(q, "--mode", "lexical") for q in QUESTIONS])
    files = list_files(tree).files
    victim = files[len(files) // 2].absolute
    content = victim.read_bytes()
    try:
        victim.unlink()  # it may share its bytes with the repository that it is from
        victim.write_bytes(content + b"\n# zebra crossing\n")
        steps["changed"] = runner.search(QUESTIONS[0])
    finally:
        victim.unlink(missing_ok=True)
        victim.write_bytes(content)
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trees", type=Path, nargs="+", help="work trees that may be written to")
    parser.add_argument("--model", default="c2llm-mini")
    parser.add_argument("--make", type=Path, help="repositories of which TREE is made")
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--against", type=Path, help="src of another version")
    parser.add_argument("--kill-after", type=float, default=5.0, help="seconds; 0 for never")
    parser.add_argument("--json", type=Path, help="where the numbers are written")
    options = parser.parse_args()
    if options.make:
        make_tree(options.make, options.trees[0], options.files)
    versions: dict[str, Path | None] = {"": None}
    if options.against:
        versions["before"] = options.against
    told: dict[str, dict[str, Cost | float]] = {}
    print("| tree | files | MB | step | seconds | CPU s | peak MB |\n|---|---|---|---|---|---|---|")
    for tree in options.trees:
        tree = tree.resolve()
        files = list_files(tree).files
        size = sum(file.size for file in files) / 1e6
        for version, source in versions.items():
            with tempfile.TemporaryDirectory() as scratch:
                runner = Runner(source, Path(scratch, "home"), options.model, tree)
                steps = measure(runner, tree, options.kill_after)
            name = f"{tree.name} {version}".strip()
            told[name] = steps
            for step, cost in steps.items():
                row = (
                    f"{cost.seconds:.2f} | {cost.cpu:.2f} | {cost.megabytes:.0f}"
                    if isinstance(cost, Cost)
                    else f"{cost:.0f} | |"
                )
                print(f"| {name} | {len(files):,} | {size:.0f} | {step} | {row} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
