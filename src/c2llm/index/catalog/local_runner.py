"""Tasks done by processes of this machine (`Runner`).

A process that dies of a file, or is caught in it, is replaced; the files of its task are then tried
one by one, and the one that does it is named and left out.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock, Timer

from c2llm.cores import core_count
from c2llm.errors import C2LLMError
from c2llm.index.build.cut_pool import worker_command, worker_environment
from c2llm.index.build.cut_worker import receive, send
from c2llm.index.catalog.reading import pack_task, unpack_done
from c2llm.index.catalog.stages import DoneTask, ReadTask

_MOST_WORKERS = 8
_AHEAD = 2
"""Tasks that each process has or will have."""


class LocalRunner:
    """Processes that are started when there is something to do.

    Args:
        table: Name of the table model that embeds everything, None for none.
        workers: Processes, None for one a core.
        seconds: What one task may take.
    """

    def __init__(
        self, table: str | None, *, workers: int | None = None, seconds: float = 300.0
    ) -> None:
        self._table = table
        self._count = workers or min(_MOST_WORKERS, core_count())
        self._seconds = seconds

    def run(
        self, tasks: Iterable[ReadTask], stop: Callable[[], bool] = lambda: False
    ) -> Generator[DoneTask, None, None]:
        """Each task, in any order."""
        idle: SimpleQueue[_Process] = SimpleQueue()
        processes = [_Process(self._table, self._seconds) for _ in range(self._count)]
        for process in processes:
            idle.put(process)

        def do(task: ReadTask) -> DoneTask:
            process = idle.get()
            try:
                return process.do(task)
            finally:
                idle.put(process)

        waiting = iter(tasks)
        threads = ThreadPoolExecutor(self._count, thread_name_prefix="c2llm-tasks")
        pending: set[Future[DoneTask]] = set()
        try:
            while True:
                while len(pending) < _AHEAD * self._count and not stop():
                    task = next(waiting, None)
                    if task is None:
                        break
                    pending.add(threads.submit(do, task))
                if not pending:
                    return
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        finally:
            for process in processes:
                process.close()  # which ends what a thread waits for
            threads.shutdown(cancel_futures=True)


class _Process:
    """One process, started by its first task and again after each that ended it."""

    def __init__(self, table: str | None, seconds: float) -> None:
        self._arguments = () if table is None else (table,)
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        self._lock = Lock()

    def do(self, task: ReadTask) -> DoneTask:
        """A task; what ends the process is named among what failed."""
        told = self._try(task)
        if isinstance(told, DoneTask):
            return told
        done = DoneTask(task)
        if len(task.wanted) == 1:
            done.failed[task.wanted[0].path] = told
            return done
        for wanted in task.wanted:
            one = self.do(ReadTask(task.repository, task.folder, (wanted,)))
            done.contents += one.contents
            done.left_out.update(one.left_out)
            done.failed.update(one.failed)
            for model, rows in one.vectors.items():
                done.vectors.setdefault(model, {}).update(rows)
        return done

    def close(self) -> None:
        """End it; what is asked of it afterwards fails."""
        with self._lock:
            self._is_closed = True
        self._end()

    def _try(self, task: ReadTask) -> DoneTask | str:
        """What became of a task, or how it ended the process.

        Raises:
            C2LLMError: There is no process to be had.
        """
        process = self._started()
        if process is None:
            return "interrupted"
        assert process.stdin is not None and process.stdout is not None
        late = []

        def end() -> None:
            late.append(True)
            process.kill()

        timer = Timer(self._seconds, end)
        timer.daemon = True
        timer.start()
        try:
            send(process.stdin, pack_task(task))
            return unpack_done(task, receive(process.stdout))
        except (EOFError, OSError, ValueError):
            self._end()
            if late:
                return f"cannot be cut (took more than {self._seconds:.0f} s)"
            return "cannot be cut (parser crashed)"
        finally:
            timer.cancel()

    def _started(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._is_closed:
                return None
            if self._process is None:
                self._process = subprocess.Popen(
                    worker_command("c2llm.index.catalog.worker", *self._arguments),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env={**worker_environment(), "OMP_NUM_THREADS": "1"},
                )
                assert self._process.stdout is not None
                try:
                    receive(self._process.stdout)
                except EOFError:
                    raise C2LLMError(
                        "A process that cuts files cannot be started; see whether c2llm index "
                        "works on a directory."
                    ) from None
            return self._process

    def _end(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()  # it has nothing to lose
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(OSError, ValueError):
                        stream.close()
            process.wait()
