"""A regular expression over the text of chunks, which no pattern can make last for ever.

Python's `re` tries alternatives one after another, and `(a|a)*b` has more of them than there are
atoms; which patterns do that cannot be told by looking at them. So whatever is more than a literal
runs in a process of its own (`pattern_worker`), one a search, which ends itself when its time is
up. Text that lacks a literal part that every match has is never sent there.
"""

from __future__ import annotations

import marshal
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any, Self

from c2llm.errors import C2LLMError, UsageError

SECONDS = 10.0
"""What a pattern is given for all chunks of a search together, beside what honest ones need."""
_LONGEST = 1000
_BATCH_CHARACTERS = 2_000_000
_HALVES = re.compile("[\ud800-\udfff]")
_REPEATS = (
    _constants.MAX_REPEAT,
    _constants.MIN_REPEAT,
    _constants.POSSESSIVE_REPEAT,
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that has been read and not compiled; `^` and `$` stand for the ends of a line."""

    text: str
    required: tuple[str, ...]
    """Literal parts that whatever it matches has."""
    literal: bool
    """It is the first of `required` and nothing else."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern.

        Raises:
            UsageError: it is not a regular expression, or a very long one.
        """
        if len(text) > _LONGEST:
            raise UsageError(
                f"The pattern has {len(text)} characters; at most {_LONGEST} are allowed."
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what may mean a set in a later Python
                tree = _parser.parse(text, re.MULTILINE)
            _require_fixed_width(tree)
        except (re.error, RecursionError, OverflowError) as error:
            raise _not_a_pattern(text, str(error)) from error
        if tree.state.flags & re.IGNORECASE:
            return cls(text, (), literal=False)
        literal = all(operation is _constants.LITERAL for operation, _ in tree)
        required = tuple(dict.fromkeys(_required(tree)))
        if any(map(_HALVES.search, required)):
            raise _not_a_pattern(text, "no text has half a character")
        return cls(text, required or ("",) if literal else required, literal)

    def may_match(self, text: str) -> bool:
        """Whether a text has every literal part of the pattern."""
        return all(part in text for part in self.required)


class PatternSearch:
    """One search for a pattern, in as many indexes as are asked; close it.

    A process is started when the first text is met that a literal part does not decide.
    """

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        process.wait()

    @property
    def required(self) -> tuple[str, ...]:
        """Strings that a text without which need not be given to `matching`."""
        return self._pattern.required

    def matching(self, texts: Iterable[tuple[int, str]]) -> set[int]:
        """The numbers of the texts in which the pattern finds something.

        Raises:
            C2LLMError: it took too long, or the process could not be started.
            UsageError: it cannot be compiled.
        """
        undecided = ((number, text) for number, text in texts if self._pattern.may_match(text))
        if self._pattern.literal:
            return {number for number, _ in undecided}
        found: set[int] = set()
        for batch in self._batches(undecided):
            found.update(batch[position][0] for position in self._ask([text for _, text in batch]))
        return found

    def _batches(self, texts: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
        batch: list[tuple[int, str]] = []
        size = 0
        for number, text in texts:
            if self._process is None:
                self._start()  # now, so that it starts while the texts are read
            batch.append((number, text))
            size += len(text)
            if size >= _BATCH_CHARACTERS:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _start(self) -> None:
        worker = Path(__file__).with_name("pattern_worker.py")
        try:
            # Isolated and without site: it needs nothing but the standard library, and so starts
            # in some hundredths of a second.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-W", "ignore", str(worker)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, ValueError) as error:  # an embedded interpreter has no executable
            raise C2LLMError(
                f"The pattern needs a process of its own, which cannot be started ({error}); "
                "leave --regex out, or give plain text without special characters."
            ) from error
        self._started = time.monotonic()
        self._send((self._pattern.text, SECONDS))

    def _send(self, message: Any) -> None:
        assert self._process is not None and self._process.stdin is not None
        with suppress(BrokenPipeError):  # whoever reads the answer will find out
            self._process.stdin.write(marshal.dumps(message))
            self._process.stdin.flush()

    def _ask(self, texts: Sequence[str]) -> list[int]:
        """Positions of the texts that match."""
        assert self._process is not None and self._process.stdout is not None
        self._send(texts)
        text = self._pattern.text
        try:
            answer: list[int] | str = marshal.load(self._process.stdout)
        except (EOFError, ValueError, TypeError) as error:
            if time.monotonic() - self._started < SECONDS:
                raise C2LLMError(
                    f"The process that looks for the pattern {text!r} has died; try again, or "
                    "give a simpler one."
                ) from error
            raise C2LLMError(
                f"The pattern {text!r} takes more than {SECONDS:g} s; "
                "repeat no group that can match the same text in two ways."
            ) from error
        if isinstance(answer, str):
            raise _not_a_pattern(text, answer)
        return answer


def _not_a_pattern(text: str, why: str) -> UsageError:
    return UsageError(f"{text!r} is not a regular expression: {why}.")


def _required(tree: Any) -> Iterator[str]:
    """The runs of literal characters that every match has, in the order of the pattern."""
    run: list[str] = []
    for operation, argument in tree:
        if operation is _constants.LITERAL:
            run.append(chr(argument))
            continue
        if run:
            yield "".join(run)
            run = []
        if operation is _constants.SUBPATTERN and not argument[1] & re.IGNORECASE:
            yield from _required(argument[3])
        elif operation is _constants.ATOMIC_GROUP:
            yield from _required(argument)
        elif operation in _REPEATS and argument[0] > 0:
            yield from _required(argument[2])
    if run:
        yield "".join(run)


def _require_fixed_width(tree: Any) -> None:
    """Refuse what only compiling would: a look behind whose length varies."""
    pending: list[Any] = [tree]
    while pending:
        value = pending.pop()
        if isinstance(value, _parser.SubPattern):
            pending += list(value)
        elif isinstance(value, tuple | list):
            if len(value) == 2 and value[0] in (_constants.ASSERT, _constants.ASSERT_NOT):
                direction, inner = value[1]
                least, most = inner.getwidth()
                if direction < 0 and least != most:
                    raise re.error("look-behind requires fixed-width pattern")
            pending += list(value)
