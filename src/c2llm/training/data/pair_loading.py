"""Training pairs: read, filtered, de-duplicated, and kept clear of every evaluation text.

A row has `query` and `positive` (or `positives`, or `doc`), and optionally `negatives`, `dataset`,
`language` (or `lang`), `instruction`, `split`, `id`, `header`, `label`, and a teacher's
`positive_score` and `negative_scores`. docs/training.md describes each.
"""

from __future__ import annotations

import json
import random
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np

from c2llm.errors import DataError
from c2llm.modeling.official import PAPER_INSTRUCTIONS
from c2llm.training.data.decontamination import Contamination
from c2llm.training.data.pair_sources import Row, files_of, read_rows, rows_of
from c2llm.training.data.pair_store import ArrowWriter, Subset
from c2llm.training.data.stored_texts import TextsById
from c2llm.training.data.training_pair import Pair, RowFormat
from c2llm.training.mining.near_duplicates import NearDuplicates
from c2llm.training.run.recipe import HUB, DataConfig, SourceConfig

_WORD = re.compile(r"[A-Za-z]+|[0-9]+")


@dataclass
class DataReport:
    """What was read and what was dropped, per source; written beside the weights."""

    kept: Counter[str] = field(default_factory=Counter)
    dropped: dict[str, Counter[str]] = field(default_factory=dict)
    contaminated: dict[str, Counter[str]] = field(default_factory=dict)
    """Per source, how many rows repeated which evaluation set."""
    datasets: dict[str, str] = field(default_factory=dict)
    """Dataset of rows -> the source that brought it first."""
    log: TextIO | None = None
    """Where every dropped row is named, one JSON object a line."""

    def drop(self, source: str, reason: str, where: str = "", repeats: str = "") -> None:
        """Count one dropped row, and name it in the log."""
        self.dropped.setdefault(source, Counter())[reason] += 1
        if repeats:
            self.contaminated.setdefault(source, Counter())[repeats] += 1
        if self.log is not None:
            entry = {"row": where, "source": source, "reason": reason}
            self.log.write(json.dumps(entry | ({"repeats": repeats} if repeats else {})) + "\n")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready counts."""
        return {
            "kept": dict(self.kept),
            "dropped": {source: dict(reasons) for source, reasons in self.dropped.items()},
            "contaminated": {source: dict(sets) for source, sets in self.contaminated.items()},
            "datasets": self.datasets,
        }

    @classmethod
    def from_dict(cls, counts: Mapping[str, Any]) -> DataReport:
        """The report that `to_dict` gave."""
        return cls(
            Counter(counts["kept"]),
            {source: Counter(reasons) for source, reasons in counts["dropped"].items()},
            {source: Counter(sets) for source, sets in counts["contaminated"].items()},
            dict(counts["datasets"]),
        )


class _Sink(Protocol):
    def __len__(self) -> int: ...
    def append(self, pair: Pair, /) -> None: ...


def is_held_out(row: Row, source: SourceConfig) -> bool:
    """Whether evaluation, not training, may use this row of a source."""
    if source.splits and row.get("split") not in source.splits:
        return True
    return source.hold_out_tenth and in_held_out_tenth(str(row.get("id", "")))


def in_held_out_tenth(row_id: str) -> bool:
    """The tenth of a file that has no split of its own: crc32 of the row's id, modulo 10, is 0."""
    return zlib.crc32(row_id.encode()) % 10 == 0


