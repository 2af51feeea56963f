"""What is asked of a search for duplicates: one object, checked at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from c2llm.analysis.clones.clone_class import CloneType, Role
from c2llm.analysis.text_lists import settle_texts
from c2llm.errors import UsageError
from c2llm.printable import quoted

_TYPES: tuple[CloneType, ...] = get_args(CloneType)
_ROLES: tuple[Role, ...] = get_args(Role)
_MOST_LINES, _MOST_TOKENS = 10_000, 100_000


@dataclass(frozen=True, slots=True)
class ClonesRequest:
    """Which duplicates are looked for, and where.

    A single string is as good as a sequence of one for `languages`, `include` and `exclude`.

    Raises:
        UsageError: a value is out of its bounds; the sentence names both and the cure.
    """

    types: Sequence[CloneType] = _TYPES
    """Which types of clones; see `CloneType`."""
    min_lines: int = 3
    """Lines that a member has at least."""
    min_tokens: int = 25
    """Tokens that a member has at least, comments and layout aside."""
    similarity: float = 0.46
    """From which two functions are clones (`similarity.Likeness`), 0 to 1: the mean of the share of
    tokens that stand in statements of the same form, and the cosine of their vectors."""
    meaning: float = 0.9
    """Cosine of their vectors from which two functions are clones however they are written."""
    languages: Sequence[str] = ()
    """Only files in these languages, by name or common short name; all when empty."""
    include: Sequence[str] = ()
    """Only paths that match one of these globs; a directory stands for all below it."""
    exclude: Sequence[str] = ()
    """No path that matches one of these globs."""
    apart: Sequence[Role] = ("test", "generated", "idiom")
    """Classes of these roles are told apart; one that is not named here counts as code."""

    def __post_init__(self) -> None:
        types = self.types
        if not isinstance(types, Sequence) or not types or not set(types) <= set(_TYPES):
            raise UsageError(f"The types of clones are 1, 2, 3 and 4, not {quoted(types)}.")
        object.__setattr__(self, "types", tuple(sorted(set(types))))
        _require_count("number of lines", self.min_lines, _MOST_LINES)
        _require_count("number of tokens", self.min_tokens, _MOST_TOKENS)
        _require_share("similarity", self.similarity)
        _require_share("meaning", self.meaning)
        settle_texts(self, "languages", "include", "exclude", "apart")
        for role in self.apart:
            if role not in _ROLES:
                raise UsageError(f"{role!r} is no role; there are: {', '.join(_ROLES)}.")


def _require_count(what: str, value: object, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise UsageError(
            f"The {what} must be a whole number of 1 to {most:,}, not {quoted(value)}."
        )


def _require_share(what: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.3 <= value <= 1:
        raise UsageError(f"The {what} must be a number of 0.3 to 1, not {quoted(value)}.")
