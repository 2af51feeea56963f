"""What an index of a very large tree costs: time, memory, disk, and how soon a change is in it.

    python benchmarks/large_tree.py FOLDER [--files 50000] [--table MODEL] [--keep TREE]

FOLDER holds repositories; their source files are linked into one tree (hard links, or copies),
again and again under other names, until there are enough. Each step is a process of its own, so
that its peak of memory is its own. The first indexing is killed once on the way and started again:
what it had done must count.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from c2llm.codebase.files.walk import list_files

STEP = """
import json, os, resource, sys, time
from c2llm.search.code_index import CodeIndex
root, table, query = sys.argv[1:4]
start = time.perf_counter()
with CodeIndex.open(root, table or "c2llm-mini", embed="all" if table else "none") as index:
    opened = round(time.perf_counter() - start, 2)
    counts, report = index.counts(), index.last_refresh
    times = []
    for _ in range(4 if query else 0):
        begun = time.perf_counter()
        index.search(query, 10, "hybrid" if table else "lexical")
        times.append(round(time.perf_counter() - begun, 3))
    memory = [resource.getrusage(who).ru_maxrss for who in
              (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps(dict(seconds=opened, cpu=round(sum(os.times()[:4]), 2),
        redone=report.redone, files=counts.files, chunks=counts.chunks,
        vectors=counts.embedded, megabytes=[m // 1024 for m in memory],
        disk=index.file.stat().st_size, searches=times)))
"""


def make_tree(folder: Path, out: Path, count: int) -> None:
    """Copy source files of the repositories in `folder` until there are `count`."""
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


def step(tree: Path, home: Path, table: str, query: str = "") -> dict[str, object]:
    """One process that opens the index and says what that cost."""
    done = subprocess.run(
        [sys.executable, "-c", STEP, str(tree), table, query],
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "C2LLM_HOME": str(home)},
    )
    result: dict[str, object] = json.loads(done.stdout)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--table", default="", help="a model of the table engine; else words only")
    parser.add_argument("--keep", type=Path, help="where the tree is made, or is already")
    parser.add_argument("--kill-after", type=float, default=20.0, help="seconds; 0 for never")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        tree, home = options.keep or Path(scratch, "tree"), Path(scratch, "home")
        if not tree.exists():
            make_tree(options.folder, tree, options.files)
        if options.kill_after:
            process = subprocess.Popen(
                [sys.executable, "-c", STEP, str(tree), options.table, ""],
                stdout=subprocess.DEVNULL,
                env={**os.environ, "C2LLM_HOME": str(home)},
            )
            time.sleep(options.kill_after)
            process.send_signal(signal.SIGKILL)
            process.wait()
            print(f"killed after {options.kill_after:.0f} s", flush=True)
        print("first index:", step(tree, home, options.table), flush=True)
        print("unchanged:  ", step(tree, home, options.table), flush=True)
        victim = list_files(tree).files[options.files // 2].absolute
        content = victim.read_bytes()
        victim.unlink()  # it may share its bytes with a repository of `folder`
        victim.write_bytes(content + b"\n# changed by the benchmark: zebra crossing\n")
        print("one changed:", step(tree, home, options.table), flush=True)
        print("search:     ", step(tree, home, options.table, "parse a configuration file"))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"largest process: {peak / 1024:.0f} MB")


if __name__ == "__main__":
    main()
