"""A file to its functions, as the chunker finds them, and what is outside of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from c2llm.analysis.trees.code_tree import Function
from c2llm.codebase import filled_in
from c2llm.codebase.chunk import NOTEBOOK
from c2llm.codebase.grammars import GRAMMARS
from c2llm.codebase.grammars.components import is_mixed, parts
from c2llm.codebase.grammars.keywords import has_keywords
from c2llm.codebase.languages import family
from c2llm.codebase.syntax import Definition, definitions

_LONG = 120
"""Lines of a function from which on those within it are cut out: a module in disguise."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it is cut: the lines of its code where the file has them."""

    path: str
    language: str
    text: str


def source_of(path: str, text: str, language: str) -> Source | None:
    """The code of a file, of a notebook that of its cells; None where there is none."""
    if not path.endswith(NOTEBOOK):
        is_compared = family(language) in ("code", "config")
        return Source(path, language, text) if is_compared else None
    from c2llm.codebase.notebooks.cells import NotebookError, read_notebook

    try:
        notebook = read_notebook(text)
    except NotebookError:
        return None
    cells = [cell for cell in notebook.cells if cell.kind == "code"]
    rows = [row for cell in cells for row in cell.rows]
    if len(set(rows)) == len(rows):
        return Source(path, notebook.language, "\n".join(notebook.laid_out()))
    # Many lines stand in one of the file: they are counted by themselves.
    from c2llm.codebase.notebooks.magics import cell_language, without_magics

    lines: list[str] = []
    for cell in cells:
        spoken, first = cell_language(cell.lines, cell.language)
        if spoken == notebook.language:
            lines += ["", *without_magics(cell.lines[first:], spoken)]
    return Source(path, notebook.language, "\n".join(lines))


def functions_of(source: Source) -> tuple[Function, ...]:
    """The functions in the order of lines, each line in one of them at most, and then the rest.

    A function within another one is a part of it, but for those of one that is very long.
    """
    lines = source.text.split("\n")
    spans = _spans(source, lines)
    found: list[Function] = []
    taken = [False] * len(lines)
    for entry, language in spans:
        # The outer ones come first; of two on one line the first has it.
        first, last = entry.start_line - 1, min(entry.end_line, len(lines))
        own = [row for row in range(first, last) if not taken[row]]
        if len(own) < last - first or not own:
            continue
        for row in own:
            taken[row] = True
        found.append(_function(source, entry, language, lines))
    rest = ["" if is_taken else line for line, is_taken in zip(lines, taken, strict=True)]
    if any(line.strip() for line in rest):
        text = "\n".join(rest)
        found.append(Function(source.path, "", "", source.language, 1, len(lines), text))
    return tuple(found)


def _function(source: Source, entry: Definition, language: str, lines: Sequence[str]) -> Function:
    first, last = entry.start_line, min(entry.end_line, len(lines))
    text = "\n".join(lines[first - 1 : last])
    return Function(source.path, entry.name, entry.scope, language, first, last, text)


def _spans(source: Source, lines: Sequence[str]) -> list[tuple[Definition, str]]:
    """Definitions of functions that are cut out, in the order of lines, with their language."""
    language, text = source.language, source.text
    if not (language in GRAMMARS or has_keywords(language) or is_mixed(language)):
        return []
    if family(language) != "code":
        return []
    read = text
    if not source.path.endswith(NOTEBOOK):
        read = filled_in.readable(source.path, text, language) or text
    content = read.encode(errors="replace")
    if is_mixed(language):
        found = [
            (entry, part.language)
            for part in parts(content, language)
            for entry in definitions(part.source, part.language)
        ]
        found.sort(key=lambda one: (one[0].start_byte, -one[0].end_byte))
    else:
        found = [(entry, language) for entry in definitions(content, language)]
    functions = [one for one in found if one[0].kind == "function"]
    return _outermost(functions)


def _outermost(found: Sequence[tuple[Definition, str]]) -> list[tuple[Definition, str]]:
    """Those that lie in no other one, and of a long one with others in it these instead."""
    kept: list[tuple[Definition, str]] = []
    at = 0
    while at < len(found):
        entry = found[at][0]
        end = at + 1
        while end < len(found) and found[end][0].start_byte < entry.end_byte:
            end += 1
        inner = found[at + 1 : end]
        if inner and entry.end_line - entry.start_line >= _LONG:
            at += 1  # its own lines are left to what is outside of functions
            continue
        kept.append(found[at])
        at = end
    return kept
