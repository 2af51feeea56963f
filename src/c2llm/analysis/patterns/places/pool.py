"""Asks the filters of patterns of many files, in processes that a bad one takes along.

An expression that never ends, a query of a thousand states, a parser that crashes: whatever it is
ends one process and is told as given up, a filter that does so on several files is not asked again.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Self

from c2llm.analysis.patterns.pattern import Pattern, filter_rows
from c2llm.analysis.patterns.places.place import Place
from c2llm.analysis.patterns.places.worker import BEGUN, DONE, SECONDS, serve
from c2llm.cores import core_count
from c2llm.errors import C2LLMError, DataError
from c2llm.index.build.cut_pool import worker_command, worker_environment
from c2llm.index.build.cut_worker import receive, send
from c2llm.index.build.forked import Forked, may_fork

_MOST_WORKERS = 8
_FILES_OF_A_WORKER = 20
"""So many more files are worth another process."""
_MOST_GIVEN_UP = 3
"""Files that a pattern is given up on before it is not asked any more."""
_MOST_DEATHS = 40


@dataclass(frozen=True, slots=True)
class Asked:
    """A file and the numbers of the patterns that are looked for in it."""

    path: str
    text: str
    language: str
    patterns: Sequence[int]


@dataclass(slots=True)
class GivenUp:
    """What has not been looked at, since it took too long or crashed."""

    pairs: list[tuple[str, str]] = field(default_factory=list)
    """Path of the file and name of the pattern, "" where it is the file that cannot be parsed."""
    patterns: dict[str, int] = field(default_factory=dict)
    """Patterns that are not asked any more, and of how many files."""
    paths: set[str] = field(default_factory=set)
    """The files that something was not looked for in."""

    def names(self, patterns: Sequence[Pattern]) -> set[str]:
        """Those of some patterns that were not looked for in a file."""
        told = {name for _, name in self.pairs}
        return {one.name for one in patterns} if "" in told else told | set(self.patterns)

    def notes(self) -> Iterator[str]:
        """A sentence for each kind."""
        for path, name in self.pairs:
            what = f"the pattern {name}" if name else "any pattern"
            yield f"{path} was not searched for {what}: it takes too long."
        for name, files in self.patterns.items():
            yield (
                f"The pattern {name} was left out of {files} files after it had taken too long for "
                f"{_MOST_GIVEN_UP}; repeat no group that can match the same text in two ways."
            )


class PlacePool:
    """Processes that ask filters; close it.

    Args:
        patterns: What is looked for.
        files: How many files are expected.
        seconds: Of processor time that a filter has for a file, beside what its size takes.
    """

    def __init__(self, patterns: Sequence[Pattern], files: int, seconds: float = SECONDS) -> None:
        self._patterns = patterns
        self.given_up = GivenUp()
        self._deaths = 0
        self._counts: Counter[int] = Counter()
        count = 1 + min(files // _FILES_OF_A_WORKER, core_count() - 1, _MOST_WORKERS - 1)
        rows = [one.find and filter_rows(one.find) for one in patterns]
        self._workers = [_Worker(rows, seconds) for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.close()

    def places(self, files: Iterable[Asked]) -> Iterator[tuple[Asked, dict[int, list[Place]]]]:
        """The files in their order, each with its places by the numbers of patterns.

        Raises:
            DataError: A filter cannot be compiled.
            C2LLMError: The processes cannot be started, or die of all they are given.
        """
        waiting: deque[_Worker] = deque()
        for number, file in enumerate(files):
            worker = self._workers[number % len(self._workers)]
            if worker.file is not None:  # it is the oldest one
                waiting.popleft()
                yield worker.file, self._answer(worker)
            worker.ask(self._still(file))
            waiting.append(worker)
        for worker in waiting:
            if worker.file is not None:
                yield worker.file, self._answer(worker)

    def _still(self, file: Asked) -> Asked:
        """A file without the patterns that are not asked any more."""
        out = {one for one in file.patterns if self._counts[one] >= _MOST_GIVEN_UP}
        for one in out:
            name = self._patterns[one].name
            self.given_up.patterns[name] = self.given_up.patterns.get(name, 0) + 1
            self.given_up.paths.add(file.path)
        left = [one for one in file.patterns if one not in out]
        return Asked(file.path, file.text, file.language, left) if out else file

    def _answer(self, worker: _Worker) -> dict[int, list[Place]]:
        file = worker.file
        assert file is not None
        while True:
            try:
                found = worker.answer()
            except EOFError:
                left = self._without(worker, file)
                worker.restart()
                if left is None:
                    worker.file = None
                    return {}
                file = left
                worker.ask(file)
                continue
            except _Trouble as trouble:
                pattern = self._patterns[trouble.number]
                raise DataError(f"{pattern.source}: {trouble}.") from None
            worker.file = None
            return found

    def _without(self, worker: _Worker, file: Asked) -> Asked | None:
        """A file without what a process has just died of; None where nothing is left to ask."""
        self._deaths += 1
        number = worker.at
        if number is None:
            raise C2LLMError(
                "The process that looks for patterns cannot be started; see whether "
                f"{sys.executable} runs."
            )
        if self._deaths > _MOST_DEATHS:
            raise C2LLMError(
                f"Patterns took too long or failed on more than {_MOST_DEATHS} files, the last one "
                f"{file.path}; leave patterns of your own out, or these files (--exclude)."
            )
        self.given_up.paths.add(file.path)
        if number < 0:
            self.given_up.pairs.append((file.path, ""))
            return None
        self._counts[number] += 1
        self.given_up.pairs.append((file.path, self._patterns[number].name))
        left = [one for one in file.patterns if one != number]
        return Asked(file.path, file.text, file.language, left) if left else None


class _Trouble(Exception):
    """A filter cannot be compiled."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(why)
        self.number = number


class _Worker:
    """One process, and the file that it has."""

    def __init__(self, rows: Sequence[object], seconds: float) -> None:
        self._first = [rows, seconds]
        self.file: Asked | None = None
        self.at: int | None = None
        """What it has begun: a pattern, -1 for parsing, None for nothing yet."""
        self._begin()

    def _begin(self) -> None:
        self.at = None
        self._process: Forked | subprocess.Popen[bytes]
        if may_fork():
            self._process = Forked(serve)
        else:
            try:
                self._process = subprocess.Popen(
                    worker_command("c2llm.analysis.patterns.places.worker"),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=worker_environment(),
                )
            except OSError as error:
                raise C2LLMError(
                    f"The process that looks for patterns cannot be started ({error})."
                ) from error
        assert self._process.stdin is not None and self._process.stdout is not None
        self._requests: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout
        self._send(self._first)

    def ask(self, file: Asked) -> None:
        self.file = file
        # Halves of characters cannot be sent; each becomes one character, so that places stay.
        text = file.text.encode("utf-8", "replace").decode()
        self._send([text, file.language, list(file.patterns)])

    def answer(self) -> dict[int, list[Place]]:
        """What became of the file.

        Raises:
            EOFError: The process died of it.
            _Trouble: A filter cannot be compiled.
        """
        while True:
            kind, *said = receive(self._answers)
            if kind == BEGUN:
                self.at = said[0]
            elif kind == DONE:
                return {one: [Place(*place) for place in places] for one, places in said[0]}
            else:
                raise _Trouble(said[0], said[1])

    def restart(self) -> None:
        self.close()
        self._begin()

    def close(self) -> None:
        for stream in (self._requests, self._answers):
            with suppress(OSError):
                stream.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _send(self, message: list[object]) -> None:
        with suppress(BrokenPipeError):  # `answer` will find out
            send(self._requests, message)