def load_pairs(
    config: DataConfig, seed: int, *, folder: Path | None = None
) -> tuple[Sequence[Pair], DataReport]:
    """Read all sources of a recipe.

    Dropped, and counted by reason: held-out rows, queries without a word, texts shorter or longer
    than their source allows, pairs seen before (the same query with the same document),
    near-duplicates if asked for, rows that repeat evaluation texts, and rows whose `label` is 0.

    Args:
        config: what to read.
        seed: draws the rows of capped sources.
        folder: where to name every dropped row (`dropped.jsonl`) and, with `config.stream`, keep
            the pairs.

    Raises:
        DataError: for a malformed row or mixed numbers of negatives, naming file and line, or if
            nothing is left.
    """
    root = Path(config.root)
    report = DataReport()
    with ExitStack() as stack:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            log = (folder / "dropped.jsonl").open("w", encoding="utf-8")
            report.log = stack.enter_context(log)
        streamed = config.stream and folder is not None
        writer = ArrowWriter(folder / "pairs.arrow") if streamed and folder is not None else None
        memory: list[Pair] = []
        sink: _Sink = writer if writer is not None else memory
        order = _Reader(config, root, report, seed).read(sink)
    report.log = None
    if not order:
        raise DataError(f"No training pair is left of {len(config.sources)} sources below {root}.")
    if writer is not None:
        return Subset(writer.finish(), np.array(order, dtype=np.int64)), report
    return [memory[i] for i in order], report


class _Reader:
    """One pass over all sources."""

    def __init__(self, config: DataConfig, root: Path, report: DataReport, seed: int) -> None:
        self._config, self._root, self._report, self._seed = config, root, report, seed
        self._evaluation = evaluation_texts(config, root)
        self._near = NearDuplicates(config.near_duplicates) if config.near_duplicates else None
        self._seen: set[tuple[int, int]] = set()
        self._judged: dict[tuple[Path, int], bool] = {}
        self._negatives = _NegativeCounts(config.hard_negatives, config.few_negatives)

    def read(self, sink: _Sink) -> list[int]:
        """Put the pairs into `sink`; returns the positions of those to use."""
        order: list[int] = []
        for source in self._config.sources:
            order.extend(self._read_source(source, sink))
        few = self._negatives.to_drop()
        for _, name, where in few:
            self._report.drop(name, "too few negatives", where)
            self._report.kept[name] -= 1
        gone = {position for position, _, _ in few}
        return [position for position in order if position not in gone]

    def _read_source(self, source: SourceConfig, sink: _Sink) -> list[int]:
        name, report = source.dataset, self._report
        positions: list[int] = []
        rows = row_format(source, self._config)
        for where, row in rows_of(source, self._root):
            pair = rows.parse(row, where)
            refused = self._refused(pair, row, source)
            if refused:
                report.drop(name, refused[0], where, refused[1])
                continue
            pair = self._without_evaluation_negatives(pair, name)
            self._seen.add(_key(pair))
            report.datasets.setdefault(pair.dataset, name)
            self._negatives.see(pair, len(sink), name, where)
            positions.append(len(sink))
            sink.append(pair)
        if source.cap is not None and len(positions) > source.cap:
            above = len(positions) - source.cap
            report.dropped.setdefault(name, Counter())["above the cap"] += above
            positions = random.Random(self._seed).sample(positions, source.cap)
        report.kept[name] += len(positions)
        return positions

    def _refused(self, pair: Pair, row: Row, source: SourceConfig) -> tuple[str, str] | None:
        """Why a row is not used, and which evaluation set it repeats; None if it is used."""
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
        if _key(pair) in self._seen:
            return "repeated pair", ""
        repeated = self._evaluation.source(pair.query)
        for document in pair.positives:
            ngrams = not source.templated
            repeated = repeated or self._evaluation.source(document, ngrams=ngrams)
        if repeated is not None:
            return "repeats an evaluation text", repeated
        if self._near is not None and self._near.add(pair.document, pair.dataset):
            return "near-duplicate", ""
        return None

    def _without_evaluation_negatives(self, pair: Pair, source: str) -> Pair:
        """A document of an evaluation corpus is not trained on as a negative either."""
        if self._evaluation.is_empty:
            return pair
        negatives = pair.negatives
        kept = [i for i in range(len(negatives)) if not self._repeats(negatives, i)]
        if len(kept) == len(negatives):
            return pair
        counts = self._report.dropped.setdefault(source, Counter())
        counts["negatives that repeat evaluation texts"] += len(negatives) - len(kept)
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


