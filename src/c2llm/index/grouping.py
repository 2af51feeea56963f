"""Answers as whole functions, classes or files instead of chunks.

A chunk is what fits a model; people ask for functions. The files of the best chunks are put
together again from the index, the definitions in them are found by their grammar, and each takes
the score of the best chunk it shares lines with. A file takes that of its best chunk.

Chunks are embedded once. A unit of several chunks is not embedded again: its similarity is that of
its best part, which orders files better than a vector of the whole (docs/ranking.md). The state by
which PMA merges windows exactly (a maximum, a denominator and a numerator for each head) is not
kept for chunks, since it would take 24 times the room of a vector.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from c2llm.index.query import Query
from c2llm.index.rank import Ranked
from c2llm.index.words import stems

if TYPE_CHECKING:
    from c2llm.codebase.syntax import Definition
    from c2llm.index.search import Asked, Granularity, Hit
    from c2llm.index.store import Store

_MOST_FILES = 30
_MOST_CHUNKS = 100
_LONGEST_TEXT = 20_000


def grouped(
    asked: Sequence[Asked], ranked: Sequence[Ranked], query: Query, granularity: Granularity
) -> list[Hit]:
    """Functions, classes or files in the order of their best chunk.

    Args:
        asked: The indexes.
        ranked: Chunks in order.
        query: The query, which decides between the functions of one chunk.
        granularity: What is wanted; `chunk` is not for here.
    """
    from c2llm.index.search import hit_of, hits_of

    if granularity == "file":
        best: dict[tuple[int, str], Ranked] = {}
        for item in ranked:
            best.setdefault((item.candidate.source, item.candidate.facts.path), item)
        return hits_of(asked, list(best.values()))
    units: dict[tuple[int, str, int, int], Hit] = {}
    files: dict[tuple[int, int], tuple[list[str], list[Definition]]] = {}
    for item in ranked[:_MOST_CHUNKS]:
        facts, number = item.candidate.facts, item.candidate.source
        key = (number, facts.file_id)
        if key not in files:
            if len(files) == _MOST_FILES:
                continue
            files[key] = _definitions(asked[number].source.store, facts.file_id, facts.language)
        lines, definitions = files[key]
        label = asked[number].source.label
        for unit, share in _units(item, lines, definitions, query, granularity):
            score = item.score * share
            text = "\n".join(lines[unit.start_line - 1 : unit.end_line])[:_LONGEST_TEXT]
            place = (number, facts.path, unit.start_line, unit.end_line)
            if place not in units or units[place].score < score:
                units[place] = replace(
                    hit_of(item, label, text),
                    start_line=unit.start_line,
                    end_line=unit.end_line,
                    kind=unit.kind,
                    symbol=unit.name,
                    score=score,
                )
    return sorted(
        units.values(), key=lambda hit: (-hit.score, hit.repository, hit.path, hit.start_line)
    )


def _units(
    item: Ranked,
    lines: Sequence[str],
    definitions: Sequence[Definition],
    query: Query,
    granularity: Granularity,
) -> Iterator[tuple[Definition, float]]:
    """The definitions that a chunk belongs to, each with its share of the chunk's score."""
    facts = item.candidate.facts
    touching = [
        unit
        for unit in definitions
        if unit.kind == granularity
        and unit.start_line <= facts.end_line
        and facts.start_line <= unit.end_line
    ]
    wanted = set(query.terms)
    names = {name.key for name in query.names}
    matches: list[tuple[Definition, float]] = []
    for unit in touching:
        first = max(unit.start_line, facts.start_line)
        last = min(unit.end_line, facts.end_line)
        found = wanted.intersection(stems(" ".join(lines[first - 1 : last])))
        named = unit.name.replace("_", "").lower() in names
        matches.append((unit, len(found) + 3.0 * named + 0.01 * (last - first)))
    most = max((match for _, match in matches), default=0.0) or 1.0
    for unit, match in matches:
        yield unit, 0.5 + 0.5 * match / most


def file_lines(store: Store, file_id: int) -> list[str]:
    """A file as the index has it; lines between chunks, all blank, are empty."""
    rows = store.all(
        "SELECT start_line, text FROM chunks WHERE file_id = ? ORDER BY start_line, id", (file_id,)
    )
    lines: list[str] = []
    for start, text in rows:
        lines += [""] * (start - 1 - len(lines))
        piece = text.split("\n")
        if start <= len(lines):  # a piece of a line too long for one chunk
            lines[start - 1] += piece[0]
            lines += piece[1:]
        else:
            lines += piece
    return lines


def _definitions(store: Store, file_id: int, language: str) -> tuple[list[str], list[Definition]]:
    from c2llm.codebase.syntax import definitions

    lines = file_lines(store, file_id)
    return lines, definitions("\n".join(lines).encode(errors="replace"), language)
