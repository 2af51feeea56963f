"""A regular expression over the text of all chunks, which no pattern can make last for ever.

Python's `re` tries alternatives one after another, and `(a+)+b` has more of them than there are
atoms. A pattern without nested or several unbounded repetitions cannot do that to a chunk of two
thousand characters; it runs here. Any other runs in a process of its own that is ended when its
time is up.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

from c2llm.errors import C2LLMError, UsageError

if TYPE_CHECKING:
    from c2llm.index.store.chunk_store import ChunkStore

SECONDS = 10.0
"""What a pattern that may explode is given for all chunks together."""
_LONGEST = 1000
_MANY = 32
"""A repetition of up to more than this counts as unbounded."""
_CHILD = """
import json, re, sys
pattern = re.compile(json.loads(sys.stdin.readline()), re.MULTILINE)
found = []
for line in sys.stdin:
    number, text = json.loads(line)
    if pattern.search(text):
        found.append(number)
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern; `^` and `$` stand for the ends of a line."""

    text: str
    compiled: re.Pattern[str]
    tame: bool
    """It cannot take more than the square of a text's length."""

    @classmethod
    def compile(cls, text: str) -> Pattern:
        """Compile a pattern.

        Raises:
            UsageError: it is not a regular expression, or a very long one.
        """
        if len(text) > _LONGEST:
            raise UsageError(
                f"The pattern has {len(text)} characters; at most {_LONGEST} are allowed."
            )
        try:
            compiled = re.compile(text, re.MULTILINE)
            tame = _is_tame(_parser.parse(text, re.MULTILINE))
        except (re.error, RecursionError, OverflowError) as error:
            raise UsageError(f"{text!r} is not a regular expression: {error}.") from error
        return cls(text, compiled, tame)

    def chunks(self, store: ChunkStore) -> set[int]:
        """Ids of the chunks whose text has a match.

        Raises:
            C2LLMError: it took more than `SECONDS`.
        """
        if self.tame:
            search = self.compiled.search
            return {number for number, text in store.texts() if search(text)}
        return self._apart(store)

    def _apart(self, store: ChunkStore) -> set[int]:
        lines = [json.dumps(self.text), *(json.dumps(row) for row in store.texts())]
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _CHILD],
                input="\n".join(lines) + "\n",
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=SECONDS,
                check=True,
            )
        except subprocess.TimeoutExpired as error:
            raise C2LLMError(
                f"The pattern {self.text!r} takes more than {SECONDS:.0f} s; "
                "repeat no group that repeats something itself."
            ) from error
        except (OSError, subprocess.CalledProcessError) as error:
            raise C2LLMError(f"The pattern {self.text!r} could not be run ({error}).") from error
        return set(json.loads(done.stdout))


def _is_tame(tree: Any) -> bool:
    """Whether there is at most one unbounded repetition, none in another, no reference back."""
    unbounded = 0
    pending: list[Any] = [tree]
    while pending:
        for operation, argument in pending.pop():
            if operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
                _least, most, inner = argument
                repeats = most is _constants.MAXREPEAT or most > _MANY
                # What a small repetition holds is tried that many times at most, if it is plain.
                if any(code in _REPEATS for code, _ in inner):
                    return False
                unbounded += bool(repeats)
                pending.append(inner)
            elif operation in _REPEATS or operation is _constants.GROUPREF:
                return False
            else:
                pending += _inner(argument)
    return unbounded <= 1


_REPEATS = {
    getattr(_constants, name)
    for name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT", "GROUPREF_EXISTS")
    if hasattr(_constants, name)
}


def _inner(argument: Any) -> list[Any]:
    """The patterns within an argument of the parse tree, at any depth of tuples and lists."""
    found: list[Any] = []
    pending = [argument]
    while pending:
        value = pending.pop()
        if isinstance(value, _parser.SubPattern):
            found.append(value)
        elif isinstance(value, tuple | list):
            pending += value
    return found
