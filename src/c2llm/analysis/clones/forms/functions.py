"""Where the functions of a file are, as its chunks tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from c2llm.codebase.chunk import Chunk

_TELLING = 60
"""Characters of a signature that tell it from others."""
_CLOSERS = ("}", ")", "]", "end", "{", "else", "rescue", "ensure", "catch", "finally")
"""What a line at the depth of a function's head may begin with and still be of the function."""
_LAST = ("}", "end")


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
            first, last = 0, chunk.end_line - chunk.start_line
            if chunk.definitions:
                first, last = _lines_of(chunk)
            if chunk.definitions or goes_on is None or goes_on[:2] != own:
                goes_on = *own, chunk.start_line + first
            # The last chunk of a long function may have told where it ends already.
            found[goes_on] = max(found.get(goes_on, 0), chunk.start_line + last)
        else:
            goes_on = None
    spans = [Span(name, start, end) for (name, _, start), end in found.items()]
    return sorted(_without_pieces(spans), key=lambda span: (span.start_line, -span.end_line))


def _lines_of(chunk: Chunk) -> tuple[int, int]:
    """The first and the last line, from 0, of the one function that begins in a chunk.

    There may be code above and below it. It begins where its signature does, and ends before the
    next line that is not further in than that and closes nothing.
    """
    lines = chunk.text.split("\n")
    head = [line.strip() for line in lines]
    at = next(
        (number for number, line in enumerate(head) if line and _begins(chunk.signature, line)),
        None,
    )
    if at is None:
        return 0, chunk.end_line - chunk.start_line
    depth = _indentation(lines[at])
    last = at
    for number in range(at + 1, len(lines)):
        line = head[number]
        if not line:
            continue
        is_outside = _indentation(lines[number]) <= depth
        if is_outside and not line.startswith(_CLOSERS):
            break
        last = number
        if is_outside and line.startswith(_LAST):
            break
    return at, last


def _begins(signature: str, line: str) -> bool:
    """Whether a line, or what of it is before its body, is what a signature begins with."""
    return bool(signature) and (signature.startswith(line) or line.startswith(signature[:_TELLING]))


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


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
