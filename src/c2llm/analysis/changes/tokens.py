"""A token of code, with what it is at its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["name", "number", "string", "operator", "word", "sign"]
CONSTANT_WORDS = frozenset(
    "true false none null nil undefined nan inf infinity nothing yes no on off".split()
)


@dataclass(slots=True)
class Token:
    """A token, in the spelling that is compared."""

    text: str
    kind: Kind
    line: int
    """From 1, within the text that was read."""
    start: int
    """Its place in the text that was read, in bytes."""
    end: int
    role: str = ""
    """What it takes part in: `condition`, `default`, `call`, `keyword`, `argument`, `return`, …"""
    owner: str = ""
    """The variable, parameter, keyword or function that it belongs to."""
    is_attribute: bool = False
    """A name behind a dot or a keyword of a call: not one of the names around."""
    is_key: bool = False
    """A name that is data as well: a key of an object, the short form of one, what is taken out of
    an object by its name."""
    is_called: bool = False
    """The name of a function that is called here."""
    is_bound: bool = False
    """Here a name gets its meaning: a parameter, a variable that is assigned, a function."""

    @property
    def is_constant(self) -> bool:
        """Whether it is a literal."""
        return self.kind in ("number", "string") or (
            self.kind == "word" and self.text.lower() in CONSTANT_WORDS
        )


@dataclass(slots=True)
class Unit:
    """A statement without the statements in it."""

    kind: str
    """Type of its node in the tree, "" without one."""
    parent: int
    """Number of the unit around it, -1 for none."""
    branch: str
    """In which part of the parent it is."""
    tokens: list[Token] = field(default_factory=list)
    is_import: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """What it says."""
        return tuple(token.text for token in self.tokens)


@dataclass(slots=True)
class Reading:
    """Code as it is compared."""

    language: str
    source: bytes
    first_line: int
    """The line of the file that the first line of the text is."""
    units: list[Unit]
    """In the order of their first tokens."""
    comments: list[Token]
    annotations: list[Token]
    """Types that the program does not look at."""

    def bound(self) -> set[str]:
        """Names that get their meaning here."""
        return {
            token.text
            for unit in self.units
            for token in unit.tokens
            if token.is_bound and not token.is_attribute
        }

    def data_names(self, *, are_variables: bool = False) -> set[str]:
        """Names that are data as well; where variables are meant, those alone that are both."""
        return {
            token.text
            for token in self.tokens()
            if token.is_key and not (are_variables and token.is_attribute)
        }

    def variables(self) -> set[str]:
        """Names that are no attributes."""
        return {
            token.text for token in self.tokens() if token.kind == "name" and not token.is_attribute
        }

    def names(self) -> set[str]:
        """All names."""
        return {token.text for token in self.tokens() if token.kind == "name"}

    def tokens(self) -> Iterator[Token]:
        """Those of all units."""
        return (token for unit in self.units for token in unit.tokens)

    def slice(self, start: int, end: int) -> str:
        """The code at these bytes."""
        return self.source[start:end].decode(errors="replace")

    def line(self, token: Token) -> int:
        """The line of the file that a token stands on."""
        return self.first_line + token.line - 1
