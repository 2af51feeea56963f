"""How much of many repositories is there more than once, and what a shard that sees less pays.

    python benchmarks/duplicate_share.py REPOSITORY... --work FOLDER [--json FILE]

Each repository, a git directory or a work tree, is read as it is at HEAD (a work tree: on disk) and
cut as the index cuts it. What was found of one is kept in FOLDER, so that a run that was broken off
goes on; the reading is niced. A content is the bytes of a source file and the language they are
taken for; a text is what is embedded for a chunk: a header with the path inside the repository, the
scope and the signature, then the code.

The first table counts what is there again within one repository and in another. `vectors` is what a
catalog embeds: the texts of contents, each read once, for the place it was first found in. The
second draws repositories in random orders: what does the next one bring that is new? The third
names the pairs that share most. The last deals repositories out to shards that know nothing of each
other: by the hash of each content, by the hash of the repository's name, and the largest repository
first to the emptiest shard.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c2llm.codebase.files.walk import list_files
from c2llm.codebase.git import Git, is_git_directory
from c2llm.codebase.revisions.unpacked import checked_out
from c2llm.index.build.cutting import content_hash, cut_file
from c2llm.index.build.cutting import text_hash as hash_of

Ids = NDArray[np.uint64]
SIZES = (1, 3, 10, 30, 100, 300)
SHARDS = (4, 16, 64)
PAIRS = 12
_COLUMNS = 20_000
"""Shared texts that are compared at once."""


@dataclass(frozen=True)
class Found:
    """What one repository has; ids are the first eight bytes of a hash."""

    blobs: Ids
    blob_bytes: NDArray[np.uint32]
    contents: Ids
    content_bytes: NDArray[np.uint32]
    content_chunks: NDArray[np.uint32]
    """Chunks of each content; the three below are in the order of the contents."""
    codes: Ids
    """Of each chunk, what it is without its header."""
    texts: Ids
    """Of each chunk, what is embedded for it."""
    text_bytes: NDArray[np.uint32]
    cpu: NDArray[np.float64]
    """Seconds: of writing the files out, of cutting them."""


def find(repository: Path) -> Found:
    """Read and cut a repository."""
    start = time.process_time()
    blobs = list(_blobs(repository))
    contents, texts = [], []
    with checked_out(repository) as folder:
        files = list_files(folder).files
        middle = time.process_time()
        for file in files:
            cut = cut_file(file)
            if cut.skipped:
                continue
            content = _id(content_hash(cut.digest + cut.language.encode()))
            contents.append((content, file.size, len(cut.chunks)))
            for one in cut.chunks:
                code = one.chunk.text
                size = len(code.encode("utf-8", "surrogateescape"))
                texts.append((_id(hash_of(code)), _id(one.embedded_hash), size))
        end = time.process_time()
    blob_table, content_table, text_table = map(_table, (blobs, contents, texts))
    return Found(
        blobs=blob_table[:, 0],
        blob_bytes=blob_table[:, 1].astype(np.uint32),
        contents=content_table[:, 0],
        content_bytes=content_table[:, 1].astype(np.uint32),
        content_chunks=content_table[:, 2].astype(np.uint32),
        codes=text_table[:, 0],
        texts=text_table[:, 1],
        text_bytes=text_table[:, 2].astype(np.uint32),
        cpu=np.array([middle - start, end - middle]),
    )


def _blobs(repository: Path) -> Iterator[tuple[int, int, int]]:
    """Id and bytes of all regular files at HEAD."""
    git = Git(repository, bare=is_git_directory(repository))
    for entry in git.run("ls-tree", "-r", "-z", "-l", "--full-tree", "HEAD").split(b"\0"):
        head = entry.split(b"\t")[0].split()
        if len(head) == 4 and head[0].startswith(b"10") and head[3].isdigit():
            yield int(head[2][:16], 16), min(int(head[3]), 2**32 - 1), 0


def _id(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "big")


def _table(rows: list[tuple[int, int, int]]) -> Ids:
    return np.array(rows, dtype=np.uint64).reshape(-1, 3)


def kept(repository: Path, work: Path) -> Path:
    """Find what a repository has, unless the file of it is there, and name the file."""
    file = work / f"{repository.name}.npz"
    if not file.exists():
        found = find(repository)
        part = work / f"{repository.name}.part.npz"
        np.savez_compressed(part, **{f.name: getattr(found, f.name) for f in fields(Found)})
        part.replace(file)
    return file


def read_all(repositories: Sequence[Path], work: Path, processes: int) -> dict[str, Found]:
    """Find or load what each repository has, by its name."""
    work.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes, initializer=os.nice, initargs=(10,)) as pool:
        waiting = {pool.submit(kept, one, work): one for one in repositories}
        for count, done in enumerate(as_completed(waiting), 1):
            done.result()
            print(f"\r{count} of {len(waiting)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    found = {}
    for repository in sorted(repositories, key=lambda one: one.name):
        with np.load(work / f"{repository.name}.npz") as file:
            found[repository.name] = Found(**{f.name: file[f.name] for f in fields(Found)})
    return found


# -- what is there again ---------------------------------------------------------------------------


def shares(
    ids: Sequence[Ids], weights: Sequence[NDArray[np.uint32]] | None = None
) -> dict[str, float]:
    """How many there are, in each repository, and in all, by number or by weight."""
    if weights is None:
        weights = [np.ones(len(one), np.uint32) for one in ids]
    total = sum(int(one.sum(dtype=np.int64)) for one in weights)
    own = 0
    for one, weight in zip(ids, weights, strict=True):
        own += int(weight[np.unique(one, return_index=True)[1]].sum(dtype=np.int64))
    first = np.unique(np.concatenate(ids), return_index=True)[1]
    distinct = int(np.concatenate(weights)[first].sum(dtype=np.int64))
    return {
        "all": total,
        "distinct": distinct,
        "again within": (total - own) / total,
        "again elsewhere": (own - distinct) / total,
    }


def vectors(found: Sequence[Found]) -> tuple[int, int]:
    """Chunks of all files, and the texts of contents that are each read once, in this order."""
    contents = np.concatenate([one.contents for one in found])
    chunks = np.concatenate([one.content_chunks for one in found])
    texts = np.concatenate([one.texts for one in found])
    is_first = np.zeros(len(contents), bool)
    is_first[np.unique(contents, return_index=True)[1]] = True
    return len(texts), len(np.unique(texts[np.repeat(is_first, chunks)]))


def growth(found: Sequence[Found], orders: int) -> dict[int, list[float]]:
    """For each number of repositories, vectors per chunk in random orders."""
    told: dict[int, list[float]] = {}
    for seed in range(orders):
        order = random.Random(seed).sample(range(len(found)), len(found))
        for size in {*(s for s in SIZES if s < len(found)), len(found)}:
            total, distinct = vectors([found[i] for i in order[:size]])
            told.setdefault(size, []).append(distinct / max(total, 1))
    return dict(sorted(told.items()))


def pairs(found: dict[str, Found]) -> list[tuple[str, str, int, float]]:
    """The pairs that share most of the smaller one: names, codes in both, their share of it."""
    names = list(found)
    own = [np.unique(found[name].codes) for name in names]
    ids, counts = np.unique(np.concatenate(own), return_counts=True)
    shared = ids[counts > 1]
    common = np.zeros((len(names), len(names)), np.float64)
    for start in range(0, len(shared), _COLUMNS):
        part = shared[start : start + _COLUMNS]
        has = np.stack([np.isin(part, one, assume_unique=True) for one in own]).astype(np.float32)
        common += has @ has.T
    told = []
    for i, j in combinations(range(len(names)), 2):
        smaller = min(len(own[i]), len(own[j]))
        if smaller:
            told.append((names[i], names[j], int(common[i, j]), common[i, j] / smaller))
    return sorted(told, key=lambda row: (-row[3], row[:2]))


# -- shards ----------------------------------------------------------------------------------------


def sharded(found: dict[str, Found], shards: int) -> dict[str, tuple[float, float]]:
    """For each way to deal out: vectors of all shards to those of one store, fullest to mean."""
    names = list(found)
    whole = vectors(list(found.values()))[1]
    by_name = [zlib.crc32(name.encode()) % shards for name in names]
    by_size, loads = [0] * len(names), [0] * shards
    for i in sorted(range(len(names)), key=lambda i: -len(found[names[i]].texts)):
        by_size[i] = loads.index(min(loads))
        loads[by_size[i]] += len(found[names[i]].texts)
    ways = {
        "by content": _by_content(list(found.values()), shards),
        "by repository": _by_repository(found, by_name, shards),
        "by size": _by_repository(found, by_size, shards),
    }
    return {
        way: (sum(held) / whole, max(held) / (sum(held) / shards)) for way, held in ways.items()
    }


def _by_content(found: Sequence[Found], shards: int) -> list[int]:
    texts = np.concatenate([one.texts for one in found])
    shard = np.concatenate([np.repeat(one.contents, one.content_chunks) for one in found])
    contents = np.concatenate([one.contents for one in found])
    is_first = np.zeros(len(contents), bool)
    is_first[np.unique(contents, return_index=True)[1]] = True
    read = np.repeat(is_first, np.concatenate([one.content_chunks for one in found]))
    return [len(np.unique(texts[read & (shard % shards == one)])) for one in range(shards)]


def _by_repository(found: dict[str, Found], of: Sequence[int], shards: int) -> list[int]:
    held = []
    for shard in range(shards):
        mine = [one for one, place in zip(found.values(), of, strict=True) if place == shard]
        held.append(vectors(mine)[1] if mine else 0)
    return held


# -- told ------------------------------------------------------------------------------------------


def report(found: dict[str, Found], orders: int) -> dict[str, object]:
    """Print the tables and return what is in them."""
    ones = list(found.values())
    rows = {
        "files at HEAD": shares([one.blobs for one in ones]),
        "their bytes": shares([one.blobs for one in ones], [one.blob_bytes for one in ones]),
        "source files (contents)": shares([one.contents for one in ones]),
        "bytes of source": shares(
            [one.contents for one in ones], [one.content_bytes for one in ones]
        ),
        "chunks, by their code": shares([one.codes for one in ones]),
        "chunks, by their text": shares([one.texts for one in ones]),
    }
    total, distinct = vectors(ones)
    cpu = np.sum([one.cpu for one in ones], axis=0)
    print(f"{len(ones)} repositories; written out in {cpu[0]:,.0f}, cut in {cpu[1]:,.0f} CPU s\n")
    print("| what | all | distinct | again within one | again in another |\n|---|--:|--:|--:|--:|")
    for name, row in rows.items():
        print(
            f"| {name} | {row['all']:,.0f} | {row['distinct']:,.0f} "
            f"| {row['again within']:.1%} | {row['again elsewhere']:.1%} |"
        )
    print(
        f"| vectors, contents read once | {total:,} | {distinct:,} | {1 - distinct / total:.1%} | |"
    )
    grown = growth(ones, orders)
    print(f"\n| repositories | vectors a chunk, mean of {orders} orders | lowest | highest |")
    print("|--:|--:|--:|--:|")
    for size, values in grown.items():
        print(f"| {size} | {np.mean(values):.3f} | {min(values):.3f} | {max(values):.3f} |")
    close = pairs(found)
    print("\n| two that share | codes in both | of the smaller |\n|---|--:|--:|")
    for one, other, count, share in close[:PAIRS]:
        print(f"| {one}, {other} | {count:,} | {share:.0%} |")
    print("\n| shards | dealt out | vectors to those of one store | fullest to mean |")
    print("|--:|---|--:|--:|")
    dealt = {shards: sharded(found, shards) for shards in SHARDS}
    for shards, ways in dealt.items():
        for way, (cost, balance) in ways.items():
            print(f"| {shards} | {way} | {cost:.3f} | {balance:.2f} |")
    return {
        "repositories": list(found),
        "cpu": {"written out": cpu[0], "cut": cpu[1]},
        "counts": rows,
        "vectors": {"chunks": total, "distinct": distinct},
        "text bytes": sum(int(one.text_bytes.sum(dtype=np.int64)) for one in ones),
        "growth": grown,
        "pairs": close[: 4 * PAIRS],
        "shards": dealt,
    }


def main() -> None:
    """Read the repositories, then print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repositories", type=Path, nargs="+", metavar="REPOSITORY")
    parser.add_argument("--work", type=Path, required=True, help="what was found of each is kept")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--orders", type=int, default=10)
    parser.add_argument("--json", type=Path, help="where the numbers are written")
    options = parser.parse_args()
    found = read_all(options.repositories, options.work, options.processes)
    told = report(found, options.orders)
    if options.json:
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
