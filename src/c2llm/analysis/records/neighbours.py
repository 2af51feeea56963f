"""What was measured of code like some other: the neighbours, and a guess for each number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

from c2llm.analysis.records.guess import Guess, guess
from c2llm.encoding.encoder_handle import DEFAULT_TABLE, EncoderHandle, table_handle
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.index.store.imported.file_text import file_lines
from c2llm.search.request import SearchRequest

if TYPE_CHECKING:
    from c2llm.index.store.imported.record import Record
    from c2llm.search.answers.similar_code import Specimen
    from c2llm.search.code_index import CodeIndex

_MOST = 2_000
"""Pieces of code that are compared at most: each with each other."""
_MOST_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Measured:
    """Some code and all that was measured of it."""

    text: str
    records: tuple[Record, ...]

    def number(self, column: str) -> float | None:
        """The median of what its records have in a column of numbers."""
        values = [
            float(value)
            for record in self.records
            if isinstance(value := record.values.get(column), int | float)
            and not isinstance(value, bool)
        ]
        return median(values) if values else None


@dataclass(frozen=True, slots=True)
class Guesses:
    """What is expected of some code, from what was measured of others."""

    guesses: tuple[Guess, ...]
    """For each column of numbers."""
    own: tuple[Record, ...]
    """What was measured of the code itself."""
    left_out: int
    """Pieces of code that are more than are compared."""


def guesses_for(
    indexes: Sequence[CodeIndex], specimen: Specimen, request: SearchRequest
) -> Guesses:
    """Guess what some code would have in each column of numbers.

    What is stale counts: it is what the code was like when it was measured that differs. The
    condition, the languages and the paths of the request choose among what was measured.

    Args:
        indexes: Open indexes.
        specimen: The code.
        request: Which records count.
    """
    import numpy as np

    asked = replace(request, records=True, mode="lexical")
    others: list[Measured] = []
    own: list[Record] = []
    columns: dict[str, None] = {}
    for index in indexes:
        target = index.target(asked, indexes)
        store = target.reader.store
        columns.update(
            (name, None) for name, one in store.record_columns().items() if "number" in one.types
        )
        ids = {
            file.path: file.id
            for file in store.files()
            if target.filters.files is None or file.id in target.filters.files
        }
        for path, records in (target.filters.records or {}).items():
            is_here = specimen.file == index.root / path
            mine = [one for one in records if is_here and _is_itself(one, specimen)]
            own += mine
            rest = [one for one in records if not any(one is its for its in mine)]
            if rest and path in ids:
                others += _measured(file_lines(store, ids[path]), rest)
    left_out = max(0, len(others) - _MOST)
    others = others[:_MOST]
    if not others:
        return Guesses((), tuple(own), left_out)
    handle = table_handle(DEFAULT_TABLE, alone=True) or EncoderHandle(DEFAULT_MODEL, None, 0)
    texts = [specimen.text[:_MOST_CHARACTERS], *(one.text for one in others)]
    vectors = np.asarray(handle.get().encode_documents(texts), np.float64)
    cosines = vectors @ vectors.T
    found: list[Guess] = []
    for column in columns:
        numbers = [one.number(column) for one in others]
        there = [place for place, number in enumerate(numbers) if number is not None]
        if there:
            values = np.asarray([number for number in numbers if number is not None])
            rows = np.asarray(there) + 1
            found.append(guess(column, values, cosines[0][rows], cosines[np.ix_(rows, rows)]))
    return Guesses(tuple(found), tuple(own), left_out)


def _is_itself(record: Record, specimen: Specimen) -> bool:
    if not record.start_line:
        return False
    return record.start_line <= specimen.end_line and specimen.start_line <= record.end_line


def _measured(lines: Sequence[str], records: Sequence[Record]) -> list[Measured]:
    """The code of the records of a file, those of the same code together."""
    of_span: dict[tuple[int, int], list[Record]] = {}
    for record in records:
        of_span.setdefault((record.start_line, record.end_line), []).append(record)
    found: list[Measured] = []
    for (start, end), together in of_span.items():
        text = "\n".join(lines[start - 1 : end] if start else lines)
        if text.strip():
            found.append(Measured(text[:_MOST_CHARACTERS], tuple(together)))
    return found
