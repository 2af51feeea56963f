"""Training pairs: read, filtered, de-duplicated, and kept clear of every evaluation text.

A row is one JSON object with `query` and `positive` (or `doc`), and optionally `language` (or
`lang`), `dataset`, `split`, `id`, `header`. Two texts are the same if they agree after everything
but letters and digits is removed and case is folded: formatting does not hide a repetition.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from c2llm.errors import DataError
from c2llm.training.config import DataConfig, SourceConfig

SHINGLE = 8
"""Words of one shingle in the near-duplicate test."""
OVERLAP = 0.5
"""A document with more than this share of its shingles in evaluation code is dropped."""

_WORD = re.compile(r"[A-Za-z]+|[0-9]+")


@dataclass(frozen=True, slots=True)
class Pair:
    """A query, the document that answers it, and the group that its batches are drawn from."""

    query: str
    document: str
    dataset: str
    language: str
    header: str = ""


@dataclass
class DataReport:
    """What was read and what was dropped, per source; written beside the weights."""

    kept: Counter[str] = field(default_factory=Counter)
    dropped: dict[str, Counter[str]] = field(default_factory=dict)

    def drop(self, source: str, reason: str) -> None:
        """Count one dropped row."""
        self.dropped.setdefault(source, Counter())[reason] += 1

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready counts."""
        return {
            "kept": dict(self.kept),
            "dropped": {source: dict(reasons) for source, reasons in self.dropped.items()},
        }


class Contamination:
    """Evaluation texts, as hashes; tells whether a training text repeats one of them."""

    def __init__(self) -> None:
        self._texts: set[int] = set()
        self._shingles: set[int] = set()

    def add(self, query: str, document: str) -> None:
        """Remember an evaluation pair."""
        for text in (query, document):
            words = _WORD.findall(text.lower())
            if words:
                self._texts.add(hash(tuple(words)))
                self._shingles.update(_shingles(words))

    def covers(self, text: str) -> bool:
        """Whether `text` repeats a remembered text, or shares most of its shingles with them."""
        words = _WORD.findall(text.lower())
        if hash(tuple(words)) in self._texts:
            return True
        shingles = _shingles(words)
        if not shingles:
            return False
        shared = sum(shingle in self._shingles for shingle in shingles)
        return shared > OVERLAP * len(shingles)


def _shingles(words: list[str]) -> list[int]:
    return [hash(tuple(words[i : i + SHINGLE])) for i in range(len(words) - SHINGLE + 1)]


def _open_text(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows of a .jsonl or .jsonl.gz with their line numbers.

    Raises:
        DataError: naming file and line, for a line that is not a JSON object.
    """
    with _open_text(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{path}:{number} is not JSON ({error.msg}).") from error
            if not isinstance(row, dict):
                raise DataError(f"{path}:{number} is not a JSON object.")
            yield number, row


def is_held_out(row: dict[str, Any], source: SourceConfig) -> bool:
    """Whether evaluation, not training, may use this row of a source."""
    if source.splits and row.get("split") not in source.splits:
        return True
    return source.hold_out_tenth and in_held_out_tenth(str(row.get("id", "")))


def in_held_out_tenth(row_id: str) -> bool:
    """The tenth of a file that has no split of its own: crc32 of the row's id, modulo 10, is 0."""
    return zlib.crc32(row_id.encode()) % 10 == 0


def load_pairs(config: DataConfig, seed: int) -> tuple[list[Pair], DataReport]:
    """Read all sources of a recipe.

    Dropped, and counted by reason: held-out rows, empty texts, rows that repeat evaluation texts,
    and pairs seen before (the same query with the same document).

    Raises:
        DataError: for a malformed row, naming file and line, or if nothing is left.
    """
    root = Path(config.root)
    report = DataReport()
    evaluation = _evaluation_texts(config, root)
    seen: set[tuple[int, int]] = set()
    pairs: list[Pair] = []
    for source in config.sources:
        name = source.name or source.file.split("/")[-1].split(".")[0]
        rows: list[Pair] = []
        for number, row in read_rows(root / source.file):
            pair = _parse(row, name, f"{root / source.file}:{number}")
            key = (hash(pair.query.lower()), hash(pair.document))
            if is_held_out(row, source):
                report.drop(name, "held out for evaluation")
            elif not _WORD.search(pair.query) or not pair.document.strip():
                report.drop(name, "empty text")
            elif key in seen:
                report.drop(name, "repeated pair")
            elif evaluation.covers(pair.query) or evaluation.covers(pair.document):
                report.drop(name, "repeats an evaluation text")
            else:
                seen.add(key)
                rows.append(pair)
        if source.cap is not None and len(rows) > source.cap:
            report.dropped.setdefault(name, Counter())["above the cap"] += len(rows) - source.cap
            rows = random.Random(seed).sample(rows, source.cap)
        report.kept[name] += len(rows)
        pairs.extend(rows)
    if not pairs:
        raise DataError(f"No training pair is left of {len(config.sources)} sources below {root}.")
    return pairs, report


def _evaluation_texts(config: DataConfig, root: Path) -> Contamination:
    evaluation = Contamination()
    for name in config.decontaminate:
        for _, row in read_rows(root / name):
            # Corpora bring documents (`text`), query files bring queries, pairs bring both.
            evaluation.add(
                str(row.get("query", "")),
                str(row.get("doc") or row.get("text") or row.get("document") or ""),
            )
    if config.decontaminate_held_out:
        for source in config.sources:
            for number, row in read_rows(root / source.file):
                if is_held_out(row, source):
                    pair = _parse(row, source.file, f"{root / source.file}:{number}")
                    evaluation.add(pair.query, pair.document)
    return evaluation


def _parse(row: dict[str, Any], dataset: str, where: str) -> Pair:
    document = row.get("positive", row.get("doc"))
    for name, value in (("query", row.get("query")), ("positive", document)):
        if not isinstance(value, str):
            raise DataError(
                f"{where} has no text in `{name}`: a row needs `query` and `positive` (or `doc`)."
            )
    return Pair(
        query=row["query"],
        document=str(document),
        dataset=str(row.get("dataset") or dataset),
        language=str(row.get("language") or row.get("lang") or ""),
        header=str(row.get("header") or ""),
    )


def split_validation(pairs: list[Pair], size: int, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Set `size` pairs aside; returns (training, validation), which share no text."""
    chosen = set(random.Random(seed).sample(range(len(pairs)), min(size, len(pairs) // 10)))
    validation = [pairs[i] for i in sorted(chosen)]
    texts = set(_texts(validation))
    training = [
        p
        for i, p in enumerate(pairs)
        if i not in chosen and p.query not in texts and p.document not in texts
    ]
    return training, validation


def _texts(pairs: Iterable[Pair]) -> Iterator[str]:
    for pair in pairs:
        yield pair.query
        yield pair.document
