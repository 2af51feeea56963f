"""The rows of a recipe, judged by many processes, and kept where other runs find them.

A file of JSON lines is cut at line ends into shards of some megabytes; a compressed file, a Parquet
file and a data set of the hub are a shard each. A process judges a shard (`judging.py`) and writes:

    CACHE/shards/KEY.arrow   its pairs, in the layout of `pair_store.py`
    CACHE/shards/KEY.json    how many rows it has, and which were dropped and why
    CACHE/texts/KEY.npz      of a piece of a file of texts that rows name by number: a hash of each
                             text, and which repeat evaluation texts
    CACHE/evaluation/KEY/    the evaluation texts, as hashes that all processes map

KEY is a hash of the shard's bytes and of all that decides what becomes of them, so a run with the
same rows reads none again, whatever its folder, its seed or the other sources of its recipe. Files
are written beside and renamed: work that is stopped at any moment goes on with the shards that are
missing. A lock, which dies with its holder, makes a second run wait for the first.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.protocol import Progress
from c2llm.errors import C2LLMError, DataError
from c2llm.index.store.lock import holding
from c2llm.training.data.decontamination import Contamination
from c2llm.training.data.jsonl import parse_line
from c2llm.training.data.judging import Judge, Judged, JudgedTexts, judge_texts, row_format
from c2llm.training.data.pair_sources import Row, files_of, read_rows, rows_of
from c2llm.training.data.pair_store import ArrowPairs, ArrowWriter
from c2llm.training.data.stored_texts import SUFFIX, stored_texts
from c2llm.training.run.recipe import HUB, DataConfig, SourceConfig

SHARD_BYTES = 16 << 20
"""Of a file of JSON lines, about."""
VERSION = 2
"""Goes up when the same bytes would be judged or kept in another way."""

_Item = TypeVar("_Item")
OnStart = Callable[[str, int], Progress]


@dataclass(frozen=True)
class Shard:
    """Some rows of one source.

    Attributes:
        source: its number in the recipe.
        path: the file; None for a data set of the hub.
        start, end: bytes of the file; an `end` of 0 is all of it.
    """

    source: int
    path: Path | None
    start: int = 0
    end: int = 0


def judged_in_parallel(
    config: DataConfig,
    evaluation: Contamination,
    cache: Path,
    processes: int,
    *,
    on_start: OnStart = lambda what, total: lambda done: None,
) -> Callable[[int], Iterable[Judged]]:
    """Judge all rows of a recipe that no run has judged before.

    Args:
        config: what to read.
        evaluation: what must not be repeated.
        cache: holds the shards of all runs.
        processes: how many work at once.
        on_start: called with the name of the stage and the number of shards; returns its progress.

    Returns:
        The judged rows of the source with a number, from the cache.

    Raises:
        DataError: for a malformed row, naming file and line.
        C2LLMError: if a process is ended from outside.
    """
    shards = [shard for number in range(len(config.sources)) for shard in _cut(config, number)]
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = cache / "evaluation" / evaluation.fingerprint
    if not (kept / "names.json").exists():
        evaluation.save(kept)
    work = _Work(config, kept, cache / "shards", cache / "texts")
    for folder in (work.folder, work.texts):
        folder.mkdir(mode=0o700, exist_ok=True)
    with holding(work.folder, "refreshing", None):  # another run may be at the same rows
        named = _files_of_texts(shards)
        pieces = [
            (path, *piece) for path in named for piece in stored_texts(path).pieces(SHARD_BYTES)
        ]
        if pieces:
            progress = on_start("reading texts that rows name", len(pieces))
            known = _in_processes(work.judge_piece, pieces, processes, progress)
            keys_of: dict[Path, tuple[str, ...]] = dict.fromkeys(named, ())
            for (path, _, _), key in zip(pieces, known, strict=True):
                keys_of[path] += (key,)
            work = replace(work, known=tuple(keys_of.items()))
        progress = on_start("reading", len(shards))
        keys = _in_processes(partial(_judge, work), shards, processes, progress)
    of_source: dict[int, list[tuple[Shard, str]]] = {}
    for shard, key in zip(shards, keys, strict=True):
        of_source.setdefault(shard.source, []).append((shard, key))

    def judged(number: int) -> Iterator[Judged]:
        name = config.sources[number].file
        path, before = None, 0
        for shard, key in of_source.get(number, []):
            if shard.path != path:
                path, before = shard.path, 0
            facts = json.loads((work.folder / f"{key}.json").read_text(encoding="utf-8"))
            place = f"{path}:" if path is not None else ""
            for line, reason, repeats in facts["dropped"]:
                where = f"{place}{int(line) + before}" if place else f"{line}"
                yield Judged(where, None, reason, repeats)
            found = ArrowPairs(work.folder / f"{key}.arrow")
            for pair, (line, gone) in zip(found, facts["kept"], strict=True):
                where = f"{place}{int(line) + before}" if place else f"{name}: {line}"
                yield Judged(where, pair, negatives_dropped=gone)
            before += facts["lines"]

    return judged


def _cut(config: DataConfig, number: int) -> list[Shard]:
    """The shards of a source, in order."""
    source = config.sources[number]
    if source.file.startswith(HUB):
        return [Shard(number, None)]
    shards: list[Shard] = []
    for path in files_of(source.file, Path(config.root)):
        size = path.stat().st_size
        if path.suffix in (".gz", ".parquet") or size <= SHARD_BYTES:
            shards.append(Shard(number, path))
            continue
        with path.open("rb") as stream:
            start = 0
            while start < size:
                stream.seek(min(start + SHARD_BYTES, size))
                stream.readline()
                shards.append(Shard(number, path, start, stream.tell()))
                start = stream.tell()
    return shards


def _files_of_texts(shards: Iterable[Shard]) -> list[Path]:
    """The files of texts that first rows name; what later rows name is looked at with them."""
    found: dict[Path, None] = {}
    for path in dict.fromkeys(shard.path for shard in shards if shard.path is not None):
        with suppress(DataError):  # told when that row is judged
            for _, row in islice(read_rows(path), 1):
                name = row.get("documents")
                if isinstance(name, str) and (path.parent / name).is_file():
                    found[path.parent / name] = None
    return list(found)


@dataclass(frozen=True)
class _Work:
    """What every process needs to know.

    Attributes:
        config: what is read.
        evaluation: the folder of the evaluation texts.
        folder: where judged shards are kept.
        texts: where judged pieces of files of texts are kept.
        known: the files of texts that are judged, and the keys of their pieces.
    """

    config: DataConfig
    evaluation: Path
    folder: Path
    texts: Path
    known: tuple[tuple[Path, tuple[str, ...]], ...] = ()

    def judge_piece(self, piece: tuple[Path, int, int]) -> str:
        """Judge texts of a file, from a number up to another, if that is not done."""
        path, first, last = piece
        stored = stored_texts(path)
        digest = hashlib.blake2b(f"{VERSION} {self.evaluation.name}\n".encode(), digest_size=20)
        digest.update(stored.content(first, last))
        kept = self.texts / f"{digest.hexdigest()}.npz"
        if not kept.exists():
            hashes, repeating = judge_texts(stored, first, last, _evaluation(self.evaluation))
            part = kept.with_suffix(f".{os.getpid()}.part")
            with part.open("wb") as stream:
                places = np.array(repeating, np.int64) - first
                np.savez(stream, hashes=hashes, repeating=places, allow_pickle=False)
            part.replace(kept)
        return kept.stem

    def judge(self, shard: Shard) -> str:
        """Judge a shard if that is not done; returns its key."""
        source = self.config.sources[shard.source]
        content = _content(shard)
        key = self._key(shard, source, content)
        if not (self.folder / f"{key}.json").exists():
            self._write(key, shard, source, content)
        return key

    def _key(self, shard: Shard, source: SourceConfig, content: bytes | None) -> str:
        digest = hashlib.blake2b(digest_size=20)
        # Neither what the source is called in the recipe nor how it is drawn from changes a pair.
        judged = replace(source, file=source.dataset, weight=1.0, loss_weight=1.0, cap=None)
        settings = [VERSION, asdict(judged), asdict(row_format(source, self.config))]
        settings += [self.evaluation.name, _facts(shard, source, Path(self.config.root))]
        digest.update(json.dumps(settings, sort_keys=True).encode())
        if content is not None:
            digest.update(content)
        elif shard.path is not None:
            with shard.path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, hashlib.blake2b).digest())
        return digest.hexdigest()

    def _write(self, key: str, shard: Shard, source: SourceConfig, content: bytes | None) -> None:
        lines = 0
        dropped: list[tuple[str | int, str, str]] = []
        kept: list[tuple[str | int, int]] = []
        # Two runs may be at the same shard.
        writer = ArrowWriter(self.folder / f"{key}.arrow", part=f".{os.getpid()}.part")

        def counted() -> Iterator[tuple[str, Row]]:
            nonlocal lines
            rows = _rows(shard, source, Path(self.config.root), content)
            for number, where, row in rows:
                lines = number
                yield where, row

        try:
            texts = _known_texts(self.texts, self.known)
            judge = Judge(source, self.config, _evaluation(self.evaluation), texts)
            for row in judge.judge(counted()):
                number = row.where.rpartition(":")[2]
                line = int(number) if shard.path is not None else row.where
                if row.pair is None:
                    dropped.append((line, row.reason, row.repeats))
                else:
                    kept.append((line, row.negatives_dropped))
                    writer.append(row.pair)
            writer.finish()
        except BaseException:
            writer.discard()
            raise
        count = content.count(b"\n") if content is not None else lines
        facts = {"lines": count, "dropped": dropped, "kept": kept}
        part = self.folder / f"{key}.json.{os.getpid()}.part"
        part.write_text(json.dumps(facts), encoding="utf-8")
        part.replace(self.folder / f"{key}.json")


def _content(shard: Shard) -> bytes | None:
    """The bytes of a shard of JSON lines; None where it is read in another way."""
    if shard.path is None or shard.path.suffix in (".gz", ".parquet"):
        return None
    with shard.path.open("rb") as stream:
        stream.seek(shard.start)
        return stream.read(shard.end - shard.start if shard.end else -1)


def _facts(shard: Shard, source: SourceConfig, root: Path) -> list[object]:
    """What decides about a shard and is not in its bytes."""
    if shard.path is None:
        local = root / source.file.removeprefix(HUB)
        files = sorted(p for p in local.rglob("*") if p.is_file()) if local.is_dir() else []
        return [source.file, *([str(p), p.stat().st_size, p.stat().st_mtime_ns] for p in files)]
    texts = sorted(shard.path.parent.glob(f"*{SUFFIX}"))
    return [[str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns] for p in texts]


def _rows(
    shard: Shard, source: SourceConfig, root: Path, content: bytes | None
) -> Iterator[tuple[int, str, Row]]:
    """Rows with their number in the shard, and where they stand."""
    if shard.path is None:
        for number, (where, row) in enumerate(rows_of(source, root), 1):
            yield number, where, row
        return
    if content is None:
        for number, row in read_rows(shard.path):
            yield number, f"{shard.path}:{number}", row
        return
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            where = f"{shard.path}:{number}"  # of the shard; `_judge` adds what stands before it
            yield number, where, parse_line(line, where)


def _lines_before(shard: Shard) -> int:
    assert shard.path is not None
    with shard.path.open("rb") as stream:
        return stream.read(shard.start).count(b"\n")


@lru_cache(maxsize=1)
def _evaluation(folder: Path) -> Contamination:
    return Contamination.load(folder)


@lru_cache(maxsize=1)
def _known_texts(
    folder: Path, known: tuple[tuple[Path, tuple[str, ...]], ...]
) -> dict[Path, JudgedTexts]:
    found = {}
    for path, keys in known:
        hashes: list[NDArray[np.uint64]] = []
        repeating: set[int] = set()
        before = 0
        for key in keys:
            with np.load(folder / f"{key}.npz", allow_pickle=False) as piece:
                hashes.append(piece["hashes"])
                repeating.update((piece["repeating"] + before).tolist())
            before += len(hashes[-1])
        found[path] = JudgedTexts(np.concatenate(hashes), frozenset(repeating))
    return found


def _in_processes(
    function: Callable[[_Item], str], items: Sequence[_Item], processes: int, progress: Progress
) -> list[str]:
    """What a function gives for each item."""
    processes = max(1, min(processes, len(items)))
    if processes == 1:
        found = []
        for item in items:
            found.append(function(item))
            progress(1)
        return found
    # Not forked: a process of torch, tokenizers and Arrow has threads.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin)
    try:
        with _interrupts_held():  # processes are born with them held, before `_begin` is reached
            futures = [pool.submit(function, item) for item in items]
        for future in futures:
            future.add_done_callback(lambda done: progress(1))
        wait(futures, return_when=FIRST_EXCEPTION)
        return [future.result() for future in futures]
    except BrokenProcessPool as error:
        raise C2LLMError(
            "A process that reads the data was ended from outside, perhaps for want of memory: "
            "give the same command again, which goes on from there."
        ) from error
    finally:
        # Shards that are begun are finished; those that wait are left for the next time.
        pool.shutdown(wait=True, cancel_futures=True)


def _judge(work: _Work, shard: Shard) -> str:
    try:
        return work.judge(shard)
    except DataError as error:
        raise DataError(_whole_place(str(error), shard)) from None


def _whole_place(message: str, shard: Shard) -> str:
    """A message that names a line of the shard, with the line of the file."""
    if shard.path is None or not shard.start:
        return message
    name = f"{shard.path}:"
    head, found, rest = message.partition(name)
    number = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    if not found or not number:
        return message
    return f"{head}{name}{int(number) + _lines_before(shard)}{rest[len(number) :]}"


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C comes when the block has ended; Windows has no such thing."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """Ctrl-C is for the process that waits; it lets begun shards be finished."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
