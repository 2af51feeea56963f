"""The cells of a notebook, nbformat 2 to 4, with the lines of the file that hold them.

Outputs are not looked at. The line of a cell's text is that of the file itself, where an editor,
`grep` and `git blame` find it: notebooks are written with one line of code in one line of JSON.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from json import decoder, scanner
from typing import Any, Literal

from c2llm.codebase.languages import language_named

CellKind = Literal["code", "markdown", "raw"]

_MOST_CELLS = 20_000
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_KERNELS = (
    (re.compile(r"python|py\d|conda|sage|spark", re.IGNORECASE), "python"),
    (re.compile(r"^ir\b|^r\d*$", re.IGNORECASE), "r"),
    (re.compile(r"julia", re.IGNORECASE), "julia"),
    (re.compile(r"scala|almond", re.IGNORECASE), "scala"),
    (re.compile(r"bash|^sh$|^zsh$", re.IGNORECASE), "bash"),
    (re.compile(r"cpp|c\+\+", re.IGNORECASE), "cpp"),
    (re.compile(r"deno|typescript|tslab", re.IGNORECASE), "typescript"),
    (re.compile(r"javascript|node", re.IGNORECASE), "javascript"),
    (re.compile(r"c#|csharp", re.IGNORECASE), "csharp"),
    (re.compile(r"f#|fsharp", re.IGNORECASE), "fsharp"),
    (re.compile(r"powershell|pwsh", re.IGNORECASE), "powershell"),
    (re.compile(r"sql", re.IGNORECASE), "sql"),
    (re.compile(r"^gophernotes|^go$|^gonb", re.IGNORECASE), "go"),
)


class NotebookError(ValueError):
    """A file that calls itself a notebook and is none: cut off, or of another form."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell."""

    number: int
    """From 1, all cells counted."""
    kind: CellKind
    language: str
    """Of its text; a cell of code may say another than the notebook's."""
    lines: tuple[str, ...]
    rows: tuple[int, ...]
    """For each line its number in the file, from 1; a string of many lines stands in one."""


@dataclass(frozen=True, slots=True)
class Notebook:
    """The cells that hold text."""

    language: str
    """Of its kernel."""
    cells: tuple[Cell, ...]

    @property
    def size(self) -> int:
        """Characters of all cells."""
        return sum(len(line) + 1 for cell in self.cells for line in cell.lines)

    def laid_out(self) -> list[str]:
        """Lines of code where the file has them, empty ones elsewhere; magics are blank.

        What does not fit, as a cell that is one line of its file, is left out.
        """
        lines = [""] * max((row for cell in self.cells for row in cell.rows), default=0)
        for row, line in self.code():
            lines[row - 1] = lines[row - 1] or line
        return lines

    def code(self) -> Iterator[tuple[int, str]]:
        """Each line of the cells in the notebook's language, with its number in the file."""
        from c2llm.codebase.notebooks.magics import cell_language, without_magics

        for cell in self.cells:
            language, first = cell_language(cell.lines, cell.language)
            if cell.kind == "code" and language == self.language:
                lines = without_magics(cell.lines[first:], language)
                yield from zip(cell.rows[first:], lines, strict=True)


def read_notebook(text: str) -> Notebook:
    """The cells of a notebook.

    Raises:
        NotebookError: It is no notebook, or not a whole one.
    """
    try:
        parsed = _PlacingDecoder().decode(text)
    except (ValueError, RecursionError) as error:
        raise NotebookError("not a whole JSON object") from error
    if not isinstance(parsed, dict):
        raise NotebookError("not a JSON object")
    sheets = parsed.get("worksheets")
    holders = [parsed] if "cells" in parsed else sheets if isinstance(sheets, list) else []
    listed = [_dict(holder).get("cells") for holder in holders]
    if not listed or not all(isinstance(cells, list) for cells in listed):
        raise NotebookError("no cells")
    language = _language(_dict(parsed.get("metadata")))
    if not language:  # version 3 has it in each cell
        language = next((found for cell in _all(listed) if (found := _own(cell))), "python")
    starts = [match.end() for match in re.finditer(r"\n", text)]
    cells = [_cell(number, raw, language, starts) for number, raw in enumerate(_all(listed), 1)]
    return Notebook(language, tuple(cell for cell in cells if cell.lines))


class _Placed(str):
    """A string of a JSON text that knows where it stands."""

    offset = 0


class _PlacingDecoder(json.JSONDecoder):
    """Reads JSON with `_Placed` for every string that is a value."""

    def __init__(self) -> None:
        super().__init__(strict=False)
        self.parse_string = self._placed
        self.scan_once = scanner.py_make_scanner(self)  # type: ignore[attr-defined]

    @staticmethod
    def _placed(text: str, begin: int, strict: bool) -> tuple[str, int]:
        value, end = decoder.scanstring(text, begin, strict)  # type: ignore[attr-defined]
        placed = _Placed(value)
        placed.offset = begin
        return placed, end


def _all(listed: list[Any]) -> Iterator[dict[str, Any]]:
    count = 0
    for cells in listed:
        for cell in cells:
            count += 1
            if count > _MOST_CELLS:
                return
            yield _dict(cell)


def _cell(number: int, raw: dict[str, Any], language: str, starts: list[int]) -> Cell:
    lines: list[str] = []
    rows: list[int] = []
    goes_on = False  # the last line had no end yet
    for piece in _pieces(raw.get("source", raw.get("input"))):
        row = bisect_right(starts, getattr(piece, "offset", 0)) + 1
        for line in _LINES.findall(piece.replace("\r\n", "\n").replace("\r", "\n")):
            if goes_on:
                lines[-1] += line.rstrip("\n")
            else:
                lines.append(line.rstrip("\n"))
                rows.append(row)
            goes_on = not line.endswith("\n")
    kind = raw.get("cell_type")
    if kind == "code":
        own = _own(raw) or language
        return Cell(number, "code", own, tuple(lines), tuple(rows))
    if kind == "heading" and lines:  # version 3
        level = raw.get("level")
        marks = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1)
        lines[0] = f"{marks} {lines[0]}"
    if kind in ("markdown", "heading"):
        return Cell(number, "markdown", "markdown", tuple(lines), tuple(rows))
    return Cell(number, "raw", "text", tuple(lines), tuple(rows))


def _pieces(source: Any) -> list[str]:
    if isinstance(source, str):
        return [source]
    return [piece for piece in source if isinstance(piece, str)] if isinstance(source, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _language(metadata: dict[str, Any]) -> str:
    """The kernel's language as our table calls it, or ""."""
    info, kernel = _dict(metadata.get("language_info")), _dict(metadata.get("kernelspec"))
    for name in (info.get("name"), kernel.get("language"), kernel.get("name")):
        if isinstance(name, str) and name:
            return _named(name)
    return ""


def _own(cell: dict[str, Any]) -> str:
    """The language that a cell of code says it is in, or ""."""
    metadata = _dict(cell.get("metadata"))
    for holder, key in (
        (cell, "language"),
        (_dict(metadata.get("vscode")), "languageId"),
        (_dict(metadata.get("polyglot_notebook")), "kernelName"),
        (_dict(metadata.get("dotnet_interactive")), "language"),
    ):
        if isinstance(name := holder.get(key), str) and name:
            return _named(name)
    return ""


def _named(name: str) -> str:
    return next(
        (language for pattern, language in _KERNELS if pattern.search(name)),
        language_named(str(name)),
    )
