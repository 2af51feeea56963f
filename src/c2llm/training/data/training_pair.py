"""One training row: a query, what answers it, what only looks as if it did."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c2llm.errors import DataError
from c2llm.printable import quoted
from c2llm.training.data.stored_texts import TextsById, stored_texts


@dataclass(frozen=True, slots=True)
class Pair:
    """A query, the document that answers it, and the group that its batches are drawn from."""

    query: str
    document: str
    dataset: str
    language: str
    header: str = ""
    negatives: Sequence[str] = ()
    """Mined documents that do not answer the query; a tuple, or `TextsById`."""
    also_positive: tuple[str, ...] = ()
    """Further documents that answer it."""
    instruction: str = ""
    """What is asked for, put on a line of its own before the query."""
    scores: tuple[float, ...] = ()
    """A teacher's scores: of the document, then of each negative. Empty where there are none."""

    @property
    def positives(self) -> tuple[str, ...]:
        """All documents that answer the query."""
        return (self.document, *self.also_positive)


_OF_THE_QUERY = {"header", "negative", "negatives", "negative_ids"} | {
    "positive_score",
    "negative_scores",
}
"""Fields that say nothing of a row whose document asks for its query."""


@dataclass(frozen=True)
class RowFormat:
    """How the rows of one source become pairs.

    Attributes:
        dataset: name of rows that bring none.
        language: language of rows that name none.
        instruction: instruction (key or text) of rows that name none.
        instructions: key -> text.
        columns: our field -> the file's column.
        swap: whether documents ask and queries answer.
    """

    dataset: str
    language: str
    instruction: str
    instructions: Mapping[str, str]
    columns: Mapping[str, str]
    swap: bool = False

    def parse(self, row: Mapping[str, Any], where: str) -> Pair:
        """The pair of a row.

        Raises:
            DataError: for a missing or empty text, an unknown instruction or scores that do not
                fit, naming `where` and the cure.
        """
        row = self._renamed(row, where)
        query = row.get("query")
        if not isinstance(query, str):
            raise DataError(
                f"{where} has no text in `query`: a row needs `query` and `positive` (or `doc`)."
            )
        positives = self._positives(row, where)
        if self.swap:
            query, positives = positives[0], [query]
            row = {k: v for k, v in row.items() if k not in _OF_THE_QUERY}
        negatives = _named_texts(row, where) or _texts(row, ("negatives", "negative"), where)
        # What is named by number is not read here: `judging.py` takes out a positive among it.
        named = isinstance(negatives, TextsById)
        kept = [i for i in range(len(negatives)) if named or negatives[i] not in positives]
        return Pair(
            query=query,
            document=positives[0],
            dataset=str(row.get("dataset") or self.dataset),
            language=str(row.get("language") or row.get("lang") or self.language),
            header=str(row.get("header") or ""),
            negatives=negatives if named else tuple(negatives[i] for i in kept),
            also_positive=tuple(positives[1:]),
            instruction=self._instruction(row, where),
            scores=_scores(row, negatives, kept, where),
        )

    def _renamed(self, row: Mapping[str, Any], where: str) -> Mapping[str, Any]:
        if not self.columns:
            return row
        renamed = dict(row)
        for field, column in self.columns.items():
            if column not in row:
                raise DataError(
                    f"{where} has no column {column!r}, which `columns` names for {field}; there "
                    f"are {', '.join(map(str, row))}."
                )
            renamed[field] = row[column]
        return renamed

    def _positives(self, row: Mapping[str, Any], where: str) -> list[str]:
        positives = _texts(row, ("positive", "positives", "doc", "document"), where)
        if not positives:
            raise DataError(
                f"{where} has no text in `positive`: a row needs `query` and `positive` (or `doc`)."
            )
        return list(dict.fromkeys(positives))

    def _instruction(self, row: Mapping[str, Any], where: str) -> str:
        named = row.get("instruction") or self.instruction
        if not named:
            return ""
        if not isinstance(named, str):
            raise DataError(f"{where} has {quoted(named)} in `instruction`: it must be a text.")
        if named in self.instructions:
            return self.instructions[named]
        if " " in named.strip():  # a sentence is the instruction itself
            return named
        raise DataError(
            f"{where} names the instruction {named!r}, which data.instructions does not have; "
            f"there are {', '.join(self.instructions)}."
        )


def _texts(row: Mapping[str, Any], names: tuple[str, ...], where: str) -> list[str]:
    """The texts of the first of `names` that the row has: one text, or a list of texts."""
    for name in names:
        value = row.get(name)
        if value is None:
            continue
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list | tuple) or not all(isinstance(t, str) for t in found):
            raise DataError(
                f"{where} has no text in `{name}` but {str(value)[:60]!r}: write a string or a "
                "list of strings."
            )
        if not all(text.strip() for text in found):
            raise DataError(f"{where} has an empty text in `{name}`: fill it or remove the row.")
        return list(found)
    return []


def _named_texts(row: Mapping[str, Any], where: str) -> TextsById | None:
    """The negatives of a row that names them by number; None where it does not."""
    ids = row.get("negative_ids")
    if ids is None:
        return None
    if not isinstance(ids, list | tuple) or not all(type(i) is int for i in ids):
        raise DataError(f"{where} has {str(ids)[:60]!r} in `negative_ids`: write line numbers.")
    name = row.get("documents")
    if not isinstance(name, str) or not name:
        raise DataError(f"{where} has `negative_ids` but names no file of texts in `documents`.")
    stored = stored_texts(Path(where.rpartition(":")[0]).parent / name)
    if ids and not (min(ids) >= 0 and max(ids) < len(stored)):
        number = next(number for number in ids if not 0 <= number < len(stored))
        raise DataError(
            f"{where} names number {number}, but {stored.path} has {len(stored)} texts: keep "
            "the two files that were mined together."
        )
    return TextsById(stored, ids)


def _scores(
    row: Mapping[str, Any], negatives: Sequence[str], kept: list[int], where: str
) -> tuple[float, ...]:
    own, others = row.get("positive_score"), row.get("negative_scores")
    if own is None or others is None:
        return ()
    if not isinstance(others, list | tuple) or len(others) != len(negatives):
        count = len(others) if isinstance(others, list | tuple) else "no"
        raise DataError(
            f"{where} has {len(negatives)} negatives but {count} `negative_scores`: each needs one."
        )
    try:
        scores = (float(own), *(float(others[i]) for i in kept))
        if not all(map(math.isfinite, scores)):
            raise ValueError("not finite")
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{where} has a score that is not a number.") from error
    return scores
