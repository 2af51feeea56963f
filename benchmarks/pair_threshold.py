"""From which cosine on two functions are clones: what is found, and how many others pass.

    python benchmarks/pair_threshold.py pairs.jsonl.gz [more.jsonl.gz] [--model c2llm-nano]

Each line holds `a`, `b` (functions that do the same) and `group` (the source function; rows of one
group are clones of each other too). What is no clone is every `a` beside every `b` of another
group: in a repository of a thousand functions there are half a million such pairs, so that the
threshold is told by the share of them that passes, not by accuracy.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import numpy as np

from c2llm import Encoder

COSINES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--model", default="c2llm-nano")
    parser.add_argument("--most", type=int, default=10_000, help="pairs of a file")
    arguments = parser.parse_args()
    encoder = Encoder.load(arguments.model)
    print("| file | pairs | cosine from | clones found | others that pass |")
    print("|---|---|---|---|---|")
    for file in arguments.files:
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            rows = [json.loads(line) for line in stream][: arguments.most]
        a = encoder.encode_documents([row["a"] for row in rows])
        b = encoder.encode_documents([row["b"] for row in rows])
        groups = np.array([str(row["group"]) for row in rows])
        clones = np.sum(a * b, axis=1)
        others = (a @ b.T)[groups[:, None] != groups[None, :]]
        name = file.name.split(".")[0]
        for cosine in COSINES:
            found, passed = np.mean(clones >= cosine), np.mean(others >= cosine)
            print(f"| {name} | {len(rows)} | {cosine} | {found:.1%} | {passed:.2%} |")


if __name__ == "__main__":
    main()
