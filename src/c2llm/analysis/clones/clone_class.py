"""What a search for duplicates answers: classes of code that is alike, and what was set apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

CloneType = Literal[1, 2, 3, 4]
"""1: the same but for layout and comments. 2: but for names and literals, too. 3: with statements
added, removed or changed. 4: other code that does the same (Roy and Cordy 2007, section 3)."""
Role = Literal["code", "test", "generated", "idiom", "loose"]
"""What a class is of; tests, generated code and idioms are told apart, since nobody would act on
them. `loose` are functions of type 4 that are alike by so little that most only have a task or a
style in common: they are told at the end."""


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """One place of a class; they are in order, so that classes that say the same are as well."""

    path: str
    """Relative to the root of its index, with `/`."""
    start_line: int
    """From 1."""
    end_line: int
    """Inclusive."""
    language: str
    symbol: str = ""
    """The function or class around it or in it, "" where there is none."""
    repository: str = ""
    """Label of the index that it is from, when several were looked at."""


@dataclass(frozen=True, slots=True)
class CloneClass:
    """Code that is written more than once: two or more members, no pairs."""

    id: str
    """Hexadecimal, of what the members say and not of where they are: the same after a move."""
    type: CloneType
    """The loosest type that is needed to hold the members together."""
    similarity: float
    """Of the least similar member to the first one, 0 to 1."""
    members: tuple[Member, ...]
    """Sorted by repository, path and line."""
    tokens: int
    """Of the first member, without comments and layout."""
    saved_lines: int
    """Lines that would go if one member were left: all but the longest one's."""
    role: Role = "code"


@dataclass(frozen=True, slots=True)
class CloneReport:
    """All classes of one or several trees, and what they were looked for in."""

    classes: tuple[CloneClass, ...]
    """What could be saved most comes first; ties by id."""
    apart: tuple[CloneClass, ...]
    """The classes whose role is not `code`, in the same order."""
    files: int
    lines: int
    """Lines of these files."""
    duplicated_lines: int
    """Different lines that a member of `classes` covers."""
    notes: tuple[str, ...] = ()
    """Sentences about what was not looked at."""

    def by_type(self) -> Mapping[CloneType, int]:
        """How many of `classes` are of each type."""
        counts: dict[CloneType, int] = {}
        for one in self.classes:
            counts[one.type] = counts.get(one.type, 0) + 1
        return counts
