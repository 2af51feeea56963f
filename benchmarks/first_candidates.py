"""How many chunks should the model embed for the first answer in a new repository?

    python benchmarks/first_candidates.py --annotations bench/annotations --repos clones \
        --home runs/eval/home [--only gin,click] [--counts 0 4 8 16 32 64]

A table model has vectors of all chunks; those of the model are measured for the chosen candidates
and estimated for the rest, as in a search. Here all vectors of the model are read from a complete
index (`c2llm eval repos --model MODEL --home HOME` makes it), and those of the other chunks are
left aside, so that every count costs the same. NDCG@10 of the chunk list, mean over repositories:
0 is the table alone, `all` the complete index, `alone` the model without the table.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from c2llm.cli.output import note
from c2llm.codebase.chunks import embedding_text
from c2llm.encoding.encoder import Encoder
from c2llm.evaluation.repositories.repo_benchmark import environment, find_trees
from c2llm.evaluation.repositories.repo_questions import Question, Repository, load_benchmark
from c2llm.evaluation.repositories.repo_scores import K, chunk_rank, ndcg_of_ranks
from c2llm.evaluation.repositories.repo_trees import Tree
from c2llm.evaluation.retrieval.kept_vectors import CachedEncoder
from c2llm.evaluation.tables import markdown_table
from c2llm.search.code_index import CodeIndex
from c2llm.search.pipeline import ask
from c2llm.search.request import SearchRequest
from c2llm.search.retrieval.exact_scan import Vectors
from c2llm.search.retrieval.progressive import blend, candidates_to_embed, together
from c2llm.search.target import SearchTarget

ALL, ALONE = "all", "alone"


def partly(deep: Vectors, table: Vectors, count: int) -> Callable[[Sequence[int]], Vectors]:
    """Dense retrieval that has the model's cosines of `count` candidates alone."""

    def similarities(lexical: Sequence[int]) -> Vectors:
        chosen = candidates_to_embed(lexical, table, count)
        keep = np.isin(deep.ids, chosen)
        return together(blend(Vectors(deep.ids[keep], deep.similarities[keep]), table), table)

    return similarities


def _given(vectors: Vectors, lexical: Sequence[int]) -> Vectors:
    return vectors


def scores_of(
    repository: Repository,
    tree: Tree,
    home: Path,
    deep: CachedEncoder,
    table: Encoder,
    counts: list,
) -> dict[object, list[float]]:
    """NDCG@10 of each question, for each count."""
    scores: dict[object, list[float]] = defaultdict(list)
    prefix = f"{repository.benchmark_root}/" if repository.benchmark_root else ""

    def score(asked: SearchTarget, question: Question) -> float:
        hits = ask([asked], SearchRequest(question.text, k=K)).hits
        return ndcg_of_ranks([chunk_rank(target, hits, prefix) for target in question.targets])

    with (
        environment("C2LLM_HOME", str(home)),
        CodeIndex.open(tree.root, deep.name, encoder=deep, embed="all") as index,
    ):
        store = index.target(SearchRequest("any")).reader.store
        chunks = store.chunks(chunk_id for chunk_id, _ in store.texts())
        ids = np.array([chunk.id for chunk in chunks], np.int64)
        rows = table.encode_documents([embedding_text(chunk.chunk) for chunk in chunks])
        for question in repository.questions:
            asked = index.target(SearchRequest(question.text))
            assert asked.vectors is not None
            whole = asked.vectors([])
            near = Vectors(ids, rows @ table.encode_queries([question.text])[0])
            fused_scores: dict[object, Callable[[Sequence[int]], Vectors]] = {
                count: partly(whole, near, count) for count in counts
            }
            fused_scores[ALL] = partial(_given, together(whole, near))
            fused_scores[ALONE] = partial(_given, whole)
            for name, vectors in fused_scores.items():
                scores[name].append(score(dataclasses.replace(asked, vectors=vectors), question))
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--repos", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--model", default="c2llm-mini")
    parser.add_argument("--table", default="c2llm-nano")
    parser.add_argument("--only", default="")
    parser.add_argument("--counts", type=int, nargs="*", default=[0, 4, 8, 16, 32, 64])
    options = parser.parse_args()
    only = options.only.split(",") if options.only else []
    repositories = load_benchmark(options.annotations, None, only)
    trees, _ = find_trees(repositories, options.repos, options.home / "trees")
    deep = CachedEncoder(Encoder.load(options.model), options.home / "vectors")
    table = Encoder.load(options.table)
    means: dict[object, list[float]] = defaultdict(list)
    for repository, tree in trees:
        found = scores_of(repository, tree, options.home, deep, table, options.counts)
        for count, scores in found.items():
            means[count].append(float(np.mean(scores)))
        note(f"{repository.name}: {means[ALL][-1]:.3f}")
    columns = (*options.counts, ALL, ALONE)
    header = ["candidates", *map(str, columns)]
    row = ["NDCG@10", *(f"{np.mean(means[name]):.3f}" for name in columns)]
    print(f"{len(trees)} repositories\n\n{markdown_table(header, [row])}")


if __name__ == "__main__":
    main()
