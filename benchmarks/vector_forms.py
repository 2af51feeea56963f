"""What shorter and coarser vectors cost: NDCG@10 against dimension, int8 and binary.

    python benchmarks/vector_forms.py --model c2llm-mini --data DATA --tasks cosqa,csn_cloze \
        --cache runs/vectors --out forms.md

Every text is embedded once (and kept in `--cache`), then searched in each form:

- `first d`: the first d components, normalised again;
- `PCA d`: the d principal directions of the task's documents, no labels seen, normalised again;
- `int8`: documents as int8 with one scale each, the query in float32: what the index stores;
- `binary`: the signs of the documents, the query in float32;
- `binary, rescored`: the first 100 of that by int8.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c2llm import Encoder
from c2llm.evaluation.retrieval.kept_vectors import CachedEncoder
from c2llm.evaluation.retrieval.local_tasks import load_tasks
from c2llm.evaluation.retrieval.retrieval_run import DEPTH, score_rankings
from c2llm.evaluation.retrieval.retrieval_task import RetrievalTask

Array = NDArray[np.float32]
Scores = Callable[[Array, Array], Array]
"""Queries (n, dim) and documents (m, dim) to scores (n, m)."""

RESCORED = 100


def unit(vectors: Array) -> Array:
    """Rows of length 1; float32."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def first(dim: int) -> Scores:
    """Cosine of the first `dim` components."""
    return lambda queries, documents: unit(queries[:, :dim]) @ unit(documents[:, :dim]).T


def principal(dim: int) -> Scores:
    """Cosine along the `dim` directions in which the documents differ most."""

    def scores(queries: Array, documents: Array) -> Array:
        _, axes = np.linalg.eigh(documents.T @ documents)
        chosen = axes[:, ::-1][:, :dim].astype(np.float32)
        return unit(queries @ chosen) @ unit(documents @ chosen).T

    return scores


def int8(queries: Array, documents: Array) -> Array:
    """Documents rounded to 255 steps of their largest component."""
    scale = np.abs(documents).max(axis=1, keepdims=True) / 127
    rounded = np.round(documents / scale).astype(np.int8)
    return queries @ (rounded.astype(np.float32) * scale).T


def binary(queries: Array, documents: Array) -> Array:
    """One bit for each component of a document."""
    return queries @ np.where(documents > 0, 1.0, -1.0).astype(np.float32).T


def rescored(queries: Array, documents: Array) -> Array:
    """The best by their bits, in the order of their int8 scores."""
    coarse, fine = binary(queries, documents), int8(queries, documents)
    kept = min(RESCORED, coarse.shape[1])
    least = -np.partition(-coarse, kept - 1, axis=1)[:, kept - 1 : kept]
    return np.where(coarse >= least, fine, fine - 2.0 - 1.0 * (coarse < least))


def forms(dim: int, dims: Sequence[int]) -> dict[str, tuple[float, Scores]]:
    """Name of a form -> bytes of a document's vector, and how it is searched."""
    smaller = [d for d in dims if d < dim]
    return {
        f"float32, {dim}": (4.0 * dim, first(dim)),
        **{f"first {d}": (4.0 * d, first(d)) for d in smaller},
        **{f"PCA {d}": (4.0 * d, principal(d)) for d in smaller},
        "int8": (dim + 4.0, int8),
        "binary": (dim / 8, binary),
        "binary, rescored": (dim / 8 + dim + 4.0, rescored),
    }


def ndcg(task: RetrievalTask, scores: Array) -> float:
    """Mean NDCG@10 of rankings by `scores` (queries, documents)."""
    rankings = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
    results = list(score_rankings(task, list(rankings)))
    return float(np.mean([result.scores["ndcg_at_10"] for result in results]))


def family_means(scores: dict[str, list[float]]) -> dict[str, float]:
    """Means of the tasks of each family."""
    return {family: float(np.mean(values)) for family, values in scores.items()}


def main() -> None:
    """Embed, search in every form, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default="c2llm-mini")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", default="cosqa,csn_cloze,nl2bash,codenn")
    parser.add_argument("--dims", default="192,128,64")
    parser.add_argument("--cache", type=Path, default=Path("runs/vectors"))
    parser.add_argument("--out", type=Path, help="write the Markdown table here too")
    arguments = parser.parse_args()
    dims = [int(dim) for dim in arguments.dims.split(",")]
    found: dict[str, dict[str, list[float]]] = {}
    with CachedEncoder(Encoder.load(arguments.model), arguments.cache) as encoder:
        chosen = forms(encoder.dim, dims)
        for task in load_tasks(arguments.data, arguments.tasks.split(",")):
            queries = encoder.encode_queries([query.text for query in task.queries])
            documents = encoder.encode_documents([document.text for document in task.documents])
            for name, (_, score) in chosen.items():
                of_form = found.setdefault(name, {}).setdefault(task.family, [])
                of_form.append(ndcg(task, score(queries, documents)))
            print(f"{task.name}: {found[next(iter(chosen))][task.family][-1]:.3f}", flush=True)
    families = list(dict.fromkeys(family for row in found.values() for family in row))
    lines = [
        f"| {arguments.model} | bytes | " + " | ".join(families) + " |",
        "|---|---:|" + "---:|" * len(families),
    ]
    for name, (size, _) in chosen.items():
        means = family_means(found[name])
        lines.append(
            f"| {name} | {size:,.0f} | " + " | ".join(f"{means[f]:.3f}" for f in families) + " |"
        )
    table = "\n".join(lines)
    print(table)
    if arguments.out:
        arguments.out.write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
