"""Time of a warm query inside one process, and where it goes: retrievers, features, ranking, text.

    python benchmarks/warm_query.py REPOSITORY --query "where are retries backed off" --rounds 20

The index is made first, with words alone unless --model is given. Times are processor time of this
process as well as wall time: on a machine that others use only the former can be compared.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

from c2llm import CodeIndex

QUERIES = (
    "where are errors handled and retried",
    "how is the configuration parsed",
    "open a file and read its lines",
    "parse",
    "write the output",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("repository")
    parser.add_argument("--query", action="append", help="Repeatable; some by default.")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--model", help="Hybrid with this model; words alone without it.")
    arguments = parser.parse_args()
    queries = arguments.query or QUERIES
    mode = "hybrid" if arguments.model else "lexical"
    options = {"model": arguments.model} if arguments.model else {}
    embed = "all" if arguments.model else "none"
    with CodeIndex.open(arguments.repository, embed=embed, **options) as index:
        counts = index.counts()
        first: list[float] = []
        for query in queries:
            begun = time.perf_counter()
            index.search(query, 10, mode)
            first.append((time.perf_counter() - begun) * 1000)
        wall, processor = [], []
        for _ in range(arguments.rounds):
            for query in queries:
                begun, used = time.perf_counter(), time.process_time()
                index.search(query, 10, mode)
                wall.append((time.perf_counter() - begun) * 1000)
                processor.append((time.process_time() - used) * 1000)
    print(f"{counts.files} files, {counts.chunks} chunks, {mode}")
    print(f"first time: {median(first):.1f} ms (median of {len(first)} queries)")
    print(f"again: {median(wall):.1f} ms wall, {median(processor):.1f} ms of processor (medians)")


if __name__ == "__main__":
    main()
