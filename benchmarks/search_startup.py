"""How long a search takes as a process, beside the bare imports it cannot do without.

    python benchmarks/search_startup.py REPOSITORY [--runs 15]

Both commands run in turn in one loop, so that a busy machine slows both; the ratio of the medians
is the result. The repository is indexed first. A second `index` with nothing changed is timed too.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

BARE = [sys.executable, "-c", "import numpy, onnxruntime, tokenizers"]


def seconds(command: list[str]) -> float:
    """Wall time of one run; a command that fails ends the benchmark."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--query", default="where are errors reported to the user")
    options = parser.parse_args()
    c2llm = [sys.executable, "-m", "c2llm"]
    index = [*c2llm, "index", "--complete", options.repository]
    commands = {
        "imports only": BARE,
        "search": [*c2llm, "search", options.query, options.repository],
        "search --mode lexical": [
            *c2llm,
            "search",
            options.query,
            options.repository,
            "--mode",
            "lexical",
        ],
        "index, nothing changed": index,
    }
    subprocess.run(index, check=True)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.runs):
        for name, command in commands.items():
            times[name].append(seconds(command))
    bare = statistics.median(times["imports only"])
    print("| process | median ms | fastest ms | x imports |\n|---|---|---|---|")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"| {name} | {1e3 * median:.0f} | {1e3 * min(values):.0f} | {median / bare:.2f} |")


if __name__ == "__main__":
    main()
