"""Cut many files on all cores, in other processes, and answer in the order of the files.

Processes because tree-sitter's Python binding and the counting of words both hold the interpreter's
lock. They are started as plain commands, so that threads of the caller are safe, or forked where it
has none (`forked`). A parser that crashes on a hostile file takes its worker along and not the
index. A command costs some 0.15 s to start, so that little work is done right here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from c2llm.codebase.files.walk import SourceFile
from c2llm.cores import core_count
from c2llm.home import child_environment
from c2llm.index.build.cut_worker import receive, send, serve
from c2llm.index.build.cutting import CutFile, cut_file, pack_request, unpack_answer
from c2llm.index.build.forked import Forked, may_fork

PARALLEL_BYTES = 600_000
"""From here on there is work for a process a core, though each has to start."""
BESIDE_BYTES = 150_000
"""From here on others cut while this one loads models and embeds what has been cut."""
_MOST_WORKERS = 8
_BATCH_BYTES = 120_000
_BATCH_PATHS = 8_000
"""Characters of paths in a batch: two requests have to fit into a pipe, or we would wait for a
worker that waits for us to read its answer."""
_PIPE_BYTES = 1 << 20
"""Of a pipe for answers: who cuts goes on while we embed what the last one holds."""
_AHEAD = 2
"""Batches that each worker has at once, so that it never waits for its next one."""


def cut_files(
    files: Sequence[SourceFile], known: dict[str, bytes], *, workers: int | None = None
) -> Iterator[CutFile]:
    """Cut files, in their order; where other processes do, they have begun when this returns.

    Args:
        files: What to read.
        known: Hashes of the files that the index has; a file that still has these bytes is not cut.
        workers: Processes; None for one a core where there is enough to do, 0 for none.
    """
    if workers is None:
        workers = _workers_for(sum(file.size for file in files))
    if workers > 0 and sys.executable:
        return _Pool(workers, files, known).run()
    return (cut_file(file, known.get(file.path, b"")) for file in files)


def _workers_for(size: int) -> int:
    """How many processes so many bytes are worth."""
    if size >= PARALLEL_BYTES or (size >= BESIDE_BYTES and may_fork()):
        return min(_MOST_WORKERS, core_count())
    return int(size >= BESIDE_BYTES and core_count() > 1)


def worker_command(module: str, *arguments: str) -> list[str]:
    """Another interpreter that runs a module of ours.

    With -P, since otherwise the current directory, a hostile repository perhaps, would come first
    where modules are looked for.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def worker_environment() -> dict[str, str]:
    """The environment in which that interpreter finds this very package and our indexes."""
    package = str(Path(__file__).resolve().parents[3])
    known = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    path = os.pathsep.join([package, *known])
    return {**os.environ, **child_environment(), "PYTHONPATH": path}


def left_alone(module: str, *arguments: str, folder: Path, **variables: str) -> bool:
    """Start another interpreter that runs a module of ours and outlives us; whether it started.

    Args:
        module: Its name.
        arguments: What it is given.
        folder: Where it works, which must not be a directory that is searched.
        variables: Of its environment, beside those of `worker_environment`.
    """
    try:
        subprocess.Popen(
            worker_command(module, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**worker_environment(), **variables},
            cwd=folder,
            start_new_session=True,
        )
    except OSError:
        return False
    return True


class _Worker:
    """One process and the batches that it has to answer."""

    def __init__(self) -> None:
        self.pending: deque[list[SourceFile]] = deque()
        self._process: Forked | subprocess.Popen[bytes]
        if may_fork():
            self._process = Forked(serve)
        else:
            self._process = subprocess.Popen(
                worker_command("c2llm.index.build.cut_worker"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=worker_environment(),
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout
        _widen(self._answers)

    def ask(self, files: list[SourceFile], known: dict[str, bytes]) -> None:
        self.pending.append(files)
        with suppress(BrokenPipeError):  # `answer` will find out
            send(self._requests, pack_request(files, known))

    def ready(self) -> bool:
        """Wait until it has started; False when it cannot."""
        try:
            receive(self._answers)
        except EOFError:
            return False
        return True

    def answer(self) -> list[CutFile]:
        """What became of the oldest batch; EOFError when the process died of it."""
        return unpack_answer(receive(self._answers))

    def close(self) -> None:
        for stream in (self._requests, self._answers):
            with suppress(BrokenPipeError):
                stream.close()
        if self._process.poll() is None:
            self._process.kill()  # it has nothing to lose
        self._process.wait()


class _Pool:
    """Workers in a ring: batch i is cut by worker i modulo their number."""

    def __init__(self, workers: int, files: Sequence[SourceFile], known: dict[str, bytes]) -> None:
        self._files = files
        self._known = known
        self._batches = _batches(files)
        self._workers = [_Worker() for _ in range(workers)]
        for _ in range(_AHEAD):
            for worker in self._workers:
                self._feed(worker)

    def close(self) -> None:
        for worker in self._workers:
            worker.close()

    def run(self) -> Iterator[CutFile]:
        """Cut the files, in their order."""
        try:
            if all(worker.ready() for worker in self._workers):
                yield from self._answers()
            else:
                for file in self._files:  # an interpreter that cannot start itself again
                    yield cut_file(file, self._known.get(file.path, b""))
        finally:
            self.close()

    def _answers(self) -> Iterator[CutFile]:
        turn, count = 0, len(self._workers)
        while self._workers[turn % count].pending:
            place = turn % count
            worker = self._workers[place]
            batch = worker.pending[0]
            try:
                answer = worker.answer()
            except EOFError:
                yield from self._survive(place, batch)
                worker = self._workers[place]
            else:
                worker.pending.popleft()
                yield from answer
            self._feed(worker)
            turn += 1

    def _feed(self, worker: _Worker) -> None:
        batch = next(self._batches, None)
        if batch is not None:
            worker.ask(batch, self._known)

    def _survive(self, place: int, batch: list[SourceFile]) -> Iterator[CutFile]:
        """Cut the batch that killed a worker file by file, and name the one that does."""
        later = list(self._workers[place].pending)[1:]
        self._restart(place)
        for file in batch:
            self._workers[place].ask([file], self._known)
            try:
                yield from self._workers[place].answer()
                self._workers[place].pending.popleft()
            except EOFError:
                # Its hash stays unknown, so that it is tried again when it has changed.
                yield CutFile(file.path, file.language, skipped="cannot be cut (parser crashed)")
                self._restart(place)
        for waiting in later:
            self._workers[place].ask(waiting, self._known)

    def _restart(self, place: int) -> None:
        self._workers[place].close()
        self._workers[place] = _Worker()
        self._workers[place].ready()


def _widen(pipe: IO[bytes]) -> None:
    """Let a pipe hold a whole answer, where the system allows it."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _batches(files: Sequence[SourceFile]) -> Iterator[list[SourceFile]]:
    batch: list[SourceFile] = []
    size = paths = 0
    for file in files:
        batch.append(file)
        size += file.size
        paths += 100 + 2 * len(file.path) + len(file.root)
        if size >= _BATCH_BYTES or paths >= _BATCH_PATHS:
            yield batch
            batch, size, paths = [], 0, 0
    if batch:
        yield batch
