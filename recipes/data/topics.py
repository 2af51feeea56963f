"""Put pairs about one topic into one dataset, so that a batch's other documents are hard negatives.

    python recipes/data/topics.py DATA/mined.jsonl --out DATA/mined_topics.jsonl

A batch holds pairs of one dataset and one language. Drawn from a whole language, its documents are
easy to tell apart after a few hundred steps. Here the pairs of a language are clustered by
spherical k-means on the vectors of a small model (query plus document), and a share of the rows
gets the cluster as its dataset. The rest keep their own, since a model also has to tell topics from
each other. Near-copies within a cluster are false negatives: train with
`loss.false_negative_margin`.
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

from c2llm import Encoder

DOCUMENT_CHARACTERS = 1500


def clusters(
    vectors: NDArray[np.float32], count: int, seed: int, rounds: int = 12
) -> NDArray[np.int64]:
    """Spherical k-means: the cluster of each row of `vectors` (n, dim), an int in [0, count)."""
    rng = np.random.default_rng(seed)
    centres = vectors[rng.choice(len(vectors), count, replace=False)]
    nearest = np.zeros(len(vectors), dtype=np.int64)
    for _ in range(rounds):
        nearest = np.concatenate(
            [
                np.argmax(part @ centres.T, axis=1)
                for part in np.array_split(vectors, 1 + len(vectors) // 8192)
            ]
        )
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, vectors)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(norms > 0, sums / np.maximum(norms, 1e-12), centres)
    return nearest


def main() -> None:
    """Read, embed, cluster and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("pairs", type=Path, help="JSONL with query, positive, language, dataset")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="c2llm-nano", help="what the clusters are made with")
    parser.add_argument("--size", type=int, default=400, help="pairs of a cluster, on average")
    parser.add_argument("--share", type=float, default=0.7, help="of the rows that get a cluster")
    parser.add_argument("--seed", type=int, default=17)
    arguments = parser.parse_args()
    with arguments.pairs.open(encoding="utf-8") as lines:
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    encoder, rng = Encoder.load(arguments.model), random.Random(arguments.seed)
    of_language = defaultdict[str, list[int]](list)
    for at, row in enumerate(rows):
        of_language[row["language"]].append(at)
    for language, members in sorted(of_language.items()):
        count = len(members) // arguments.size
        if count < 2:
            continue
        queries = encoder.encode_queries([rows[at]["query"] for at in members])
        documents = encoder.encode_documents(
            [rows[at]["positive"][:DOCUMENT_CHARACTERS] for at in members]
        )
        vectors = queries + documents
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        for at, cluster in zip(
            members, clusters(vectors, count, arguments.seed).tolist(), strict=True
        ):
            if rng.random() < arguments.share:
                rows[at]["dataset"] = f"{rows[at]['dataset'].split('/')[0]}/{language}-{cluster}"
        print(f"{language}: {len(members):,} pairs, {count} clusters", flush=True)
    with arguments.out.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    main()
