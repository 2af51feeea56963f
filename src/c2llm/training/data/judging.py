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
from pathlib import Path
from typing import Any

from c2llm.modeling.official import PAPER_INSTRUCTIONS
from c2llm.training.data.decontamination import Contamination, stable_hash
from c2llm.training.data.pair_sources import Row
from c2llm.training.data.stored_texts import TextsById
from c2llm.training.data.training_pair import Pair, RowFormat
from c2llm.training.run.recipe import DataConfig, SourceConfig

_WORD = re.compile(r"[A-Za-z]+|[0-9]+")


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


class Judge:
    """Judges the rows of one source.

    Args:
        source: the source.
        config: the recipe's data, for its instructions.
        evaluation: what must not be repeated.
    """

    def __init__(self, source: SourceConfig, config: DataConfig, evaluation: Contamination) -> None:
        self._source, self._evaluation = source, evaluation
        self._format = row_format(source, config)
        self._judged: dict[tuple[Path, int], bool] = {}

    def judge(self, rows: Iterable[tuple[str, Row]]) -> Iterator[Judged]:
        """Every row, in order.

        Raises:
            DataError: for a malformed row, naming it.
        """
        for where, row in rows:
            pair = self._format.parse(row, where)
            refused = self._refused(pair, row)
            if refused:
                yield Judged(where, None, *refused)
                continue
            left = self._without_evaluation_negatives(pair)
            gone = len(pair.negatives) - len(left.negatives)
            yield Judged(where, left, negatives_dropped=gone)

    def _refused(self, pair: Pair, row: Row) -> tuple[str, str] | None:
        """Why a row is not used, and which evaluation set it repeats; None if it is used."""
        source = self._source
        if is_held_out(row, source):
            return "held out for evaluation", ""
        if row.get("label") in (0, 0.0, "0"):
            return "judged not to answer", ""
        if not _WORD.search(pair.query) or not pair.document.strip():
            return "empty text", ""
        if len(pair.query) < source.min_query_characters:
            return "short query", ""
        if len(pair.document) < source.min_document_characters:
            return "short document", ""
        most = source.max_document_characters
        if most is not None and len(pair.document) > most:
            return "long document", ""
        repeated = self._evaluation.source(pair.query)
        for document in pair.positives:
            ngrams = not source.templated
            repeated = repeated or self._evaluation.source(document, ngrams=ngrams)
        return None if repeated is None else ("repeats an evaluation text", repeated)

    def _without_evaluation_negatives(self, pair: Pair) -> Pair:
        """A document of an evaluation corpus is not trained on as a negative either."""
        if self._evaluation.is_empty:
            return pair
        negatives = pair.negatives
        kept = [i for i in range(len(negatives)) if not self._repeats(negatives, i)]
        if len(kept) == len(negatives):
            return pair
        scores = (pair.scores[0], *(pair.scores[1 + i] for i in kept)) if pair.scores else ()
        left: Sequence[str] = tuple(negatives[i] for i in kept)
        if isinstance(negatives, TextsById):
            left = TextsById(negatives.stored, [negatives.ids[i] for i in kept])
        return replace(pair, negatives=left, scores=scores)

    def _repeats(self, negatives: Sequence[str], index: int) -> bool:
        """Whether a negative is an evaluation text; one that many rows share is read once."""
        if not isinstance(negatives, TextsById):
            return self._evaluation.source(negatives[index], ngrams=False) is not None
        key = negatives.stored.path, negatives.ids[index]
        if key not in self._judged:
            text = negatives[index]
            self._judged[key] = self._evaluation.source(text, ngrams=False) is not None
        return self._judged[key]


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
