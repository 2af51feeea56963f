"""Milvus beside SQLite as the store of a catalog: the same contents, the same questions, in turn.

    python benchmarks/catalog_stores.py --annotations FOLDER --repos FOLDER [--only NAME]...
        [--every N] [--milvus ADDRESS] [--json FILE] [--kinds]

Of each repository every file is cut once and written to both stores, with the vectors of
c2llm-nano; Milvus is then opened again. Each question is asked of one store and then of the other,
by words, by vectors and by both. A row says how many of the ten best are the same, NDCG@10 of the
files that both lists name, chunks written a second, and the time of a question in the middle of
all. The files are those of the working tree, so that a revision counts that the questions name.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from c2llm.codebase.chunks import embedding_text
from c2llm.codebase.files.walk import walk
from c2llm.encoding.encoder import Encoder
from c2llm.evaluation.repositories.repo_questions import Repository, load_benchmark
from c2llm.evaluation.repositories.repo_scores import QuestionResult, ask
from c2llm.evaluation.repositories.repo_trees import Tree, find_tree
from c2llm.index.build.cutting import cut_file
from c2llm.index.store.catalog.catalog_store import CatalogStore
from c2llm.index.store.catalog.records import Content, Place, content_key
from c2llm.index.store.catalog.sqlite_catalog import SqliteCatalog
from c2llm.index.store.milvus.location import parse_location
from c2llm.index.store.milvus.milvus_catalog import MilvusCatalog
from c2llm.index.store.quantized import pack, quantize, unpack
from c2llm.search.answer import Hit
from c2llm.search.pipeline import ask as ask_targets
from c2llm.search.query.query_parsing import parse_query
from c2llm.search.request import Mode, SearchRequest
from c2llm.search.retrieval.dense import DenseRetriever
from c2llm.search.retrieval.exact_scan import Vectors
from c2llm.search.retrieval.index_reader import IndexReader
from c2llm.search.target import SearchTarget

MODEL = "c2llm-nano"
MODES: tuple[Mode, ...] = ("lexical", "dense", "hybrid")
K = 10
_AT_ONCE = 1_000


class StoreSearch:
    """A search of one store, with the vectors of one model."""

    def __init__(self, store: CatalogStore, encoder: Encoder) -> None:
        self._reader = IndexReader(store)
        self._dense = DenseRetriever(store)
        self._encoder = encoder
        self._store = store

    def search(self, query: str, k: int, *, mode: str) -> Sequence[Hit]:
        """The best `k` chunks."""
        known = self._store.model_id(MODEL)
        assert known is not None
        vector = self._encoder.encode_queries([parse_query(query).meaning])[0]
        vectors = partial(self._similar, known[0], vector)
        self._reader.begin_question()
        target = SearchTarget(self._reader, vectors=None if mode == "lexical" else vectors)
        return ask_targets([target], SearchRequest(query, k, _mode(mode))).hits

    def _similar(self, model_id: int, vector: np.ndarray, also: Sequence[int]) -> Vectors:
        return self._dense.similarities(model_id, lambda: vector, also)

    def close(self) -> None:
        """Close the store."""
        self._store.close()


def _mode(name: str) -> Mode:
    return next(mode for mode in MODES if mode == name)


@dataclass
class Cut:
    """The contents of a tree, and the vectors of what is embedded of it."""

    contents: list[Content]
    hashes: list[bytes]
    packed: list[bytes]

    @property
    def chunks(self) -> int:
        """How many there are."""
        return sum(len(one.cut.chunks) for one in self.contents)


def cut_tree(root: Path, encoder: Encoder) -> Cut:
    """Every file of a tree, cut, and its vectors."""
    contents: list[Content] = []
    texts: dict[bytes, str] = {}
    for file in walk(root).files:
        cut = cut_file(file)
        if cut.skipped or cut.gone:
            continue
        # By the path too: of two equal files each has words of its own in an index of one tree.
        key = content_key(cut.digest.hex() + cut.path, cut.language)
        contents.append(Content(key, Place("", cut.path), cut))
        texts |= {one.embedded_hash: embedding_text(one.chunk) for one in cut.chunks}
    rows = encoder.encode_documents(list(texts.values()))
    return Cut(contents, list(texts), pack(rows))


def write(store: CatalogStore, cut: Cut) -> float:
    """Write everything; the seconds that took."""
    began = time.perf_counter()
    for at in range(0, len(cut.contents), _AT_ONCE):
        store.put_contents(cut.contents[at : at + _AT_ONCE])
    for at in range(0, len(cut.hashes), _AT_ONCE):
        part = slice(at, at + _AT_ONCE)
        store.put_vectors_of(MODEL, "benchmark", cut.hashes[part], cut.packed[part])
    store.put_repository("", "benchmark", {one.cut.path: one.key for one in cut.contents})
    store.sweep()
    return time.perf_counter() - began


@dataclass
class Row:
    """What came of one repository."""

    name: str
    chunks: int
    written: dict[str, float] = field(default_factory=dict)
    """Seconds by store."""
    first: dict[str, float] = field(default_factory=dict)
    """Seconds from opening a store to the end of its first question."""
    overlap: dict[str, list[float]] = field(default_factory=dict)
    """For each mode and question the share of the ten best that is the same."""
    ndcg: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    milliseconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """Of each question, by mode and store."""


def compare(repository: Repository, tree: Tree, encoder: Encoder, milvus: str, every: int) -> Row:
    """Both stores of one repository."""
    cut = cut_tree(tree.root, encoder)
    row = Row(repository.name, cut.chunks)
    with tempfile.TemporaryDirectory(prefix="c2llm-stores-") as work:
        location = parse_location(milvus or f"{work}/milvus.db", repository.name)
        open_milvus = partial(MilvusCatalog, location)
        open_sqlite = partial(SqliteCatalog, Path(work) / "store.sqlite")
        searches: dict[str, StoreSearch] = {}
        for name, opened in (("sqlite", open_sqlite), ("milvus", open_milvus)):
            store: CatalogStore = opened()
            row.written[name] = write(store, cut)
            store.close()
            began = time.perf_counter()
            searches[name] = StoreSearch(opened(), encoder)
            searches[name].search("how is a value parsed", K, mode="hybrid")
            row.first[name] = time.perf_counter() - began
        for mode in MODES:
            results = _asked(repository, searches, mode, every)
            row.overlap[mode] = [
                len({*one.found} & {*other.found}) / max(1, len(one.found), len(other.found))
                for one, other in zip(results["sqlite"], results["milvus"], strict=True)
            ]
            row.ndcg[mode] = {
                name: [each.file_ndcg for each in found] for name, found in results.items()
            }
            row.milliseconds[mode] = {
                name: [each.milliseconds for each in found] for name, found in results.items()
            }
        for search in searches.values():
            search.close()
    return row


def _asked(
    repository: Repository, searches: dict[str, StoreSearch], mode: str, every: int
) -> dict[str, list[QuestionResult]]:
    results: dict[str, list[QuestionResult]] = {name: [] for name in searches}
    prefix = f"{repository.benchmark_root}/" if repository.benchmark_root else ""
    for question in repository.questions[::every]:
        for name, search in searches.items():
            results[name].append(ask(search, question, mode, prefix))
    return results


def kinds_of_vectors(repository: Repository, tree: Tree, encoder: Encoder) -> dict[str, float]:
    """Which kind of vectors on a server agrees with what every store compares in the end.

    Returns:
        For 16-bit floats and for bytes on both sides, as a server has them, the share of the 200
        nearest that are also the 200 nearest by codes with their steps and a query in floats.
    """
    codes = unpack(cut_tree(tree.root, encoder).packed)
    texts = [parse_query(one.text).meaning for one in repository.questions]
    floats = codes.restored()
    halves = floats.astype(np.float16).astype(np.float32)
    lengths = np.linalg.norm(codes.codes.astype(np.float32), axis=1)
    found: dict[str, list[float]] = {"float16": [], "int8": []}
    for query in encoder.encode_queries(texts):
        exact = _nearest(codes.dot(query))
        half = query.astype(np.float16).astype(np.float32)
        byte = quantize(query[None]).codes[0].astype(np.float32)
        whole = codes.codes.astype(np.float32) @ byte
        for name, scores in (("float16", halves @ half), ("int8", whole / lengths)):
            found[name].append(len(exact & _nearest(scores)) / len(exact))
    return {name: statistics.mean(shares) for name, shares in found.items()}


def _nearest(scores: np.ndarray) -> set[int]:
    return set(np.argsort(-scores, kind="stable")[:200].tolist())


def summary(rows: Sequence[Row]) -> dict[str, object]:
    """All repositories together; NDCG is the mean of the repositories', as everywhere."""
    modes: dict[str, object] = {}
    for mode in MODES:
        every = [each for row in rows for each in row.overlap[mode]]
        scores = {
            name: statistics.mean(statistics.mean(row.ndcg[mode][name]) for row in rows)
            for name in ("sqlite", "milvus")
        }
        times = {
            name: statistics.median(each for row in rows for each in row.milliseconds[mode][name])
            for name in scores
        }
        modes[mode] = {
            "questions": len(every),
            "overlap_at_10": statistics.mean(every),
            "identical": sum(each == 1 for each in every),
            "ndcg_at_10": scores,
            "p50_ms": times,
        }
    chunks = sum(row.chunks for row in rows)
    stores = ("sqlite", "milvus")
    return {
        "repositories": len(rows),
        "chunks": chunks,
        "chunks_a_second": {
            name: chunks / sum(row.written[name] for row in rows) for name in stores
        },
        "first_question_s": {
            name: statistics.median(row.first[name] for row in rows) for name in stores
        },
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
        "modes": modes,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--annotations", type=Path, required=True, help="folder of NAME.json")
    parser.add_argument("--repos", type=Path, required=True, help="folder of their clones")
    parser.add_argument("--only", action="append", default=[], help="of the repositories")
    parser.add_argument("--milvus", default="", help="a server; Milvus Lite by default")
    parser.add_argument("--every", type=int, default=1, help="of so many questions one is asked")
    parser.add_argument("--kinds", action="store_true", help="compare kinds of vectors alone")
    parser.add_argument("--json", type=Path, help="where the whole result goes")
    options = parser.parse_args()
    encoder = Encoder.load(MODEL)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="c2llm-trees-") as trees:
        for repository in load_benchmark(options.annotations):
            if options.only and repository.name not in options.only:
                continue
            tree = find_tree(repository, options.repos, Path(trees))
            if tree is None:
                continue
            if options.kinds:
                print(repository.name, kinds_of_vectors(repository, tree, encoder), flush=True)
                continue
            row = compare(repository, tree, encoder, options.milvus, options.every)
            rows.append(row)
            same = {mode: round(statistics.mean(row.overlap[mode]), 3) for mode in MODES}
            print(row.name, row.chunks, same, flush=True)
            if options.json:
                result = {**summary(rows), "of": [vars(one) for one in rows]}
                options.json.write_text(json.dumps(result), encoding="utf-8")
    if rows:
        print(json.dumps(summary(rows), indent=1))


if __name__ == "__main__":
    main()
