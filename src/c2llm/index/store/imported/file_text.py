"""A file as the index has it, and the definitions in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from c2llm.codebase.chunk import NOTEBOOK

if TYPE_CHECKING:
    from c2llm.codebase.syntax import Definition
    from c2llm.index.store.chunk_store import ChunkStore


def file_lines(store: ChunkStore, file_id: int) -> list[str]:
    """A file as the index has it; lines between chunks, all blank, are empty."""
    lines: list[str] = []
    for stored in store.chunks(store.chunks_of([file_id]).get(file_id, ())):
        start, piece = stored.chunk.start_line, stored.chunk.text.split("\n")
        lines += [""] * (start - 1 - len(lines))
        if start <= len(lines):  # a piece of a line too long for one chunk
            lines[start - 1] += piece[0]
            lines += piece[1:]
        else:
            lines += piece
    return lines


def definitions_in(lines: Sequence[str], path: str, language: str) -> list[Definition]:
    """The functions and classes of a file in the order of their start; outer before inner."""
    from c2llm.codebase.syntax import definitions

    parsed = lines
    if path.endswith(NOTEBOOK):
        from c2llm.codebase.notebooks.magics import without_magics

        parsed = without_magics(lines, language)
    return definitions("\n".join(parsed).encode(errors="replace"), language)
