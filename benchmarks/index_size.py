"""What an index takes on disk, table by table, and what reading its texts and vectors costs.

    python benchmarks/index_size.py REPOSITORY [--model c2llm-nano]

The repository is indexed first, with all vectors of the model, in the cache that C2LLM_HOME names.
Processor time is that of this process, the least of the rounds.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable

from c2llm.index.store.sqlite_store import SqliteStore
from c2llm.search.code_index import CodeIndex

HITS = 10
CANDIDATES = 200


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """Processor time of a piece of work."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository")
    parser.add_argument("--model", default="c2llm-nano")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with CodeIndex.open(options.repository, model=options.model, embed="all") as index:
        index.complete()
        file, counts = index.file, index.counts()
    store = SqliteStore(file)
    texts = dict(store.texts())
    source = sum(len(text.encode()) for text in texts.values())
    sizes = store.table_sizes()
    total = sum(size for _, size in sizes)
    print(f"{counts.files} files, {counts.chunks} chunks, {source / 1e6:.1f} MB of text\n")
    print("| table | MB | of the index |\n|---|---:|---:|")
    for name, size in sizes:
        if size >= total / 1_000:
            print(f"| {name} | {size / 1e6:.2f} | {size / total:.1%} |")
    print(f"| all | {total / 1e6:.2f} | {total / source:.2f} of the text |\n")
    some = random.Random(0).sample(sorted(texts), min(CANDIDATES, len(texts)))
    model = store.model_id(options.model)
    work: dict[str, Callable[[], object]] = {
        f"text of {HITS} chunks": lambda: store.chunks(some[:HITS]),
        f"facts of {len(some)} chunks": lambda: store.facts(some),
        "all texts": lambda: sum(1 for _ in store.texts()),
        "all texts with a word that none has": lambda: sum(1 for _ in store.texts(["\0no\0"])),
        "all vectors": lambda: len(store.vectors(model[0])) if model else 0,
    }
    print("| read | ms |\n|---|---:|")
    for name, read in work.items():
        print(f"| {name} | {milliseconds(read, options.rounds):.2f} |")
    store.close()


if __name__ == "__main__":
    main()
