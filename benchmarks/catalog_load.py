"""A catalog of many repositories on one machine: to index, to refresh, to ask; memory and disk.

    python benchmarks/catalog_load.py REPOSITORY... --work FOLDER [--clients 1 16] [--json FILE]

Clones of the repositories become one catalog. `refresh` is timed as a whole command: at first; with
nothing changed; with 5 % of the repositories changed in 5 % of their files; and with 5 % of the
files of every repository changed. Its memory is that of all its processes together (PSS, sampled).
Questions are asked of `c2llm serve @catalog` by so many clients, each of which asks the next one
when it has the answer to the last, and of the command line. No question is asked twice; those of
the first row of each model come right after the start, and so load what is loaded once. `refused`
counts answers of 429: the server works on 4 searches at once and lets 32 wait.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from own_clones import change, clone, shared_blobs

from c2llm.index.store.catalog.sqlite_catalog import SqliteCatalog

NAME = "load"
SHARE = 0.05
_VERBS = (
    "parse load write open close merge split sort find remove check retry cache lock send receive "
    "encode decode compress verify render route escape resolve schedule cancel copy validate"
).split()
_NOUNS = (
    "a configuration file/a request header/a user session/a database row/a token/an image/a queue/"
    "a tree node/a template/a socket/a password/a date/a command line option/an archive/a log line/"
    "a url/a thread/a test fixture/an error message/a price"
).split("/")
_SAMPLE_SECONDS = 0.3
HOST = "127.0.0.1"


def questions(seed: int) -> Iterator[str]:
    """Questions, none of them twice."""
    pairs = [f"{verb} {noun}" for verb, noun in itertools.product(_VERBS, _NOUNS)]
    random.Random(seed).shuffle(pairs)
    yield from pairs


class Memory:
    """The most that the processes of a session had together, in megabytes, while it is watched."""

    def __init__(self, session: int) -> None:
        self.most = 0.0
        self._session = session
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> float:
        """Watch no more."""
        self._done.set()
        self._thread.join()
        return self.most

    def now(self) -> float:
        """Of all processes of the session."""
        total = 0.0
        for folder in Path("/proc").iterdir():
            try:
                if not folder.name.isdigit() or os.getsid(int(folder.name)) != self._session:
                    continue
                for line in (folder / "smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1]) / 1024
            except (OSError, ProcessLookupError):
                continue
        return total

    def _watch(self) -> None:
        while not self._done.wait(_SAMPLE_SECONDS):
            self.most = max(self.most, self.now())


class Home:
    """A folder for `C2LLM_HOME`, and the commands that use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = {**os.environ, "C2LLM_HOME": str(folder), "C2LLM_BACKGROUND": "0"}

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A command of c2llm, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "c2llm", *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if arguments[0] == "serve" else None,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> dict[str, float]:
        """What a command takes; one that fails ends the benchmark."""
        begun = time.perf_counter()
        process = self.start(*arguments)
        memory = Memory(process.pid)
        assert process.stdout is not None
        process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        most = memory.end()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"c2llm {' '.join(arguments)} ended with {process.returncode}")
        cpu = used.ru_utime + used.ru_stime
        return {"seconds": seconds, "cpu seconds": cpu, "peak MB": most}

    def store(self) -> Path:
        """The file of the store."""
        (path,) = self.folder.rglob("store.sqlite")
        return path


# -- refreshes -------------------------------------------------------------------------------------


def refreshes(home: Home, clones: Sequence[Path]) -> dict[str, dict[str, float]]:
    """What refreshes take when something, or nothing, has changed."""
    spared = shared_blobs(clones)
    some = random.Random(0).sample(list(clones), max(1, round(SHARE * len(clones))))
    told = Told()
    told["nothing changed"] = home.run("catalog", "refresh", NAME)
    changed = sum(change(one, SHARE, "some", spared) for one in some)
    told[f"{len(some)} repositories, {changed} files"] = home.run("catalog", "refresh", NAME)
    changed = sum(change(one, SHARE, "all", spared) for one in clones)
    told[f"all repositories, {changed} files"] = home.run("catalog", "refresh", NAME)
    return told


def sizes(store: Path) -> dict[str, float]:
    """What is in the store."""
    with closing(SqliteCatalog(store, create=False)) as opened:
        states = opened.repositories().values()
        return {
            "repositories": len(states),
            "places": sum(state.files for state in states),
            "contents": len(opened.files()),
            "chunks": opened.chunk_count(),
            "vectors": opened.embedded("c2llm-nano"),
            "store MB": store.stat().st_size / 1e6,
        }


# -- questions -------------------------------------------------------------------------------------


@contextmanager
def served(home: Home, model: str) -> Iterator[tuple[int, int]]:
    """A server of the catalog: its port and its process."""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    process = home.start("serve", f"@{NAME}", "--model", model, "--port", str(port), "--log", "off")
    try:
        _wait_for(process, port)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"the server ended with {process.returncode}")
        connection = http.client.HTTPConnection(HOST, port, timeout=10)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.2)
    raise SystemExit("the server does not start")


