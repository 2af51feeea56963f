"""A mined training pair."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("docstring", "class", "section", "test", "commit")
"""Where pairs come from; each kind is a `dataset` of its own."""

MORE_KINDS = ("name", "continuation")
"""Kinds that are mined if asked for: plenty of pairs, each worth less."""


@dataclass(frozen=True, slots=True)
class MinedPair:
    """A query and the document that answers it."""

    query: str
    positive: str
    dataset: str
    language: str
    path: str
    symbol: str
    header: str
    """The line that is embedded above the document, as `chunks.header` makes it."""
