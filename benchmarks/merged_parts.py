"""What the merged vector of a file or a class is worth beside its best part.

    python benchmarks/merged_parts.py --annotations bench/annotations --repos clones \
        --home runs/repos/home --model c2llm-nano

NDCG@10 of the answers of `--granularity file` and `class` over the questions of `c2llm eval repos`,
by the weight of the merged vector (`grouping.WHOLE`; 0 is the best part alone). A class answers
where it is in a file that does, since no question names one. The weight is chosen on one half of
the repositories, those at even places of the alphabet, and judged on the other.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from functools import cache

import numpy as np
from repository_options import read_options

from c2llm.encoding.encoder_handle import EncoderHandle
from c2llm.evaluation.repositories.repo_benchmark import environment
from c2llm.evaluation.repositories.repo_scores import ndcg_of_ranks
from c2llm.evaluation.retrieval.kept_vectors import CachedEncoder
from c2llm.evaluation.systems.named_systems import load_encoder
from c2llm.evaluation.tables import markdown_table
from c2llm.search.answers import grouping
from c2llm.search.code_index import CodeIndex
from c2llm.search.pipeline import candidates_of
from c2llm.search.query.query_parsing import parse_query
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS
from c2llm.search.ranking.ranker import rank
from c2llm.search.request import Granularity, SearchRequest

K = 10
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6)
GRANULARITIES: tuple[Granularity, ...] = ("file", "class")


def main() -> None:
    options, trees = read_options(__doc__)
    # A file's definitions are the same for every weight.
    grouping._definitions = cache(grouping._definitions)  # type: ignore[assignment]
    table = None if EncoderHandle(options.model).is_table else load_encoder("c2llm-nano")
    means: dict[str, list[list[float]]] = defaultdict(list)
    with (
        CachedEncoder(load_encoder(options.model), options.home / "vectors") as encoder,
        environment("C2LLM_HOME", str(options.home)),
    ):
        for repository, tree in trees:
            prefix = f"{repository.benchmark_root}/" if repository.benchmark_root else ""
            found: dict[str, list[list[float]]] = defaultdict(list)
            with CodeIndex.open(
                tree.root, encoder.name, encoder=encoder, table=table, embed="all"
            ) as index:
                for question in repository.questions:
                    query = parse_query(question.text)
                    asked = [index.target(SearchRequest(question.text))]
                    fused_scores = candidates_of(asked, query, k=K, mode="hybrid")
                    ranked = rank(
                        fused_scores.candidates,
                        query,
                        fused_scores.corpora,
                        10 * K,
                        DEFAULT_WEIGHTS,
                    )
                    targets = [target.path for target in question.targets]
                    for granularity in GRANULARITIES:
                        row = []
                        for weight in WEIGHTS:
                            hits = grouping.grouped(asked, ranked, query, granularity, weight)[:K]
                            paths = [prefix + hit.path for hit in hits]
                            row.append(
                                ndcg_of_ranks(
                                    [paths.index(t) + 1 if t in paths else None for t in targets]
                                )
                            )
                        if granularity == "file" or any(row):
                            found[granularity].append(row)
            for granularity, rows in found.items():
                means[granularity].append(list(np.mean(rows, axis=0)))
            print(repository.name, file=sys.stderr, flush=True)
    for granularity, rows in means.items():
        scores = np.array(rows)
        even, odd = scores[::2].mean(axis=0), scores[1::2].mean(axis=0)
        chosen = int(even.argmax())
        table_rows = [
            [f"{weight:g}", f"{half:.4f}", f"{other:.4f}", f"{both:.4f}"]
            for weight, half, other, both in zip(
                WEIGHTS, even, odd, scores.mean(axis=0), strict=True
            )
        ]
        print(f"{granularity}: {len(rows)} repositories\n")
        print(markdown_table(["weight", "one half", "the other half", "all"], table_rows))
        print(
            f"\nchosen on one half {WEIGHTS[chosen]:g}: on the other {odd[chosen] - odd[0]:+.4f}\n"
        )


if __name__ == "__main__":
    main()
