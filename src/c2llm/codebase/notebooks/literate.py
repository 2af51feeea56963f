"""R Markdown and Quarto: prose with blocks of code that are run, each cut in its language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from c2llm.codebase.chunk import Chunk
from c2llm.codebase.chunks import Cut, cut_text
from c2llm.codebase.languages import language_named
from c2llm.codebase.markdown import CodeBlock, Heading, outline

_RUN = re.compile(r"\s*[`~]{3,}\s*\{")


def cut_literate(path: str, text: str) -> Cut:
    """Cut a document: blocks that define something along it, all else into sections.

    The scope of a block's chunk is the headings that it stands under. What is only run stays with
    the prose around it.
    """
    lines = text.split("\n")
    headings, blocks = outline(lines)
    chunks: list[Chunk] = []
    imported: dict[str, None] = {}
    first = 0
    for block in blocks:
        cut = _cut_block(path, lines, block)
        if cut is None:
            continue
        chunks += _prose(path, lines, first, block.start, headings)
        first = block.end
        imported.update(dict.fromkeys(cut.imports))
        above = _above(headings, block.start)
        for chunk in _moved(cut.chunks, block.start + 1):
            scope = " > ".join([*above, *([chunk.scope] if chunk.scope else [])])
            chunks.append(replace(chunk, language="markdown", scope=scope))
    chunks += _prose(path, lines, first, len(lines), headings)
    return Cut(chunks, tuple(imported))


def _cut_block(path: str, lines: Sequence[str], block: CodeBlock) -> Cut | None:
    """The code of a block, where it is run and defines something."""
    if not _RUN.match(lines[block.start]):
        return None
    inside = "\n".join(lines[block.inside])
    cut = cut_text(path, inside, language_named(block.info))
    return cut if any(chunk.definitions for chunk in cut.chunks) else None


def _prose(
    path: str, lines: Sequence[str], first: int, end: int, headings: Sequence[Heading]
) -> list[Chunk]:
    cut = cut_text(path, "\n".join(lines[first:end]), "markdown")
    above = _above(headings, first - 1)
    return [
        chunk
        if chunk.symbol or not above
        else replace(chunk, symbol=above[-1], scope=" > ".join(above[:-1]))
        for chunk in _moved(cut.chunks, first)
    ]


def _moved(chunks: Sequence[Chunk], lines: int) -> list[Chunk]:
    return [
        replace(chunk, start_line=chunk.start_line + lines, end_line=chunk.end_line + lines)
        for chunk in chunks
    ]


def _above(headings: Sequence[Heading], line: int) -> list[str]:
    trail: list[Heading] = []
    for heading in headings:
        if heading.line > line:
            break
        trail = [one for one in trail if one.level < heading.level] + [heading]
    return [heading.title for heading in trail]
