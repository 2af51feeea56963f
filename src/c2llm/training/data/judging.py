"""What is decided about a row by itself: its pair, or why it is not used.

A function of the row, its source and the evaluation texts alone, so that many processes can share
the rows of a file. What depends on other rows (repetitions, caps, numbers of negatives) is decided
where all of them pass by: `pair_loading.py`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c2llm.modeling.official import PAPER_INSTRUCTIONS
from c2llm.training.data.decontamination import Contamination, stable_hash
from c2llm.training.data.pair_sources import Row
from c2llm.training.data.stored_texts import StoredTexts, TextsById
from c2llm.training.data.training_pair import Pair, RowFormat
from c2llm.training.run.recipe import DataConfig, SourceConfig

_WORD = re.compile(r"[A-Za-z0-9]")
_TOGETHER = 256
"""Rows, or texts of a file, that are looked at together."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A row that has been looked at by itself.

    Attributes:
        where: its file and line, or its line alone.
        pair: None where the row is not used.
        reason: why it is not.
        repeats: the evaluation set that it repeats.
        negatives_dropped: how many of its negatives repeat evaluation texts.
    """

    where: str
    pair: Pair | None
    reason: str = ""
    repeats: str = ""
    negatives_dropped: int = 0


@dataclass(frozen=True)
class JudgedTexts:
    """What is to be known of the texts of a file that rows name by number.

    Attributes:
        hashes: one of each text, whole.
        repeating: numbers of those that repeat evaluation texts.
    """

    hashes: NDArray[np.uint64]
    repeating: frozenset[int]


def judge_texts(
    stored: StoredTexts, first: int, last: int, evaluation: Contamination
) -> tuple[NDArray[np.uint64], list[int]]:
    """The hashes of the texts of a range of numbers, and which numbers repeat evaluation texts.

    Raises:
        DataError: for a line that holds no text, naming it.
    """
    hashes = np.empty(last - first, np.uint64)
    repeating: list[int] = []
    for start in range(first, last, _TOGETHER):
        texts = [stored[number] for number in range(start, min(start + _TOGETHER, last))]
        hashes[start - first : start - first + len(texts)] = [stable_hash(t) for t in texts]
        found = evaluation.sources(texts, [False] * len(texts))
        repeating += [start + place for place, name in enumerate(found) if name is not None]
    return hashes, repeating


class Judge:
    """Judges the rows of one source.

    Args:
        source: the source.
        config: the recipe's data, for its instructions.
        evaluation: what must not be repeated.
        texts: what is known of files of texts; others are looked at when a row names them.
    """

    def __init__(
        self,
        source: SourceConfig,
        config: DataConfig,
        evaluation: Contamination,
        texts: Mapping[Path, JudgedTexts] | None = None,
    ) -> None:
        self._source, self._evaluation = source, evaluation
        self._format = row_format(source, config)
        self._texts = dict(texts or {})

    def judge(self, rows: Iterable[tuple[str, Row]]) -> Iterator[Judged]:
        """Every row, in order.

        Raises:
            DataError: for a malformed row, naming it.
        """
        left = iter(rows)
        while some := list(islice(left, _TOGETHER)):
            yield from self._judge(
                [(where, self._format.parse(row, where), row) for where, row in some]
            )

    def _judge(self, rows: Sequence[tuple[str, Pair, Row]]) -> Iterator[Judged]:
        reasons = [self._unfit(pair, row) for _, pair, row in rows]
        fit = [pair for (_, pair, _), reason in zip(rows, reasons, strict=True) if not reason]
        repeated, negatives = iter(self._repeated(fit)), iter(self._repeating_negatives(fit))
        for (where, pair, _), reason in zip(rows, reasons, strict=True):
            if reason:
                yield Judged(where, None, reason)
                continue
            name, gone = next(repeated), next(negatives)
            if name is not None:
                yield Judged(where, None, "repeats an evaluation text", name)
                continue
            left = _without(pair, gone | self._answers(pair))
            yield Judged(where, left, negatives_dropped=len(gone))

    def _unfit(self, pair: Pair, row: Row) -> str:
        """Why a row is not used, whatever is evaluated; empty where it is."""
        source = self._source
        if is_held_out(row, source):
            return "held out for evaluation"
        if row.get("label") in (0, 0.0, "0"):
            return "judged not to answer"
        if not _WORD.search(pair.query) or not pair.document.strip():
            return "empty text"
        if len(pair.query) < source.min_query_characters:
            return "short query"
        if len(pair.document) < source.min_document_characters:
            return "short document"
        most = source.max_document_characters
        if most is not None and len(pair.document) > most:
            return "long document"
        return ""

    def _repeated(self, pairs: Sequence[Pair]) -> Iterator[str | None]:
        """The evaluation set that each pair repeats."""
        texts = [text for pair in pairs for text in (pair.query, *pair.positives)]
        # A query is tested in both ways, whatever its document is made of.
        of_documents = not self._source.templated
        ngrams = [
            test for pair in pairs for test in (True, *(of_documents for _ in pair.positives))
        ]
        found = iter(self._evaluation.sources(texts, ngrams))
        for pair in pairs:
            names = [name for name in islice(found, 1 + len(pair.positives)) if name is not None]
            yield names[0] if names else None

    def _repeating_negatives(self, pairs: Sequence[Pair]) -> Iterator[set[int]]:
        """Places of the negatives that are documents of an evaluation corpus.

        They are not trained on as negatives either.
        """
        told = [pair for pair in pairs if not isinstance(pair.negatives, TextsById)]
        texts = [text for pair in told for text in pair.negatives]
        found = iter(self._evaluation.sources(texts, [False] * len(texts)))
        for pair in pairs:
            negatives = pair.negatives
            if isinstance(negatives, TextsById):
                repeating = self._known(negatives.stored).repeating
                places = enumerate(negatives.ids if repeating else ())
                yield {place for place, number in places if number in repeating}
            else:
                names = islice(found, len(negatives))
                yield {i for i, name in enumerate(names) if name is not None}

    def _answers(self, pair: Pair) -> set[int]:
        """Places of negatives, named by number, that are positives of their query."""
        negatives = pair.negatives
        if not isinstance(negatives, TextsById) or not negatives.ids:
            return set()
        hashes = self._known(negatives.stored).hashes[list(negatives.ids)]
        same = [np.flatnonzero(hashes == stable_hash(text)) for text in pair.positives]
        return {int(place) for places in same for place in places}

    def _known(self, stored: StoredTexts) -> JudgedTexts:
        if stored.path not in self._texts:
            hashes, repeating = judge_texts(stored, 0, len(stored), self._evaluation)
            self._texts[stored.path] = JudgedTexts(hashes, frozenset(repeating))
        return self._texts[stored.path]


def _without(pair: Pair, gone: set[int]) -> Pair:
    """A pair that has lost some of its negatives, and their scores."""
    if not gone:
        return pair
    negatives = pair.negatives
    kept = [i for i in range(len(negatives)) if i not in gone]
    scores = (pair.scores[0], *(pair.scores[1 + i] for i in kept)) if pair.scores else ()
    left: Sequence[str] = (
        TextsById(negatives.stored, [negatives.ids[i] for i in kept])
        if isinstance(negatives, TextsById)
        else tuple(negatives[i] for i in kept)
    )
    return replace(pair, negatives=left, scores=scores)


def row_format(source: SourceConfig, config: DataConfig) -> RowFormat:
    """How the rows of a source are read."""
    return RowFormat(
        dataset=source.dataset,
        language=source.language,
        instruction=source.instruction,
        instructions={**PAPER_INSTRUCTIONS, **config.instructions},
        columns=source.columns,
        swap=source.swap,
    )


def is_held_out(row: Mapping[str, Any], source: SourceConfig) -> bool:
    """Whether evaluation, not training, may use this row of a source."""
    if source.splits and row.get("split") not in source.splits:
        return True
    return source.hold_out_tenth and in_held_out_tenth(str(row.get("id", "")))


def in_held_out_tenth(row_id: str) -> bool:
    """The tenth of a file that has no split of its own: crc32 of the row's id, modulo 10, is 0."""
    return zlib.crc32(row_id.encode()) % 10 == 0


def pair_key(pair: Pair) -> int:
    """Equal for the same query with the same document."""
    return stable_hash(pair.query.lower(), pair.document)
