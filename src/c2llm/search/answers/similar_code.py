"""Code like this one: the function at a place, or pasted code, as a query for code.

It is embedded as a document, not as a question, and compared with documents; the words of its names
count beside the vectors. Vectors know little of the language, so an answer may be in another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.codebase.chunk import NOTEBOOK
from c2llm.codebase.files.decoding import decode
from c2llm.codebase.languages import detect_language
from c2llm.errors import UsageError
from c2llm.search.answer import SearchAnswer
from c2llm.search.answering import answer
from c2llm.search.query.query_parsing import CODE_FORM
from c2llm.search.request import MOST_CHARACTERS, MOST_HITS

if TYPE_CHECKING:
    from c2llm.codebase.syntax import Definition
    from c2llm.search.asked_index import AskedIndex
    from c2llm.search.request import SearchRequest
    from c2llm.search.target import KeptFile

_PLACE = re.compile(r"(.+?):(\d{1,7})(?:[-:]\d+)?", re.ASCII)
_MOST_BYTES = 4_000_000
_AROUND = 15
"""Lines above and below, where no function or class is around."""


@dataclass(frozen=True, slots=True)
class Specimen:
    """The code that others are compared with."""

    text: str
    file: Path | KeptFile | None = None
    """Where it is from, None for pasted code."""
    start_line: int = 0
    end_line: int = 0
    symbol: str = ""
    kind: str = ""
    """What its definition is, "function" or "class"; "" where it is in none."""


def place_of(place: str) -> tuple[str, int]:
    """The file and the line of `FILE:LINE`.

    Raises:
        UsageError: It is not a place.
    """
    match = _PLACE.fullmatch(place)
    if match is None:
        raise UsageError(f"{place!r} is not FILE:LINE; give a line, or - for pasted code.")
    return match[1], int(match[2])


def specimen_at(place: str) -> Specimen:
    """The innermost function or class around a place `FILE:LINE`.

    Raises:
        UsageError: it is not a place, or the file cannot be read or is shorter.
    """
    path, line = place_of(place)
    file = Path(path).expanduser()
    try:
        with file.open("rb") as stream:
            source = stream.read(_MOST_BYTES)
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}).") from error
    language, lines = _lines(file, decode(source))
    return replace(_specimen(str(file), language, lines, line), file=file.resolve())


def specimen_in(
    path: str, lines: Sequence[str], line: int, file: KeptFile | None = None
) -> Specimen:
    """The innermost function or class around a line of a file that is on no disk.

    Args:
        path: Of the file.
        lines: All of it.
        line: From 1.
        file: Where a catalog keeps it, so that it is not among what is like it.

    Raises:
        UsageError: The file is shorter.
    """
    head = "\n".join(lines[:20])[:512].encode(errors="replace")
    return replace(_specimen(path, detect_language(path, head), lines, line), file=file)


def _specimen(file: str, language: str | None, lines: Sequence[str], line: int) -> Specimen:
    if not 1 <= line <= len(lines):
        raise UsageError(f"{file} has {len(lines)} lines, not {line}.")
    around = _around(lines, language, line)
    start = around.start_line if around else max(1, line - _AROUND)
    end = around.end_line if around else min(len(lines), line + _AROUND)
    text = "\n".join(lines[start - 1 : end])
    if not text.strip():
        raise UsageError(f"There is no code around {file}:{line}.")
    name, kind = (around.name, around.kind) if around else ("", "")
    return Specimen(text, None, start, end, name, kind)


def similar(
    indexes: Sequence[AskedIndex], specimen: Specimen, request: SearchRequest
) -> SearchAnswer:
    """The pieces of code most like a specimen, which is not among them itself.

    Args:
        indexes: Where to look; the callers hold them open.
        specimen: What to compare with.
        request: Its query is `as_query(specimen)`.
    """
    itself = None
    if specimen.file is not None:
        itself = specimen.file, specimen.start_line, specimen.end_line
    if request.sort is not None and request.among is None:  # of all code the best is not alike
        request = replace(request, among=min(request.offset + request.limit, MOST_HITS))
    return answer(indexes, request, left_out=itself)


def as_query(specimen: Specimen) -> str:
    """The query that asks for code like it."""
    return f"{CODE_FORM}\n{specimen.text}"[:MOST_CHARACTERS]


def _lines(file: Path, text: str) -> tuple[str | None, list[str]]:
    """A file's language and lines; of a notebook, each line of its cells where the file has it."""
    if file.suffix == NOTEBOOK:
        from c2llm.codebase.notebooks.cells import NotebookError, read_notebook

        with suppress(NotebookError):
            notebook = read_notebook(text)
            return notebook.language, notebook.laid_out()
    return detect_language(str(file), text[:512].encode(errors="replace")), text.split("\n")


def _around(lines: Sequence[str], language: str | None, line: int) -> Definition | None:
    from c2llm.codebase.syntax import definitions

    if language is None:
        return None
    source = "\n".join(lines).encode(errors="replace")
    found = [
        unit for unit in definitions(source, language) if unit.start_line <= line <= unit.end_line
    ]
    return min(found, key=lambda unit: unit.end_line - unit.start_line, default=None)
