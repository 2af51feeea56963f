"""Does a catalog rank as the index of each of its repositories does, and how fast does it answer?

    python benchmarks/catalog_ranking.py --annotations bench/annotations --repos clones \
        --home runs/catalog [--store milvus://host:19530/db] [--json runs/catalog.json]

Every repository of a folder of questions (`c2llm eval repos`) is put into one catalog, from the
same files as its own index has. Then all questions are asked in three ways, by words (`lexical`)
and with the table model (`nano`):

own       the index of the question's repository
narrowed  the catalog, narrowed to that repository
all       the catalog; a hit counts where it is in that repository

`--store` is the address of the catalog's store, so that two stores are compared by running it
twice; `overlap` is then read from the kept top tens. Means are over questions; times are of warm
queries, each asked once before.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from c2llm.codebase.files.walk import list_files
from c2llm.encoding.encoder_handle import DEFAULT_TABLE, EncoderHandle
from c2llm.evaluation.repositories.repo_benchmark import find_trees
from c2llm.evaluation.repositories.repo_questions import Repository, Target, load_benchmark
from c2llm.evaluation.repositories.repo_scores import chunk_rank, ndcg_of_ranks
from c2llm.evaluation.repositories.repo_trees import Tree
from c2llm.index.build.cutting import cut_file
from c2llm.index.catalog.embedding import embed_catalog
from c2llm.index.store.catalog.catalog_store import CatalogStore
from c2llm.index.store.catalog.opening import open_catalog_store
from c2llm.index.store.catalog.records import Content, Place, content_key
from c2llm.search.answer import Hit
from c2llm.search.catalog_index import CatalogIndex
from c2llm.search.code_index import CodeIndex
from c2llm.search.request import Mode, SearchRequest

K = 10
_CONTENTS_AT_ONCE = 200
_MODES: dict[str, Mode] = {"lexical": "lexical", "nano": "hybrid"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill what is missing, ask, and print one table."""
    options = _options().parse_args(arguments)
    os.environ["C2LLM_HOME"] = str(options.home / "own")
    repositories = load_benchmark(options.annotations, None, options.only)
    trees, absent = find_trees(repositories, options.repos, options.home / "trees")
    if absent:
        print(f"left out: {', '.join(absent)}", file=sys.stderr)
    handle = EncoderHandle(DEFAULT_TABLE)
    folder = options.home / "catalog"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = open_catalog_store(folder, options.store)
    for repository, tree in trees:
        fill(store, repository, tree)
    embed_catalog(store, handle)
    store.close()
    encoder = handle.get()
    asked: dict[str, list[dict[str, Any]]] = {}

    def catalog(names: Sequence[str] | None) -> CatalogIndex:
        opened = open_catalog_store(folder, options.store, create=False)
        return CatalogIndex(
            "benchmark", opened, DEFAULT_TABLE, encoder=encoder, table=None, repositories=names
        )

    with catalog(None) as everything:
        print(
            f"{len(trees)} repositories, {everything.described('lexical').chunks:,} chunks",
            file=sys.stderr,
        )
        for repository, tree in trees:
            for where in options.ways:
                with (
                    _own(tree, encoder)
                    if where == "own"
                    else catalog([repository.name] if where == "narrowed" else None)
                ) as index:
                    for label, mode in _MODES.items():
                        rows = _ask(index, repository, mode, whole=where == "all")
                        asked.setdefault(f"{where} {label}", []).extend(rows)
            done = {way: _mean(rows) for way, rows in asked.items()}
            told = "  ".join(f"{way} {mean:.4f}" for way, mean in done.items())
            print(f"{repository.name:20} {told}", file=sys.stderr)
    report = {
        way: {
            "questions": len(rows),
            "ndcg_at_10": round(_mean(rows), 4),
            "p50_ms": round(statistics.median(row["ms"] for row in rows), 1),
            "p99_ms": round(sorted(row["ms"] for row in rows)[int(0.99 * len(rows))], 1),
            **_beside(rows, asked.get(f"own {way.split()[1]}", [])),
        }
        for way, rows in asked.items()
    }
    print(json.dumps(report, indent=1))
    if options.json:
        options.json.write_text(json.dumps({"report": report, "questions": asked}, indent=1))


def fill(store: CatalogStore, repository: Repository, tree: Tree) -> None:
    """Put a repository's files into a catalog, as its own index has them."""
    if repository.name in store.repositories():
        return
    contents: list[Content] = []
    listed: dict[str, bytes] = {}
    for file in list_files(tree.root).files:
        cut = cut_file(file)
        if cut.skipped or cut.gone:
            continue
        key = content_key(cut.digest.hex(), cut.language)
        listed[file.path] = key
        contents.append(Content(key, Place(repository.name, file.path), cut))
        if len(contents) == _CONTENTS_AT_ONCE:
            store.put_contents(contents)
            contents.clear()
    store.put_contents(contents)
    store.put_repository(repository.name, tree.revision or repository.name, listed)


def _own(tree: Tree, encoder: Any) -> CodeIndex:
    return CodeIndex.open(tree.root, DEFAULT_TABLE, encoder=encoder, table=None, embed="all")


def _ask(
    index: CatalogIndex | CodeIndex, repository: Repository, mode: Mode, *, whole: bool
) -> list[dict[str, Any]]:
    """The score of each question, its time when it is asked again, and its top ten."""
    prefix = f"{repository.benchmark_root}/" if repository.benchmark_root else ""
    rows = []
    for question in repository.questions:
        request = SearchRequest(question.text, K, mode)
        hits = index.search(request)
        begun = time.perf_counter()
        index.search(request)
        milliseconds = 1000 * (time.perf_counter() - begun)
        kept = [hit for hit in hits if not whole or hit.repository == repository.name]
        ranks = [_rank(target, hits, kept, prefix) for target in question.targets]
        rows.append(
            {
                "repository": repository.name,
                "question": question.text,
                "ndcg": ndcg_of_ranks(ranks),
                "ms": milliseconds,
                "found": [f"{hit.path}:{hit.start_line}" for hit in hits],
            }
        )
    return rows


def _rank(target: Target, hits: Sequence[Hit], kept: Sequence[Hit], prefix: str) -> int | None:
    """The rank of a target among all hits, those of other repositories counted."""
    among = chunk_rank(target, kept, prefix)
    return None if among is None else list(hits).index(kept[among - 1]) + 1


def _mean(rows: Sequence[dict[str, Any]]) -> float:
    return statistics.fmean(row["ndcg"] for row in rows)


def _beside(rows: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The share of the ten of a repository's own index that is found, too."""
    if len(rows) != len(own):
        return {}
    shares = [
        len({*one["found"]} & {*other["found"]}) / max(1, len(other["found"]))
        for one, other in zip(rows, own, strict=True)
    ]
    return {"overlap_with_own": round(statistics.fmean(shares), 4)}


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--repos", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True, help="keeps the catalog and indexes")
    parser.add_argument("--store", default="", help="address of the catalog's store")
    parser.add_argument("--only", nargs="*", default=(), help="names of repositories")
    parser.add_argument("--ways", nargs="*", default=("own", "narrowed", "all"))
    parser.add_argument("--json", type=Path, help="keeps every question")
    return parser


if __name__ == "__main__":
    main()
