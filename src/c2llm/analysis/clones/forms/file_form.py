"""What is kept of a file to compare it with others: its statements, and a row a function.

It depends on the file's content and language alone, so it is made once and kept by the hash of the
content.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.forms.functions import functions_in
from c2llm.analysis.clones.forms.lexing import tokens_of
from c2llm.analysis.clones.forms.sketches import BANDS, TABLES, statement_keys, vector_keys
from c2llm.analysis.clones.forms.statements import renamed_hashed, runs_hashed, statements_of
from c2llm.codebase.chunk import Chunk
from c2llm.codebase.files.generated import says_generated
from c2llm.index.store.quantized import pack, packed_size

KEYS = BANDS + TABLES
"""What a function is found by."""
STEP_BYTES = packed_size(0)

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
        ("declares", "?"),
    ]
)
_HEAD = struct.Struct("<IIII?")
_HEAD_CHARACTERS = 2_000
LEAST_TOKENS = 15
"""A function with fewer is compared with none: it only gets, sets or passes on."""


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
    keys: NDArray[np.uint32]
    """One row a function: what it is found by (`sketches`); 0 for no key."""
    vectors: NDArray[np.int8]
    """One row a function, `quantized.pack`'s; of no width where there was no model."""
    names: tuple[str, ...]
    """Of the functions."""

    def pack(self) -> bytes:
        """As it is kept."""
        head = _HEAD.pack(
            self.lines,
            len(self.statements),
            len(self.functions),
            self.vectors.shape[1],
            self.generated,
        )
        names = "\n".join(self.names).encode(errors="surrogatepass")
        parts = self.statements, self.functions, self.keys, self.vectors
        return head + b"".join(part.tobytes() for part in parts) + names

    @classmethod
    def unpack(cls, packed: bytes) -> FileForm:
        """What was packed.

        Raises:
            ValueError: It is damaged.
        """
        if len(packed) < _HEAD.size:
            raise ValueError(f"a form has {len(packed)} bytes, less than its head")
        lines, statements, functions, width, generated = _HEAD.unpack_from(packed)
        at = _HEAD.size
        rows = np.frombuffer(packed, STATEMENT_ROW, statements, at)
        at += rows.nbytes
        table = np.frombuffer(packed, FUNCTION_ROW, functions, at)
        at += table.nbytes
        keys = np.frombuffer(packed, np.uint32, functions * KEYS, at).reshape(functions, KEYS)
        at += keys.nbytes
        vectors = np.frombuffer(packed, np.int8, functions * width, at).reshape(functions, width)
        names = packed[at + vectors.nbytes :].decode(errors="surrogatepass").split("\n")
        if functions and len(names) != functions:
            raise ValueError(f"a form has {functions} functions and {len(names)} names")
        return cls(lines, generated, rows, table, keys, vectors, tuple(names[:functions]))

    def with_vectors(self, compared: NDArray[np.int64], vectors: NDArray[np.float32]) -> FileForm:
        """The same with the vectors of these of its functions, float32 (n, dim) of unit length."""
        packed = np.zeros((len(self.functions), packed_size(vectors.shape[1])), np.int8)
        if len(compared):
            rows = np.frombuffer(b"".join(pack(vectors)), np.int8)
            packed[compared] = rows.reshape(len(compared), -1)
        return replace(self, vectors=packed)


def compared_functions(form: FileForm) -> NDArray[np.int64]:
    """Numbers of the functions of a file that are compared with others as wholes."""
    return np.flatnonzero(form.functions["tokens"] >= LEAST_TOKENS)


def function_texts(chunks: Sequence[Chunk], form: FileForm) -> list[str]:
    """The texts of these functions."""
    lines = text_of(chunks).split("\n")
    rows = form.functions[compared_functions(form)]
    return ["\n".join(lines[row["start_line"] - 1 : row["end_line"]]) for row in rows]


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
        table["renamed"] = renamed_hashed(tokens, first, last)
    rows = np.zeros(len(statements), STATEMENT_ROW)
    rows["spelling"], rows["form"] = statements.spellings, statements.forms
    rows["size"] = statements.sizes
    rows["first_line"], rows["last_line"] = statements.first_lines, statements.last_lines
    rows["imports"], rows["declares"] = statements.imports, statements.declares
    names = tuple(span.name.replace("\n", " ") for span in spans)
    keys = np.zeros((len(table), KEYS), np.uint32)
    no_vectors = np.empty((len(table), 0), np.int8)
    return FileForm(lines, generated, rows, table, keys, no_vectors, names)


def with_keys(forms: Sequence[FileForm]) -> list[FileForm]:
    """The same with what their functions are found by; of many files at once, which is cheaper."""
    if not forms:
        return []
    starts = np.cumsum([0, *(len(form.statements) for form in forms)])
    ends = np.cumsum([0, *(len(form.functions) for form in forms)])
    rows = np.concatenate([form.statements for form in forms])
    table = np.concatenate([form.functions for form in forms])
    shift = np.repeat(starts[:-1], np.diff(ends))
    keys = np.zeros((len(table), KEYS), np.uint32)
    keys[:, :BANDS] = statement_keys(
        rows["form"], rows["size"], table["first"] + shift, table["last"] + shift
    )
    packed = np.concatenate([form.vectors for form in forms])
    if packed.shape[1]:
        steps = np.ascontiguousarray(packed[:, :STEP_BYTES]).view("<f4")
        keys[:, BANDS:] = vector_keys(packed[:, STEP_BYTES:] * steps) + np.uint32(1)
    keys[table["tokens"] < LEAST_TOKENS] = 0
    return [
        replace(form, keys=keys[start:end])
        for form, (start, end) in zip(forms, pairwise(ends), strict=True)
    ]


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
