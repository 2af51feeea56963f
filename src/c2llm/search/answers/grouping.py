"""Answers as whole functions, classes or files instead of chunks.

A chunk is what fits a model; people ask for functions. The files of the best chunks are put
together again from the index, the definitions in them are found by their grammar, and each takes
the score of the best chunk it shares lines with. A file takes that of its best chunk.

Chunks are embedded once. Classes and files get a vector from those of their parts, merged when they
are asked for, and what it says is added to the score of the best part with a small weight: alone it
is the worse answer, beside it a help (docs/ranking.md). The state by which PMA merges windows
exactly (a maximum, a denominator and a numerator for each head) is not kept for chunks, since it
would take 24 times the room of a vector; every part counts the same instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from c2llm.codebase.words import normalized, stems
from c2llm.index.store.imported.file_text import definitions_in, file_lines
from c2llm.search.answer import Hit
from c2llm.search.answers.hits import hit_of, hits_of
from c2llm.search.query.query_parsing import Query
from c2llm.search.ranking.ranker import Ranked

if TYPE_CHECKING:
    from c2llm.codebase.syntax import Definition
    from c2llm.index.store.chunk_store import ChunkStore
    from c2llm.search.request import Granularity
    from c2llm.search.retrieval.index_reader import IndexReader
    from c2llm.search.target import SearchTarget

_MOST_FILES = 30
_MOST_CHUNKS = 100
_LONGEST_TEXT = 20_000
_ALIKE: Mapping[str, float] = {}
WHOLE = 0.6
"""What the merged vector is worth, from the farthest of the files or classes to the nearest."""


def grouped(
    targets: Sequence[SearchTarget],
    ranked: Sequence[Ranked],
    query: Query,
    granularity: Granularity,
    whole: float = WHOLE,
    rarity: Mapping[str, float] = _ALIKE,
) -> list[Hit]:
    """Functions, classes or files in the order of their best chunk.

    Args:
        targets: The indexes.
        ranked: Chunks in order.
        query: The query, which decides between the functions of one chunk.
        granularity: What is wanted; `chunk` is not for here.
        whole: What the merged vector of a class or a file is worth.
        rarity: Weight of each term of the query; what a file's best chunk is called by.
    """
    if granularity == "file":
        return hits_of(targets, _files(targets, ranked, whole), query, rarity)
    units: dict[tuple[int, int, int, int], Hit] = {}
    items: dict[tuple[int, int, int, int], Ranked] = {}
    files: dict[tuple[int, int], tuple[list[str], list[Definition]]] = {}
    for item in ranked[:_MOST_CHUNKS]:
        facts, number = item.candidate.facts, item.candidate.source
        key, reader = (number, facts.file_id), targets[number].reader
        if key not in files:
            if len(files) == _MOST_FILES:
                continue
            files[key] = definitions_of(reader.store, facts.file_id, facts.path, facts.language)
        lines, definitions = files[key]
        of_kind = [unit for unit in definitions if unit.kind == granularity]
        for unit, share in shares(item, lines, of_kind, query):
            score = item.score * share
            place = (number, facts.file_id, unit.start_line, unit.end_line)
            if place not in units or units[place].score < score:
                items[place] = item
                units[place] = unit_of(item, reader, lines, unit, score)
    hits = list(units.values())
    if granularity == "class":
        parts = [_parts(targets, items[place], place[2], place[3]) for place in units]
        added = _of_wholes(targets, [place[0] for place in units], parts, whole)
        hits = [
            replace(hit, score=hit.score + more, why=hit.why.with_part("whole", granularity, more))
            for hit, more in zip(hits, added, strict=True)
        ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.repository, hit.path, hit.start_line))


def _files(targets: Sequence[SearchTarget], ranked: Sequence[Ranked], whole: float) -> list[Ranked]:
    """The best chunk of each file, in the order of the files."""
    best: dict[tuple[int, int], Ranked] = {}
    for item in ranked:
        best.setdefault((item.candidate.source, item.candidate.facts.file_id), item)
    items = list(best.values())
    chunks: dict[tuple[int, int], list[int]] = {}
    for number, one in enumerate(targets):
        files = [item.candidate.facts.file_id for item in items if item.candidate.source == number]
        if one.merged is not None:
            for file_id, ids in one.reader.store.chunks_of(files).items():
                chunks[number, file_id] = ids
    sources = [item.candidate.source for item in items]
    parts = [
        chunks.get((item.candidate.source, item.candidate.facts.file_id), []) for item in items
    ]
    added = _of_wholes(targets, sources, parts, whole)
    scored = [
        replace(item, score=item.score + more, why=item.why.with_part("whole", "file", more))
        for item, more in zip(items, added, strict=True)
    ]
    return sorted(scored, key=lambda item: -item.score)  # of equals the better chunk stays first


def _parts(targets: Sequence[SearchTarget], item: Ranked, start: int, end: int) -> list[int]:
    """Ids of the chunks of an answer's file that have lines between these."""
    facts = item.candidate.facts
    return targets[item.candidate.source].reader.store.chunks_at(facts.file_id, start, end)


def _of_wholes(
    targets: Sequence[SearchTarget],
    sources: Sequence[int],
    parts: Sequence[list[int]],
    whole: float,
) -> list[float]:
    """What the merged vectors add to each, between 0 for the farthest and `whole`."""
    near = [0.0] * len(parts)
    for number, one in enumerate(targets):
        mine = [position for position, source in enumerate(sources) if source == number]
        if one.merged is None or not mine or not whole:
            continue
        for position, cosine in zip(mine, one.merged([parts[i] for i in mine]), strict=True):
            near[position] = cosine
    least, most = min(near, default=0.0), max(near, default=0.0)
    return [whole * (cosine - least) / (most - least) if most > least else 0.0 for cosine in near]


def shares(
    item: Ranked, lines: Sequence[str], units: Sequence[Definition], query: Query
) -> Iterator[tuple[Definition, float]]:
    """Those of the definitions that a chunk belongs to, each with its share of its score."""
    facts = item.candidate.facts
    touching = [
        unit
        for unit in units
        if unit.start_line <= facts.end_line and facts.start_line <= unit.end_line
    ]
    wanted = set(query.terms)
    names = {name.key for name in query.names}
    matches: list[tuple[Definition, float]] = []
    for unit in touching:
        first = max(unit.start_line, facts.start_line)
        last = min(unit.end_line, facts.end_line)
        found = wanted.intersection(stems(" ".join(lines[first - 1 : last])))
        named = normalized(unit.name) in names
        matches.append((unit, len(found) + 3.0 * named + 0.01 * (last - first)))
    most = max((match for _, match in matches), default=0.0) or 1.0
    for unit, match in matches:
        yield unit, 0.5 + 0.5 * match / most


def unit_of(
    item: Ranked, reader: IndexReader, lines: Sequence[str], unit: Definition, score: float
) -> Hit:
    """A definition as an answer, because of a chunk."""
    text = "\n".join(lines[unit.start_line - 1 : unit.end_line])
    hit = hit_of(item, reader, text[:_LONGEST_TEXT])
    return replace(
        hit,
        start_line=unit.start_line,
        end_line=unit.end_line,
        kind=unit.kind,
        symbol=unit.name,
        score=score,
        why=hit.why.with_part("unit", unit.kind, score - item.score),
    )


def definitions_of(
    store: ChunkStore, file_id: int, path: str, language: str
) -> tuple[list[str], list[Definition]]:
    """The lines of an indexed file, and the definitions in it."""
    lines = file_lines(store, file_id)
    return lines, definitions_in(lines, path, language)
