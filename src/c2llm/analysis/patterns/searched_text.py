"""The text of a file that patterns are looked for in: its own, or that of a notebook's cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from c2llm.codebase.chunk import NOTEBOOK


@dataclass(frozen=True, slots=True)
class Text:
    """A file that is searched."""

    path: str
    text: str
    language: str
    rows: Sequence[int] = ()
    """For each line its number in the file, from 1; none where that is its number here."""

    @property
    def lines(self) -> list[str]:
        """Its lines."""
        return self.text.split("\n")

    def row(self, line: int) -> int:
        """The number in the file of a line, both from 1."""
        return self.rows[line - 1] if self.rows else line


def searched_text(path: str, text: str, language: str) -> Text:
    """What is searched of a file.

    Of a notebook it is the cells, each line where the file has it. Where the file has many in one,
    as notebooks have that are written without indents, they stand below each other.
    """
    if path.endswith(NOTEBOOK):
        from c2llm.codebase.notebooks.cells import NotebookError, read_notebook

        try:
            notebook = read_notebook(text)
        except NotebookError:
            return Text(path, text, language)
        code = list(notebook.code())
        language = notebook.language
        rows = tuple(row for row, _ in code)
        if len(set(rows)) < len(rows):
            return Text(path, "\n".join(line for _, line in code), language, rows)
        text = "\n".join(notebook.laid_out())
    return Text(path, text, language)
