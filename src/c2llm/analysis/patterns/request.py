"""What is asked of a search for patterns: one object, checked at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

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
        for name in ("languages", "include", "exclude", "apart"):
            value = getattr(self, name)
            values = (value,) if isinstance(value, str) else value
            if not isinstance(values, Sequence) or not all(
                isinstance(one, str) and one for one in values
            ):
                raise UsageError(f"{name} must be a list of texts, not {value!r}.")
            object.__setattr__(self, name, tuple(values))
        for one in self.apart:
            if one not in _APART:
                raise UsageError(f"{one!r} cannot be told apart; there are: {', '.join(_APART)}.")
