"""Evaluation files in: pairs, BEIR folders, judgements; each fault named by file and line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c2llm.errors import DataError, UsageError
from c2llm.evaluation.retrieval.retrieval_task import (
    Document,
    Judgement,
    Query,
    RetrievalTask,
    assemble,
)
from c2llm.printable import quoted
from c2llm.training.data.jsonl import numbered_lines, numbered_rows


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of a pair file: a query, the document that answers it, and what is said of them."""

    id: str
    query: str
    document: str
    language: str
    split: str
    label: float
    """1 unless the row has a `label`: 0 marks a document that was judged not to answer."""


def find_file(folder: Path, stem: str) -> Path | None:
    """The file `stem` or `stem.gz` in `folder`, plain first; None where there is neither."""
    for name in (stem, f"{stem}.gz"):
        if (folder / name).is_file():
            return folder / name
    return None


def read_pairs(path: Path) -> list[Pair]:
    """Rows `{"id", "query", "doc", "lang", "split", "label"}`; the last three may be absent.

    Raises:
        DataError: naming file and line, for a row that is no such pair or repeats an id; for an
            empty file.
    """
    pairs: list[Pair] = []
    lines: dict[str, int] = {}
    for number, row in numbered_rows(path):
        where = f"{path}:{number}"
        pair = Pair(
            id=_text(row, "id", where),
            query=_text(row, "query", where),
            document=_text(row, "doc", where),
            language=str(row.get("lang") or ""),
            split=str(row.get("split") or ""),
            label=_number(row.get("label", 1), "label", where),
        )
        if lines.setdefault(pair.id, number) != number:
            raise DataError(
                f"{where} repeats the id {pair.id!r} of line {lines[pair.id]}: give each its own."
            )
        pairs.append(pair)
    if not pairs:
        raise DataError(f"{path} holds no row: fetch the file again.")
    return pairs


def read_beir(folder: Path, name: str, split: str) -> RetrievalTask:
    """A task in BEIR's layout: `corpus.jsonl`, `queries.jsonl` and `qrels/SPLIT.tsv`.

    Also found are `queries.SPLIT.jsonl` and `qrels.SPLIT.tsv`, and the JSON Lines with `.gz`. A
    title is put before its text. Queries without judgements in this split are left out.

    Raises:
        DataError: for a missing file or a row that breaks the format, naming file and line, and for
            judgements of texts that are not there.
    """
    corpus = _required(folder, "corpus.jsonl")
    asked = _required(folder, f"queries.{split}.jsonl", "queries.jsonl")
    judged = _required(folder, f"qrels.{split}.tsv", f"qrels/{split}.tsv")
    documents = [
        Document(id, f"{title} {text}".strip())
        for id, title, text in _beir_rows(corpus, blank=True)
    ]
    queries = [Query(id, text) for id, _, text in _beir_rows(asked, blank=False)]
    judgements = list(
        _judgements(judged, {q.id for q in queries}, {d.id for d in documents}, asked, corpus)
    )
    try:
        return assemble(name, queries, documents, judgements)
    except ValueError as error:
        raise DataError(f"{folder}: {error}.") from error


def beir_split(folder: Path) -> str:
    """The split that a BEIR folder is asked in: `test`, or the only one that it has.

    Raises:
        UsageError: if there is no such folder.
        DataError: for none or several others, naming them.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a directory; give a folder in BEIR's layout.")
    found = {path.stem for path in folder.glob("qrels/*.tsv")}
    found |= {path.name[len("qrels.") : -len(".tsv")] for path in folder.glob("qrels.*.tsv")}
    if "test" in found or not found:
        return "test"
    if len(found) > 1:
        raise DataError(
            f"{folder} has judgements for {', '.join(sorted(found))}; say which with "
            f"beir:{folder}#{min(found)}."
        )
    return found.pop()


def _judgements(
    path: Path, queries: set[str], documents: set[str], asked: Path, corpus: Path
) -> Iterator[Judgement]:
    for number, line in numbered_lines(path):
        fields = line.rstrip("\r\n").split("\t")
        where = f"{path}:{number}"
        if len(fields) != 3:
            raise DataError(
                f"{where} has {len(fields)} columns: judgements are query-id, corpus-id, score, "
                "with tabs between."
            )
        if number == 1 and fields[2] == "score":
            continue
        query, document, score = fields
        if query not in queries:
            raise DataError(
                f"{where} judges the query {query!r}, which {asked} does not hold: take both from "
                "one version of the data."
            )
        if document not in documents:
            raise DataError(
                f"{where} judges the document {document!r}, which {corpus} does not hold: take "
                "both from one version of the data."
            )
        yield Judgement(query, document, _number(score, "score", where))


def _beir_rows(path: Path, *, blank: bool) -> Iterator[tuple[str, str, str]]:
    lines: dict[str, int] = {}
    for number, row in numbered_rows(path):
        where = f"{path}:{number}"
        id = _text(row, "_id", where)
        if lines.setdefault(id, number) != number:
            raise DataError(
                f"{where} repeats the _id {id!r} of line {lines[id]}: give each its own."
            )
        text = row.get("text")
        if not blank or not isinstance(text, str):  # published corpora hold blank documents
            text = _text(row, "text", where)
        yield id, str(row.get("title") or ""), text
    if not lines:
        raise DataError(f"{path} holds no row: fetch the file again.")


def _required(folder: Path, *stems: str) -> Path:
    for stem in stems:
        found = find_file(folder, stem)
        if found is not None:
            return found
    raise DataError(f"{folder} has no {' and no '.join(stems)}: a BEIR folder needs it.")


def _text(row: dict[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{where} has no text in `{key}`: every row needs one.")
    return value


def _number(value: object, key: str, where: str) -> float:
    try:
        number = float(str(value))
        if not math.isfinite(number):
            raise ValueError("not finite")
    except ValueError as error:
        raise DataError(f"{where} has {quoted(value)} in `{key}`: it must be a number.") from error
    return number
