"""Cells to chunks: none holds parts of two cells, and each says which cell it is from."""

from __future__ import annotations

from dataclasses import replace

from c2llm.codebase.chunk import Chunk, cell_scope
from c2llm.codebase.chunks import Cut, cut_text
from c2llm.codebase.markdown import Heading, outline
from c2llm.codebase.notebooks.cells import Cell, Notebook
from c2llm.codebase.notebooks.magics import cell_language, without_magics


def cut_notebook(path: str, notebook: Notebook) -> Cut:
    """Cut a notebook: code along its functions, Markdown into sections.

    The scope of a chunk is the cell's number in brackets, `[2]`, the headings that it stands under,
    and the definitions around it.
    """
    chunks: list[Chunk] = []
    imported: dict[str, None] = {}
    trail: list[Heading] = []
    for cell in notebook.cells:
        above = [heading.title for heading in trail]
        if cell.kind == "markdown":
            headings = outline(list(cell.lines))[0]
            if headings:  # each chunk of this cell has its own ones
                least = min(heading.level for heading in headings)
                above = [heading.title for heading in trail if heading.level < least]
            for heading in headings:
                trail = [one for one in trail if one.level < heading.level] + [heading]
        cut = _cut_cell(path, cell)
        imported.update(dict.fromkeys(cut.imports))
        for chunk in cut.chunks:
            scope = [cell_scope(cell.number), *above, *([chunk.scope] if chunk.scope else [])]
            chunks.append(
                replace(
                    chunk,
                    language=notebook.language,
                    start_line=cell.rows[chunk.start_line - 1],
                    end_line=cell.rows[chunk.end_line - 1],
                    scope=" > ".join(scope),
                )
            )
    return Cut(chunks, tuple(imported))


def _cut_cell(path: str, cell: Cell) -> Cut:
    text = "\n".join(cell.lines)
    if cell.kind != "code":
        return cut_text(path, text, cell.language)
    language, first = cell_language(cell.lines, cell.language)
    parsed = [""] * first + without_magics(cell.lines[first:], language)
    return cut_text(path, text, language, parsed="\n".join(parsed))
