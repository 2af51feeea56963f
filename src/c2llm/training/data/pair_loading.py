"""Training pairs: read, filtered, de-duplicated, and kept clear of every evaluation text.

A row has `query` and `positive` (or `positives`, or `doc`), and optionally `negatives`, `dataset`,
`language` (or `lang`), `instruction`, `split`, `id`, `header`, `label`, and a teacher's
`positive_score` and `negative_scores`. docs/training.md describes each.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np

from c2llm.errors import DataError
from c2llm.training.data.decontamination import Contamination
from c2llm.training.data.judging import (
    Judge,
    Judged,
    in_held_out_tenth,
    is_held_out,
    pair_key,
    row_format,
)
from c2llm.training.data.pair_sources import files_of, read_rows, rows_of
from c2llm.training.data.pair_store import ArrowWriter, Subset
from c2llm.training.data.training_pair import Pair
from c2llm.training.mining.near_duplicates import NearDuplicates
from c2llm.training.run.recipe import HUB, DataConfig, SourceConfig

__all__ = ["DataReport", "count_pairs", "evaluation_texts", "in_held_out_tenth", "load_pairs"]


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


def load_pairs(
    config: DataConfig,
    seed: int,
    *,
    folder: Path | None = None,
    judged: Callable[[int], Iterable[Judged]] | None = None,
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
        judged: the rows of the source with this number, where other processes have looked at them
            (`shards.py`); they are read here without it.

    Raises:
        DataError: for a malformed row or mixed numbers of negatives, naming file and line, or if
            nothing is left.
    """
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
        order = _Reader(config, report, seed, judged or judged_here(config)).read(sink)
    report.log = None
    if not order:
        raise _nothing_left(config)
    if writer is not None:
        return Subset(writer.finish(), np.array(order, dtype=np.int64)), report
    return [memory[i] for i in order], report


def count_pairs(
    config: DataConfig, seed: int, judged: Callable[[int], Iterable[Judged]]
) -> DataReport:
    """What `load_pairs` would keep and drop, without keeping it.

    Raises:
        DataError: as `load_pairs`.
    """
    report = DataReport()
    if not _Reader(config, report, seed, judged).read(_Counted()):
        raise _nothing_left(config)
    return report


class _Counted:
    def __init__(self) -> None:
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, pair: Pair) -> None:
        self._count += 1


def _nothing_left(config: DataConfig) -> DataError:
    return DataError(
        f"No training pair is left of {len(config.sources)} sources below {Path(config.root)}."
    )


def judged_here(config: DataConfig) -> Callable[[int], Iterable[Judged]]:
    """Reads and judges the rows of a source in this process."""
    root = Path(config.root)
    evaluation = evaluation_texts(config, root)

    def judged(number: int) -> Iterator[Judged]:
        source = config.sources[number]
        return Judge(source, config, evaluation).judge(rows_of(source, root))

    return judged


class _Reader:
    """One pass over all sources.

    Args:
        config: what to read.
        report: counts what is dropped.
        seed: draws the rows of capped sources.
        judged: the rows of the source with this number, each looked at by itself.
    """

    def __init__(
        self,
        config: DataConfig,
        report: DataReport,
        seed: int,
        judged: Callable[[int], Iterable[Judged]],
    ) -> None:
        self._config, self._report, self._seed, self._judged = config, report, seed, judged
        self._near = NearDuplicates(config.near_duplicates) if config.near_duplicates else None
        self._seen: set[int] = set()
        self._negatives = _NegativeCounts(config.hard_negatives, config.few_negatives)

    def read(self, sink: _Sink) -> list[int]:
        """Put the pairs into `sink`; returns the positions of those to use."""
        order: list[int] = []
        for number in range(len(self._config.sources)):
            order.extend(self._read_source(number, sink))
        few = self._negatives.to_drop()
        for _, name, where in few:
            self._report.drop(name, "too few negatives", where)
            self._report.kept[name] -= 1
        gone = {position for position, _, _ in few}
        return [position for position in order if position not in gone]

    def _read_source(self, number: int, sink: _Sink) -> list[int]:
        source, report = self._config.sources[number], self._report
        name = source.dataset
        positions: list[int] = []
        for row in self._judged(number):
            pair = row.pair
            if pair is None:
                report.drop(name, row.reason, row.where, row.repeats)
                continue
            key = pair_key(pair)
            if key in self._seen:
                report.drop(name, "repeated pair", row.where)
                continue
            if self._near is not None and self._near.add(pair.document, pair.dataset):
                report.drop(name, "near-duplicate", row.where)
                continue
            if row.negatives_dropped:
                counts = report.dropped.setdefault(name, Counter())
                counts["negatives that repeat evaluation texts"] += row.negatives_dropped
            self._seen.add(key)
            report.datasets.setdefault(pair.dataset, name)
            self._negatives.see(pair, len(sink), name, row.where)
            positions.append(len(sink))
            sink.append(pair)
        if source.cap is not None and len(positions) > source.cap:
            above = len(positions) - source.cap
            report.dropped.setdefault(name, Counter())["above the cap"] += above
            positions = random.Random(self._seed).sample(positions, source.cap)
        report.kept[name] += len(positions)
        return positions


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
