"""What is kept of a file to compare it with others: its statements, and a row a function.

It depends on the file's content and language alone, so it is made once and kept by the hash of the
content.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.functions import functions_in
from c2llm.analysis.clones.lexing import Tokens, tokens_of
from c2llm.analysis.clones.statements import renamed, runs_hashed, statements_of
from c2llm.codebase.chunk import Chunk
from c2llm.codebase.files.generated import says_generated

FUNCTION_ROW = np.dtype(
    [
        ("start_line", "<u4"),
        ("end_line", "<u4"),
        ("first", "<u4"),  # its statements: from this one
        ("last", "<u4"),  # to before this one
        ("tokens", "<u4"),
        ("spelling", "<u8"),  # of all its tokens
        ("form", "<u8"),  # the same for a function that differs in names and literals
        ("renamed", "<u8"),  # the same for one that a consistent renaming makes equal
    ]
)
STATEMENT_ROW = np.dtype(
    [
        ("spelling", "<u8"),
        ("form", "<u8"),
        ("size", "<u2"),
        ("first_line", "<u4"),
        ("last_line", "<u4"),
        ("imports", "?"),
    ]
)
_HEAD = struct.Struct("<III?")
_HEAD_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class FileForm:
    """A file as it is compared."""

    lines: int
    """How many it has."""
    generated: bool
    """It says of itself that a program wrote it."""
    statements: NDArray[np.void]
    """One row a statement (`STATEMENT_ROW`)."""
    functions: NDArray[np.void]
    """One row a function (`FUNCTION_ROW`)."""
    names: tuple[str, ...]
    """Of the functions."""

    def pack(self) -> bytes:
        """As it is kept."""
        head = _HEAD.pack(self.lines, len(self.statements), len(self.functions), self.generated)
        names = "\n".join(self.names).encode(errors="surrogatepass")
        return head + self.statements.tobytes() + self.functions.tobytes() + names

    @classmethod
    def unpack(cls, packed: bytes) -> FileForm:
        """What was packed.

        Raises:
            ValueError: It is damaged.
        """
        if len(packed) < _HEAD.size:
            raise ValueError(f"a form has {len(packed)} bytes, less than its head")
        lines, statements, functions, generated = _HEAD.unpack_from(packed)
        at = _HEAD.size
        rows = np.frombuffer(packed, STATEMENT_ROW, statements, at)
        at += rows.nbytes
        table = np.frombuffer(packed, FUNCTION_ROW, functions, at)
        names = packed[at + table.nbytes :].decode(errors="surrogatepass").split("\n")
        if functions and len(names) != functions:
            raise ValueError(f"a form has {functions} functions and {len(names)} names")
        return cls(lines, generated, rows, table, tuple(names[:functions]))


def form_of(chunks: Sequence[Chunk]) -> FileForm:
    """The form of a file, from all its chunks in the order of lines."""
    lines = max((chunk.end_line for chunk in chunks), default=0)
    language = chunks[0].language if chunks else "text"
    text = text_of(chunks)
    tokens = tokens_of(text, language)
    generated = says_generated(text[:_HEAD_CHARACTERS].encode(errors="replace"), language)
    statements = statements_of(tokens, language)
    spans = [span for span in functions_in(chunks) if span.end_line > span.start_line]
    table = np.zeros(len(spans), FUNCTION_ROW)
    if spans and len(tokens):
        starts = np.array([span.start_line for span in spans], np.uint32)
        ends = np.array([span.end_line for span in spans], np.uint32)
        table["start_line"], table["end_line"] = starts, ends
        table["first"] = np.searchsorted(statements.first_lines, starts)
        table["last"] = np.searchsorted(statements.last_lines, ends, side="right")
        first = np.searchsorted(tokens.lines, starts - 1)
        last = np.searchsorted(tokens.lines, ends)
        table["tokens"] = last - first
        table["spelling"] = runs_hashed(tokens.spellings, first, last)
        table["form"] = runs_hashed(tokens.forms, first, last)
        table["renamed"] = [
            _renamed_hash(tokens.part(a, b)) for a, b in zip(first, last, strict=True)
        ]
    rows = np.zeros(len(statements), STATEMENT_ROW)
    rows["spelling"], rows["form"] = statements.spellings, statements.forms
    rows["size"] = statements.sizes
    rows["first_line"], rows["last_line"] = statements.first_lines, statements.last_lines
    rows["imports"] = statements.imports
    return FileForm(
        lines, generated, rows, table, tuple(span.name.replace("\n", " ") for span in spans)
    )


def text_of(chunks: Sequence[Chunk]) -> str:
    """The text of a file whose chunks these are, each line where it stands; blank ones are lost."""
    pieces: list[str] = []
    line = 1
    for chunk in chunks:
        if chunk.start_line > line:
            pieces.append("\n" * (chunk.start_line - line))
            line = chunk.start_line
        elif pieces and chunk.start_line < line:  # more of a long line
            pass
        pieces.append(chunk.text)
        line += chunk.text.count("\n")
    return "".join(pieces)


def _renamed_hash(tokens: Tokens) -> int:
    numbers = renamed(tokens)
    return int(runs_hashed(numbers, np.array([0]), np.array([len(numbers)]))[0])
