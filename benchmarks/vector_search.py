"""Eight bits against floats, and a graph of neighbours against the exact scan.

    python benchmarks/vector_search.py REPOSITORY... [--model c2llm-mini] [--sizes 10000 100000]
    python benchmarks/vector_search.py REPOSITORY... --model c2llm-nano --chunks 500000

The first line holds the vectors of the chunks, as the index keeps them, against the floats that the
model gave: of the ten nearest, how many stay; the queries are the names of their definitions, as
words. The table is about speed: vectors are scanned as floats, scanned as bytes and searched in a
graph, in turn within one loop, so that a busy machine slows all three alike. A size within the
number of chunks takes so many of them; beyond it they are repeated with noise, which a row says.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from c2llm.codebase.chunks import cut_text, embedding_text
from c2llm.codebase.files.decoding import decode
from c2llm.codebase.files.walk import SourceFile, walk
from c2llm.codebase.identifiers import split_identifier
from c2llm.encoding.encoder import Encoder
from c2llm.index.store.quantized import Codes, packed_size, quantize

K = 10
QUERIES = 200


def read_chunks(roots: Sequence[Path], most: int) -> tuple[list[str], list[str]]:
    """Texts of evenly chosen chunks, and the names of functions as queries."""
    files = [file for root in roots for file in walk(root).files]
    with ProcessPoolExecutor() as workers:
        cut = [chunk for chunks in workers.map(chunks_of, files, chunksize=64) for chunk in chunks]
    cut = cut[:: max(1, len(cut) // most)][:most]
    names = dict.fromkeys(name for name, _ in cut if " " in name)
    return [text for _, text in cut], list(names)[:: max(1, len(names) // QUERIES)][:QUERIES]


def chunks_of(file: SourceFile) -> list[tuple[str, str]]:
    """The name, as words, and the text of each chunk of a file."""
    chunks = cut_text(file.path, decode(file.absolute.read_bytes()), file.language).chunks
    return [(" ".join(split_identifier(c.symbol)), embedding_text(c)) for c in chunks]


def top(scores: np.ndarray) -> set[int]:
    return set(np.argpartition(-scores, K)[:K].tolist())


def grown(vectors: np.ndarray, size: int) -> np.ndarray:
    """So many of the vectors, or all repeated with noise that moves a cosine by some hundredths."""
    rng = np.random.default_rng(0)
    if size <= len(vectors):
        return vectors[rng.choice(len(vectors), size, replace=False)]
    rows = vectors[rng.integers(0, len(vectors), size)]
    rows += rng.standard_normal(rows.shape, np.float32) * (0.3 / np.sqrt(rows.shape[1]))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def speed(vectors: np.ndarray, queries: np.ndarray, size: int) -> str:
    from usearch.index import Index

    rows = grown(vectors, size)
    codes = quantize(rows)
    coded_queries = quantize(queries).codes
    graph = Index(ndim=rows.shape[1], metric="cos", dtype="i8", connectivity=16, expansion_add=64)
    start = time.perf_counter()
    graph.add(np.arange(size, dtype=np.uint64), codes.codes)
    build = time.perf_counter() - start
    graph.expansion_search = 512
    scans = {
        "floats": lambda query: top(rows @ query),
        "bytes": lambda query: top(codes.dot(query)),
    }
    times: dict[str, list[float]] = {"floats": [], "bytes": [], "graph": []}
    kept = {"bytes": 0, "graph": 0}
    for query, coded in zip(queries, coded_queries, strict=True):
        found: dict[str, set[int]] = {}
        for name, scan in scans.items():
            start = time.perf_counter()
            found[name] = scan(query)
            times[name].append(time.perf_counter() - start)
        start = time.perf_counter()
        near = graph.search(coded, 1_000).keys
        again = Codes(codes.steps[near], codes.codes[near]).dot(query)
        found["graph"] = {int(near[i]) for i in np.argsort(-again)[:K]}
        times["graph"].append(time.perf_counter() - start)
        for name in kept:
            kept[name] += len(found["floats"] & found[name])
    wanted = K * len(queries)
    medians = {name: 1e3 * statistics.median(values) for name, values in times.items()}
    return (
        f"| {size}{' (noise)' * (size > len(vectors))} "
        f"| {medians['floats']:.1f} | {medians['bytes']:.1f} | {medians['graph']:.1f} "
        f"| {kept['bytes'] / wanted:.3f} | {kept['graph'] / wanted:.3f} "
        f"| {1e3 * build / size:.2f} | {graph.memory_usage / size:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", type=Path, nargs="+")
    parser.add_argument("--model", default="c2llm-mini")
    parser.add_argument("--chunks", type=int, default=1_000)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 300_000])
    options = parser.parse_args()
    texts, questions = read_chunks(options.repository, options.chunks)
    encoder = Encoder.load(options.model)
    if encoder.folder.engine == "table":
        vectors = encoder.encode_documents(texts)
    else:
        vectors = np.concatenate([encoder.encode_documents([text]) for text in texts])
    queries = np.concatenate([encoder.encode_queries([text]) for text in questions])
    codes = quantize(vectors)
    kept = [len(top(vectors @ q) & top(codes.dot(q))) / K for q in queries]
    error = np.abs(codes.dot(queries[0]) - vectors @ queries[0]).max()
    floats, halves = 4 * encoder.dim, 2 * encoder.dim
    print(
        f"{len(texts)} chunks, {len(queries)} queries, {encoder.dim} dimensions: "
        f"{packed_size(encoder.dim)} bytes a chunk in place of {floats} (halves: {halves}); "
        f"of the nearest {K} stay {np.mean(kept):.3f}; a cosine moves by {error:.4f} at most\n"
    )
    print(
        "| vectors | floats ms | bytes ms | graph ms | recall bytes | recall graph "
        "| build ms/vector | graph bytes/vector |\n|---|---|---|---|---|---|---|---|"
    )
    for size in options.sizes:
        print(speed(vectors, queries[:50], size), flush=True)


if __name__ == "__main__":
    main()
