"""What is asked of a search for patterns: one object, checked at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from c2llm.analysis.text_lists import settle_texts
from c2llm.errors import UsageError

Apart = Literal["test", "generated", "allowed"]
_APART: tuple[Apart, ...] = get_args(Apart)


@dataclass(frozen=True, slots=True)
class PatternsRequest:
    """Which files are searched, and which hits are told apart.

    A single string is as good as a sequence of one.

    Raises:
        UsageError: a value is none of those that there are.
    """

    languages: Sequence[str] = ()
    """Only files in these languages, by name or common short name; all when empty."""
    include: Sequence[str] = ()
    """Only paths that match one of these globs; a directory stands for all below it."""
    exclude: Sequence[str] = ()
    """No path that matches one of these globs."""
    apart: Sequence[Apart] = _APART
    """Hits in these files, or allowed by a comment, are told apart."""

    def __post_init__(self) -> None:
        settle_texts(self, "languages", "include", "exclude", "apart")
        for one in self.apart:
            if one not in _APART:
                raise UsageError(f"{one!r} cannot be told apart; there are: {', '.join(_APART)}.")