def cpu_seconds(process: int) -> float:
    """Of a process that runs, user and system."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(port: int, server: int, asked: Iterator[str], clients: int, count: int) -> dict[str, float]:
    """Times of so many answers of a server, asked for by so many clients at once."""
    taken: list[float] = []
    refused = [0]
    lock = threading.Lock()
    left = iter(range(count))

    def work() -> None:
        connection = http.client.HTTPConnection(HOST, port, timeout=300)
        while True:
            with lock:
                if next(left, None) is None:
                    break
                question = next(asked)
            begun = time.perf_counter()
            connection.request("GET", f"/search?{urlencode({'q': question, 'k': 10})}")
            answer = connection.getresponse()
            answer.read()
            seconds = time.perf_counter() - begun
            with lock:
                if answer.status == 200:
                    taken.append(seconds)
                elif answer.status in (429, 503):
                    refused[0] += 1
                else:
                    raise SystemExit(f"{question!r} was answered {answer.status}")
        connection.close()

    begun, used = time.perf_counter(), cpu_seconds(server)
    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole, used = time.perf_counter() - begun, cpu_seconds(server) - used
    return {
        **quantiles(taken),
        "CPU ms each": 1000 * used / max(len(taken), 1),
        "a second": len(taken) / whole,
        "refused": refused[0],
    }


def quantiles(taken: Sequence[float]) -> dict[str, float]:
    """The middle and the slow end, in milliseconds."""
    ordered = sorted(taken)
    return {
        "answers": len(ordered),
        "p50 ms": 1000 * ordered[len(ordered) // 2],
        "p99 ms": 1000 * ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))],
    }


def asked_of_all(
    home: Home, models: Sequence[str], clients: Sequence[int], count: int, commands: int
) -> dict[str, dict[str, float]]:
    """All ways to ask, by each model."""
    told = Told()
    for model in models:
        asked = questions(0)
        with served(home, model) as (port, pid):
            memory = Memory(pid)
            told[f"{model}, server, the first"] = ask(port, pid, asked, 1, 1)
            for number in clients:
                row = ask(port, pid, asked, number, count)
                told[f"{model}, server, {number} clients"] = {**row, "MB": memory.now()}
            memory.end()
        taken, used = [], 0.0
        for question in itertools.islice(asked, commands):
            row = home.run("search", question, f"@{NAME}", "--model", model)
            taken.append(row["seconds"])
            used += row["cpu seconds"]
        told[f"{model}, command line"] = {
            **quantiles(taken),
            "CPU ms each": 1000 * used / len(taken),
            "MB": row["peak MB"],
        }
    return told


class Told(dict[str, dict[str, float]]):
    """Rows of a table, each of which is told on stderr when it is known."""

    def __setitem__(self, name: str, row: dict[str, float]) -> None:
        super().__setitem__(name, row)
        print(name, {key: round(value, 1) for key, value in row.items()}, file=sys.stderr)


def print_table(rows: dict[str, dict[str, float]]) -> None:
    """Rows of numbers with the columns that any of them has."""
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    print(f"\n| | {' | '.join(columns)} |\n|---|{'--:|' * len(columns)}")
    for name, row in rows.items():
        cells = (
            f"{row[key]:,.{0 if row[key] >= 20 else 1}f}" if key in row else "" for key in columns
        )
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Index, refresh, ask."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repositories", type=Path, nargs="+", metavar="REPOSITORY")
    parser.add_argument("--work", type=Path, required=True, help="a folder of its own")
    parser.add_argument("--model", dest="models", action="append", help="repeatable")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--questions", type=int, default=160, help="for each number of clients")
    parser.add_argument("--commands", type=int, default=20, help="questions by command line")
    parser.add_argument("--go-on", action="store_true", help="with what an earlier run has read")
    parser.add_argument("--ask-only", action="store_true", help="of what an earlier run has read")
    parser.add_argument("--json", type=Path, help="where the numbers are written")
    options = parser.parse_args()
    work = options.work.resolve()
    home = Home(work / "home")
    told: dict[str, Any] = {}
    if not options.ask_only:
        if not options.go_on:
            for folder in ("home", "clones"):
                shutil.rmtree(work / folder, ignore_errors=True)
        clones = clone([one.absolute() for one in options.repositories], work / "clones")
        if not options.go_on:
            told["added"] = home.run("catalog", "add", NAME, "--folder", str(work / "clones"))
            told["first"] = home.run("catalog", "refresh", NAME)
            print_table({"first": told["first"]})
        told["refreshes"] = refreshes(home, clones)
        print_table(told["refreshes"])
    told["sizes"] = sizes(home.store())
    print_table({"in the store": told["sizes"]})
    models = options.models or ["c2llm-nano", "c2llm-mini"]
    told["asked"] = asked_of_all(home, models, options.clients, options.questions, options.commands)
    print_table(told["asked"])
    if options.json:
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
