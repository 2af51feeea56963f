"""One difference between two versions of a function."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Effect(IntEnum):
    """What a change does to what the code does; a later one is graver."""

    COSMETIC = 0
    """Nothing: comments, formatting, names that are renamed throughout."""
    STRUCTURAL = 1
    """Nothing that is seen at this place: code moved, split, extracted, wrapped, annotated."""
    BEHAVIOUR = 2
    """It may act otherwise: constants, operators, conditions, calls, defaults, order."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference, with its place on both sides."""

    effect: Effect
    what: str
    """In the field's words: `constant`, `operator`, `condition`, `call`, `default`, `order`,
    `comment`, `format`, `rename`, `statement`, …"""
    name: str
    """What it belongs to: the variable, parameter, keyword or function called; "" if none."""
    before: str
    """The code that is gone, "" where something was added."""
    after: str
    """The code that came, "" where something was removed."""
    line_before: int
    """From 1 in the older file; where nothing was removed, the line that it would follow."""
    line_after: int
    """From 1 in the newer file, likewise."""
    weight: float
    """How much it matters, 0 to 1."""
