"""Cold index to first answer, and warm queries, over many repositories, beside bm25s.

    python benchmarks/search_speed.py FOLDER [--table MODEL] [--model c2llm-mini] [--complete]

FOLDER holds repositories. For each of them and each system a new process starts with an empty
cache. `cold` is from its first line to the first answer (imports, walk, parse, write, load,
search), `cpu` the processor time of that on all cores, `process` the wall time of the whole
process, and `warm` the median of the queries that follow in the same process. Queries are names
that the repository defines, as words, so that no question set is needed. The systems take turns
repository by repository, so that a busy machine slows all alike; what it does not change is `cpu`.

words        the lexical retriever and the ranker
table        all chunks by the table model, hybrid
progressive  the table model for all, the large one for the candidates of the first query
complete     the large one for all (with --complete: a minute a repository); `cold` is that minute
bm25s        bm25s over the same chunks and tokens, nothing else: no parsing, no ranker, no disk
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

QUERIES = 21

STEP = """
import time
start = time.perf_counter()
import json, os, sys
system, root, model, table, queries = json.loads(sys.argv[1])
warm = []
if system == "bm25s":
    from pathlib import Path
    from c2llm.codebase.chunks import cut_text
    from c2llm.codebase.files.walk import walk
    from c2llm.codebase.files.decoding import decode
    from c2llm.codebase.words import tokens
    import bm25s
    texts = [chunk.text for file in walk(Path(root)).files for chunk in
             cut_text(file.path, decode(file.absolute.read_bytes()), file.language).chunks]
    start, cpu = time.perf_counter(), time.process_time()
    retriever = bm25s.BM25(method="lucene")
    retriever.index([tokens(text).split() for text in texts], show_progress=False)
    for query in queries:
        begun = time.perf_counter()
        retriever.retrieve([tokens(query).split()], k=min(10, len(texts)), show_progress=False)
        warm.append(time.perf_counter() - begun)
        if len(warm) == 1:
            cold, cpu = time.perf_counter() - start, time.process_time() - cpu
    chunks = len(texts)
else:
    from c2llm.search.code_index import CodeIndex
    embed = {"words": "none", "progressive": "candidates"}.get(system, "all")
    mode = "lexical" if system == "words" else "hybrid"
    name = table if system == "table" else model
    beside = {"table": table} if table else {}
    with CodeIndex.open(root, name, embed=embed, **beside) as index:
        for query in queries[:1] if system == "progressive" else queries:
            begun = time.perf_counter()
            index.search(query, 10, mode)
            warm.append(time.perf_counter() - begun)
            if len(warm) == 1:
                cold, cpu = time.perf_counter() - start, sum(os.times()[:4])
        chunks = index.counts().chunks
print(json.dumps([chunks, cold, cpu, warm[1:]]))
"""


def queries_of(root: Path) -> list[str]:
    """Names that the repository defines, as words; always the same ones."""
    from c2llm.codebase.chunks import cut_text
    from c2llm.codebase.files.decoding import decode
    from c2llm.codebase.files.walk import walk
    from c2llm.codebase.identifiers import split_identifier

    names: dict[str, None] = {}
    for file in walk(root).files:
        content = decode(file.absolute.read_bytes())
        for chunk in cut_text(file.path, content, file.language).chunks:
            if len(words := split_identifier(chunk.symbol)) > 1:
                names[" ".join(words)] = None
    found = sorted(names) or [root.name]
    return (found[:: max(1, len(found) // QUERIES)] * QUERIES)[:QUERIES]


def run_step(arguments: list[Any]) -> tuple[int, float, float, float, list[float]]:
    """Chunks, cold seconds, of them processor time, the process, seconds of each warm query."""
    with tempfile.TemporaryDirectory() as home:
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", STEP, json.dumps(arguments)],
            check=True,
            stdout=subprocess.PIPE,
            env={**os.environ, "C2LLM_HOME": home, "C2LLM_CACHE_MB": "0"},
        )
        process = time.perf_counter() - start
    chunks, cold, cpu, warm = json.loads(done.stdout)
    return chunks, cold, cpu, process, warm


def measure(arguments: list[Any]) -> tuple[int, float, float, float, float]:
    """`run_step` with the median of the warm queries in milliseconds in place of all of them."""
    *rest, warm = run_step(arguments)
    return (*rest, 1e3 * statistics.median(warm) if warm else float("nan"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="c2llm-mini")
    parser.add_argument("--table", default="", help="a model of the table engine")
    parser.add_argument("--complete", action="store_true")
    parser.add_argument("--only", nargs="*", help="names of repositories")
    options = parser.parse_args()
    systems = ["words", "progressive", "bm25s"]
    systems[1:1] = ["table"] if options.table else []
    systems += ["complete"] if options.complete else []
    rows: dict[str, list[tuple[int, float, float, float, float]]] = {name: [] for name in systems}
    roots = sorted(path for path in options.folder.iterdir() if path.is_dir())
    for root in roots:
        if options.only and root.name not in options.only:
            continue
        queries = queries_of(root)
        for system in systems:
            arguments = [system, str(root), options.model, options.table, queries]
            rows[system].append(measure(arguments))
        cold = ", ".join(f"{system} {rows[system][-1][1]:.2f} s" for system in systems)
        print(f"{root.name}: {rows['words'][-1][0]} chunks; {cold}", file=sys.stderr, flush=True)
    chunks = statistics.median(row[0] for row in rows["words"])
    print(f"medians over {len(rows['words'])} repositories ({chunks:.0f} chunks)\n")
    print("| system | cold s | cpu s | process s | warm ms | x bm25s |\n|---|---|---|---|---|---|")
    base = [row[1] for row in rows["bm25s"]]
    for system in systems:
        cold, cpu, process, warm = (
            statistics.median(row[i] for row in rows[system]) for i in (1, 2, 3, 4)
        )
        ratio = statistics.median(
            row[1] / other for row, other in zip(rows[system], base, strict=True)
        )
        print(f"| {system} | {cold:.2f} | {cpu:.2f} | {process:.2f} | {warm:.1f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
