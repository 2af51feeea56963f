"""Keep the pairs that a model can believe, and fewer of those that it finds easy.

    python recipes/data/consistent.py DATA/mined.jsonl --rank 30 --easy 0.5 --out DATA/kept.jsonl

A mined description may describe something else: the file, a parameter, nothing at all. A pair is
consistent if the model finds its document among all documents of the same language, for its query,
within the first `--rank` (consistency-based filtering: Dai et al. 2022, arXiv 2209.11755; E5,
arXiv 2212.03533). Of those that it finds first, a share `--easy` is kept: they teach it little.

A batch holds one dataset and one language, so nothing in it says that scores of two languages are
to be compared. A share `--mixed` of the rows becomes a dataset of its own, of all languages.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c2llm.training.objective.teacher import Teacher

AT_ONCE = 1024
EQUAL = 1e-6


def ranks(queries: NDArray[np.float32], documents: NDArray[np.float32]) -> NDArray[np.int64]:
    """How many documents (n, d) score above that of each query (n, d), which is its own row."""
    found = np.zeros(len(queries), dtype=np.int64)
    for start in range(0, len(queries), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        scores = queries[part] @ documents.T
        own = scores[np.arange(len(scores)), np.arange(start, start + len(scores))]
        found[part] = (scores > own[:, None] + EQUAL).sum(axis=1)
    return found


def named_factor(given: str) -> tuple[str, float]:
    """MODEL=FACTOR as its two parts."""
    name, _, factor = given.rpartition("=")
    try:
        if name and float(factor) > 0:
            return name, float(factor)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{given!r} is not MODEL=FACTOR with a factor above 0")


def main() -> None:
    """Read, embed, rank and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("pairs", type=Path, help="JSONL with query, positive, language")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="c2llm-mini", help="what ranks the documents")
    parser.add_argument(
        "--further",
        action="append",
        default=[],
        type=named_factor,
        metavar="MODEL=FACTOR",
        help="a model whose scores are added, times a factor; may be repeated",
    )
    parser.add_argument("--kept", type=Path, help="where vectors are kept; a run's teacher/rank0")
    parser.add_argument("--rank", type=int, default=30, help="the first so many are believed")
    parser.add_argument("--easy", type=float, default=0.5, help="share of the first that is kept")
    parser.add_argument("--mixed", type=float, default=0.0, help="share for mixed batches")
    parser.add_argument("--seed", type=int, default=17)
    arguments = parser.parse_args()
    with arguments.pairs.open(encoding="utf-8") as lines:
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    further = dict(arguments.further)
    kept_vectors = arguments.kept or arguments.out.with_suffix(".vectors")
    teacher, rng = Teacher(arguments.model, kept_vectors, further), random.Random(arguments.seed)
    of_language = defaultdict[str, list[int]](list)
    for at, row in enumerate(rows):
        of_language[row["language"]].append(at)
    place = np.zeros(len(rows), dtype=np.int64)
    for language, members in sorted(of_language.items()):
        queries = teacher.queries([rows[at]["query"] for at in members]).numpy()
        documents = teacher.documents([rows[at]["positive"] for at in members]).numpy()
        place[members] = ranks(queries, documents)
        believed = float((place[members] < arguments.rank).mean())
        print(f"{language}: {len(members):,} pairs, {believed:.1%} consistent", flush=True)
    with arguments.out.open("w", encoding="utf-8") as out:
        for row, rank in zip(rows, place.tolist(), strict=True):
            easy = rank == 0 and rng.random() >= arguments.easy
            if rank >= arguments.rank or easy:
                continue
            if rng.random() < arguments.mixed:
                row |= {"dataset": "mixed", "language": "mixed"}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
