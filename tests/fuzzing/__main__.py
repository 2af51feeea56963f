"""`make fuzz`: every target by every driver that is here, a process each, two at a time.

    python -m tests.fuzzing                       # all of them, FUZZ_SECONDS each
    python -m tests.fuzzing codebase              # those whose names begin so
    python -m tests.fuzzing --replay codebase/chunks FILE

Exit code 1 where something was found. Ctrl-C loses nothing: an input is kept when it is found.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tests.fuzzing import by_coverage
from tests.fuzzing.findings import Findings
from tests.fuzzing.one import apart_from_the_user, corpus_folder, findings_folder
from tests.fuzzing.target import load, names
from tests.fuzzing.watched import Watched

DEFAULT_SECONDS = 36.0
STUCK_SECONDS = 120.0
"""On the clock, in one input: what does not even heed its own limit."""
_POLL_SECONDS = 0.5


@dataclass
class Run:
    """One target by one driver."""

    name: str
    driver: str
    seconds: float
    executions: int = 0
    took: float = 0.0
    note: str = ""

    def run(self, stop: threading.Event) -> None:
        """Try it, and again after a crash, until the time is up."""
        began = monotonic()
        watched = Watched(corpus_folder() / "now" / f"{self.name.replace('/', '-')}-{self.driver}")
        while not stop.is_set() and (left := self.seconds - (monotonic() - began)) > 1:
            watched.clear()
            with tempfile.TemporaryDirectory(prefix="c2llm-fuzz-") as folder:
                ended = self._once(left, watched, stop, {**os.environ, "TMPDIR": folder})
            self.executions += watched.count
            if ended < 0:
                said = f"the process ended by signal {-ended}"
                Findings(self.name, load(self.name), findings_folder(self.name)).save(
                    f"signal-{-ended}", watched.last, said
                )
            elif ended:
                self.note = f"the driver failed ({ended}); see the output above"
                break
        self.took = monotonic() - began

    def _once(
        self, seconds: float, watched: Watched, stop: threading.Event, variables: dict[str, str]
    ) -> int:
        command = [sys.executable, "-m", "tests.fuzzing.one", self.name, self.driver]
        quiet = subprocess.DEVNULL if self.driver == "coverage" else None
        process = subprocess.Popen(
            [*command, str(seconds)],
            stdout=subprocess.DEVNULL,
            stderr=quiet,
            env=variables,
            start_new_session=True,  # Ctrl-C is for this process, which ends it
        )
        count, since = 0, monotonic()
        while True:
            try:
                return process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            if watched.count != count:
                count, since = watched.count, monotonic()
            if stop.is_set():
                process.terminate()
                process.wait()
                return 0
            if count and monotonic() - since > STUCK_SECONDS:
                process.kill()
                return process.wait()


def fuzz(chosen: list[str], seconds: float) -> int:
    """Run all of them and print a table; 1 where something was found."""
    reason = by_coverage.why_not()
    drivers = ["strategy"] if reason else ["strategy", "coverage"]
    print(f"{len(chosen)} targets, {seconds:g} s each; kept in {corpus_folder()}")
    if reason:
        print(f"no coverage-guided search: {reason}")
    runs = [Run(name, driver, seconds / len(drivers)) for name in chosen for driver in drivers]
    waiting = deque(runs)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                run = waiting.popleft()
            except IndexError:
                return
            run.run(stop)
            print(
                f"{run.name:34} {run.driver:9} {run.executions:9,} inputs {run.took:6.0f} s"
                f" {findings_of(run.name):3} findings {run.note}",
                flush=True,
            )

    workers = [threading.Thread(target=work) for _ in range(min(2, os.cpu_count() or 1))]
    for worker in workers:
        worker.start()
    interrupted = False
    try:
        for worker in workers:
            worker.join()
    except KeyboardInterrupt:
        interrupted = True
        stop.set()
        for worker in workers:
            worker.join()
    found = [file for name in chosen for file in sorted(findings_folder(name).glob("*.input"))]
    print(f"{sum(run.executions for run in runs):,} inputs, {len(found)} findings")
    for file in found:
        name = file.parent.relative_to(corpus_folder() / "findings")
        print(f"  {sys.executable} -m tests.fuzzing --replay {name} {file}")
    return 130 if interrupted else int(bool(found or any(run.note for run in runs)))


def findings_of(name: str) -> int:
    """How many inputs are kept that break a target."""
    return len(list(findings_folder(name).glob("*.input")))


def replay(name: str, file: Path) -> int:
    """Let one input break its target once more, with the traceback."""
    apart_from_the_user()
    load(name).run(file.read_bytes())
    print(f"{name} reads it")
    return 0


def main(arguments: list[str]) -> int:
    """What the module's description says."""
    if arguments[:1] == ["--replay"] and len(arguments) == 3:
        return replay(arguments[1], Path(arguments[2]))
    chosen = [name for name in names() if not arguments or name.startswith(tuple(arguments))]
    if not chosen:
        print(f"no target begins with {arguments}; there are {', '.join(names())}")
        return 2
    return fuzz(chosen, float(os.environ.get("FUZZ_SECONDS") or DEFAULT_SECONDS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
