"""Does a file's own vector order files better than its best chunk does?

    python benchmarks/file_vectors.py --annotations bench/annotations --repos clones \
        --home runs/repos/home --only redux bats-core zig-clap

NDCG@10 of the file list over the questions of `c2llm eval repos`, of vectors and of the search.
`best` is the product's way, a file counts as its best chunk; `mean` is the cosine with the mean of
its chunks' vectors, which costs nothing to make; `exact` that with the vector which PMA gives the
whole file, read in windows and merged exactly: what kept partial sums of attention would come to.
Vectors that an evaluation with `--home` has made are used again; each file is embedded once more.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from repository_options import read_options

from c2llm.codebase.chunks import cut_text, embedding_text
from c2llm.codebase.files.decoding import decode
from c2llm.codebase.files.walk import walk
from c2llm.encoding.encoder import Encoder
from c2llm.evaluation.repositories.repo_benchmark import environment
from c2llm.evaluation.repositories.repo_questions import Question
from c2llm.evaluation.repositories.repo_scores import ndcg_of_ranks
from c2llm.evaluation.retrieval.kept_vectors import CachedEncoder
from c2llm.evaluation.tables import markdown_table
from c2llm.search.code_index import CodeIndex

DEPTH = 200
"""Chunks of the whole search; a file that has none among them stands behind all others."""
SHARES = (0.1, 0.2)
"""What a standard deviation of the second score is worth beside the score of the search."""
Floats = NDArray[np.float32]


class Files:
    """The vectors of a tree: of the chunks of each file, their means, and of whole files."""

    def __init__(self, root: Path, prefix: str, encoder: CachedEncoder) -> None:
        self.paths: list[str] = []
        self.chunks: list[Floats] = []
        whole: list[Floats] = []
        for file in walk(root).files:
            source = decode(file.absolute.read_bytes())
            texts = [embedding_text(c) for c in cut_text(file.path, source, file.language).chunks]
            if not texts:
                continue
            # One at a time, as in an index: an int8 graph has one scale a batch.
            vectors = np.concatenate([encoder.encode_documents([text]) for text in texts])
            self.paths.append(prefix + file.path)
            self.chunks.append(vectors)
            alone = len(texts) == 1
            headed = file.path.replace("/", " ") + "\n" + source
            whole.append(vectors[0] if alone else encoder.encode_documents([headed])[0])
        self.exact = np.stack(whole)
        means = np.stack([vectors.mean(axis=0) for vectors in self.chunks])
        self.mean = means / np.linalg.norm(means, axis=1, keepdims=True)

    def scores(self, query: Floats, search: dict[str, float]) -> dict[str, Floats]:
        """For each way of ordering the files a score of each, float (files,)."""
        best = np.array([(vectors @ query).max() for vectors in self.chunks])
        product = np.array([search.get(path, -np.inf) for path in self.paths])
        scores = {"vectors: best": best, "search: best": product}
        for name, vectors in (("mean", self.mean), ("exact", self.exact)):
            own = vectors @ query
            scores[f"vectors: {name}"] = own
            scores[f"vectors: larger of best and {name}"] = np.maximum(best, own)
            scores[f"vectors: best + {name}"] = best + own
            for share in SHARES:
                standard = (own - own.mean()) / (own.std() + 1e-9)
                scores[f"search: best + {share} {name}"] = product + share * standard
        return scores


def ndcg(question: Question, paths: list[str], scores: Floats) -> float:
    """NDCG@10 of the files by score."""
    order = [i for i in np.argsort(-scores, kind="stable")[:10] if np.isfinite(scores[i])]
    first = [paths[i] for i in order]
    targets = [target.path for target in question.targets]
    return ndcg_of_ranks([first.index(path) + 1 if path in first else None for path in targets])


def main() -> None:
    options, trees = read_options(__doc__)
    rows: dict[str, list[float]] = defaultdict(list)
    with (
        CachedEncoder(Encoder.load(options.model), options.home / "vectors") as encoder,
        tempfile.TemporaryDirectory() as scratch,
        environment("C2LLM_HOME", scratch),
    ):
        for repository, tree in trees:
            prefix = f"{repository.benchmark_root}/" if repository.benchmark_root else ""
            files = Files(tree.root, prefix, encoder)
            found: dict[str, list[float]] = defaultdict(list)
            with CodeIndex.open(
                tree.root, encoder.name, encoder=encoder, table=None, embed="all"
            ) as index:
                for question in repository.questions:
                    search: dict[str, float] = {}
                    for hit in index.search(question.text, DEPTH):
                        search.setdefault(prefix + hit.path, hit.score)
                    query = encoder.encode_queries([question.text])[0]
                    for name, scores in files.scores(query, search).items():
                        found[name].append(ndcg(question, files.paths, scores))
            for name, values in found.items():
                rows[name].append(float(np.mean(values)))
            print(f"{repository.name}: {len(files.paths)} files", file=sys.stderr, flush=True)
    names = [repository.name for repository, _ in trees]
    table = [
        [name, *(f"{value:.3f}" for value in values), f"{np.mean(values):.3f}"]
        for name, values in sorted(rows.items(), reverse=True)
    ]
    print(markdown_table(["order of files by", *names, "mean"], table))


if __name__ == "__main__":
    main()
