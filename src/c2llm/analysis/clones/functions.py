"""Where the functions of a file are, as its chunks tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from c2llm.codebase.chunk import Chunk


class Span(NamedTuple):
    """The lines of one function, its comment and decorators counted in."""

    name: str
    start_line: int
    """From 1."""
    end_line: int
    """Inclusive."""


def functions_in(chunks: Sequence[Chunk]) -> list[Span]:
    """The functions of a file in the order of their first lines, each once.

    Args:
        chunks: All chunks of the file, in the order of lines.
    """
    found: dict[tuple[str, str, int], int] = {}
    goes_on: tuple[str, str, int] | None = None
    for chunk in chunks:
        if chunk.parts:
            for part in chunk.parts:
                if part.kind == "function":
                    key = part.name, part.scope, part.start_line
                    found[key] = max(found.get(key, 0), part.end_line)
            goes_on = None
        elif chunk.kind == "function":
            own = chunk.symbol, chunk.scope
            if chunk.definitions or goes_on is None or goes_on[:2] != own:
                goes_on = *own, chunk.start_line
            # The last chunk of a long function may have told where it ends already.
            found[goes_on] = max(found.get(goes_on, 0), chunk.end_line)
        else:
            goes_on = None
    spans = [Span(name, start, end) for (name, _, start), end in found.items()]
    return sorted(_without_pieces(spans), key=lambda span: (span.start_line, -span.end_line))


def _without_pieces(spans: Sequence[Span]) -> list[Span]:
    """Without those that are the end of another one of the same name."""
    by_name: dict[str, list[Span]] = {}
    for span in spans:
        by_name.setdefault(span.name, []).append(span)
    kept: list[Span] = []
    for group in by_name.values():
        last: Span | None = None
        for span in sorted(group, key=lambda one: (one.start_line, -one.end_line)):
            if last is None or span.end_line > last.end_line:
                kept.append(span)
                last = span
    return kept
