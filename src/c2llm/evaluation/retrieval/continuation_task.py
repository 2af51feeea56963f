"""Code-to-code continuation from any tree: the first half of a function asks for its second half.

All second halves are the corpus, so that the other methods of the same class stand beside the right
one. Functions are taken as they lie in the files that an index would read, without what is above
their first line; a function inside another belongs to the outer one.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from c2llm.codebase.files.walk import SourceFile, walk
from c2llm.codebase.grammars import GRAMMARS
from c2llm.codebase.revisions.unpacked import checked_out
from c2llm.codebase.syntax import Definition, definitions
from c2llm.errors import DataError, UsageError
from c2llm.evaluation.retrieval.retrieval_task import (
    Document,
    Judgement,
    Query,
    RetrievalTask,
    assemble,
)

LEAST_LINES = 6
"""Lines that are not blank: less has no half that says anything."""
MOST_LINES = 200
MOST_BYTES = 1_000_000
"""Of a file; what is larger was not written by hand."""


@dataclass(frozen=True, slots=True)
class Halves:
    """A function cut in two at a line."""

    id: str
    """`path:line` of the function."""
    language: str
    first: str
    second: str


def continuation_task(root: Path) -> RetrievalTask:
    """The task over the functions below `root`, named `continuation:DIRECTORY`.

    Raises:
        UsageError: if there is no such directory.
        DataError: if no function below it is long enough.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is not a directory; give a tree of source files.")
    found = list(halves(root))
    name = f"continuation:{root.resolve().name}"
    try:
        return assemble(
            name,
            [Query(half.id, half.first, half.language) for half in found],
            [Document(half.id, half.second) for half in found],
            [Judgement(half.id, half.id) for half in found],
        )
    except ValueError as error:
        raise DataError(
            f"{root} has no function of {LEAST_LINES} lines or more in a language that is parsed; "
            "give a tree with source code."
        ) from error


def halves(root: Path) -> Iterator[Halves]:
    """Every function that is long enough, in the order of paths and lines."""
    for file, source in _sources(root):
        lines = source.decode(errors="replace").split("\n")
        for definition in _outermost(definitions(source, str(file.language))):
            body = lines[definition.line - 1 : definition.end_line]
            cut = _middle(body)
            if cut is not None:
                yield Halves(
                    id=f"{file.path}:{definition.line}",
                    language=file.language,
                    first=textwrap.dedent("\n".join(body[:cut])).strip(),
                    second=textwrap.dedent("\n".join(body[cut:])).strip(),
                )


def _sources(root: Path) -> Iterator[tuple[SourceFile, bytes]]:
    with checked_out(root) as tree:
        for file in walk(tree).files:
            if file.language not in GRAMMARS or file.size > MOST_BYTES:
                continue
            try:
                yield file, file.read()
            except OSError:
                continue  # gone since the walk, or not ours to read


def _outermost(found: list[Definition]) -> Iterator[Definition]:
    """Functions that lie in no other function."""
    end = -1
    for definition in sorted(found, key=lambda d: (d.start_byte, -d.end_byte)):
        if definition.kind == "function" and definition.start_byte >= end:
            end = definition.end_byte
            yield definition


def _middle(lines: list[str]) -> int | None:
    """Where half of the lines that are not blank have passed; None for too few or too many."""
    written = [number for number, line in enumerate(lines) if line.strip()]
    if not LEAST_LINES <= len(written) <= MOST_LINES:
        return None
    return written[len(written) // 2]