class _NegativeCounts:
    """Holds every dataset to one rule: no row has negatives, or every row has at least K."""

    def __init__(self, wanted: int, rule: str) -> None:
        self._wanted, self._rule = wanted, rule
        self._with: set[str] = set()
        self._short: dict[str, list[tuple[int, str, str]]] = {}
        self._counts: dict[str, int] = {}

    def see(self, pair: Pair, position: int, source: str, where: str) -> None:
        """Take note of one row."""
        if not self._wanted:
            return
        count = len(pair.negatives)
        if count:
            self._with.add(pair.dataset)
        if count < self._wanted:
            short = self._short.setdefault(pair.dataset, [])
            if not short or self._rule == "drop":
                short.append((position, source, where))
                self._counts.setdefault(pair.dataset, count)
        if self._rule == "refuse" and pair.dataset in self._with & self._short.keys():
            where = self._short[pair.dataset][0][2]
            raise DataError(
                f"{where} has {self._counts[pair.dataset]} negatives where data.hard_negatives "
                f"asks for {self._wanted} and other rows of {pair.dataset} have them: mine more, "
                "lower data.hard_negatives, or drop such rows with data.few_negatives=drop."
            )

    def to_drop(self) -> list[tuple[int, str, str]]:
        """Position, source and place of rows to leave out."""
        return [row for name, rows in self._short.items() if name in self._with for row in rows]


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


def _key(pair: Pair) -> tuple[int, int]:
    return hash(pair.query.lower()), hash(pair.document)


def evaluation_texts(config: DataConfig, root: Path) -> Contamination:
    """The texts that training data must not repeat, by evaluation set."""
    evaluation = Contamination()
    for name in [*config.decontaminate, *config.validation]:
        if name.startswith(HUB):
            from c2llm.training.data.hub_data import evaluation_texts as hub_texts

            for text in hub_texts(SourceConfig(name), root):
                evaluation.add("", text, name)
            continue
        for path in files_of(name, root):
            for _, row in read_rows(path):
                for text in _all_texts(row):
                    evaluation.add("", text, name)
    if config.decontaminate_held_out:
        for source in config.sources:
            if not source.splits and not source.hold_out_tenth:
                continue
            rows = row_format(source, config)
            for where, row in rows_of(source, root):
                if is_held_out(row, source):
                    pair = rows.parse(row, where)
                    for document in pair.positives:
                        evaluation.add(pair.query, document, f"held-out rows of {source.dataset}")
    return evaluation


def _all_texts(row: Mapping[str, Any]) -> Iterator[str]:
    """Corpora bring documents (`text`), query files bring queries, pairs bring both."""
    for key in ("query", "doc", "text", "document", "positive", "positives"):
        value = row.get(key)
        yield from (str(item) for item in (value if isinstance(value, list) else [value]) if item)


def split_validation(
    pairs: Sequence[Pair], size: int, seed: int
) -> tuple[Sequence[Pair], list[Pair]]:
    """Set `size` pairs aside; returns (training, validation), which share no text."""
    chosen = set(random.Random(seed).sample(range(len(pairs)), min(size, len(pairs) // 10)))
    validation = [pairs[i] for i in sorted(chosen)]
    texts = set(_texts(validation))
    training = [
        i
        for i, pair in enumerate(pairs)
        if i not in chosen and pair.query not in texts and texts.isdisjoint(pair.positives)
    ]
    return Subset(pairs, np.array(training, dtype=np.int64)), validation


def validation_pairs(config: DataConfig) -> list[Pair]:
    """The rows of the files that `data.validation` names.

    Raises:
        DataError: for a malformed row, naming file and line, or if there is none.
    """
    root = Path(config.root)
    pairs = [
        row_format(source, config).parse(row, where)
        for source in map(SourceConfig, config.validation)
        for where, row in rows_of(source, root)
        if row.get("label") not in (0, 0.0, "0")
    ]
    if not pairs:
        raise DataError(f"{', '.join(config.validation)} hold no pair: name files with rows.")
    return pairs


def _texts(pairs: Iterable[Pair]) -> Iterator[str]:
    for pair in pairs:
        yield pair.query
        yield from pair.positives
