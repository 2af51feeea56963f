"""Answers as what has records: the function, the class or the file that was measured.

A chunk may hold several definitions that were measured, and a definition may be several chunks, so
that chunks are no answers to a question about records. Each definition with a record takes the
score of its best chunk, as functions do where they are asked for (`grouping`); of a record of a
whole file the best chunk stands for the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from c2llm.search.answer import Hit
from c2llm.search.answers.grouping import definitions_of, shares, unit_of
from c2llm.search.answers.hits import hits_of
from c2llm.search.query.query_parsing import Query
from c2llm.search.ranking.ranker import Ranked

if TYPE_CHECKING:
    from c2llm.codebase.syntax import Definition
    from c2llm.search.target import SearchTarget

Unit = tuple[int, str, int, int]
"""Which index, path and lines; no lines for a file."""


def recorded_units(
    targets: Sequence[SearchTarget],
    ranked: Sequence[Ranked],
    query: Query,
    rarity: Mapping[str, float],
) -> list[Hit]:
    """What has records, in the order of its best chunk.

    Args:
        targets: The indexes.
        ranked: Chunks in order.
        query: The query, which decides between the definitions of one chunk.
        rarity: Weight of each term of the query; what the best chunk of a file is called by.
    """
    files: dict[tuple[int, int], tuple[list[str], list[Definition]]] = {}
    units: dict[Unit, Hit] = {}
    for item in ranked:
        facts, number = item.candidate.facts, item.candidate.source
        touching = [
            record
            for record in (targets[number].filters.records or {}).get(facts.path, ())
            if record.has_lines(facts.start_line, facts.end_line)
        ]
        spans = {(one.start_line, one.end_line) for one in touching if one.start_line}
        if spans:
            key = number, facts.file_id
            if key not in files:
                store = targets[number].reader.store
                files[key] = definitions_of(store, facts.file_id, facts.path, facts.language)
            lines, definitions = files[key]
            for unit, share in shares(item, lines, definitions, query):
                if (unit.start_line, unit.end_line) not in spans:
                    continue
                place = (number, facts.path, unit.start_line, unit.end_line)
                score = item.score * share
                if place not in units or units[place].score < score:
                    reader = targets[number].reader
                    units[place] = unit_of(item, reader, lines, unit, score)
        elif touching and (number, facts.path, 0, 0) not in units:
            for hit in hits_of(targets, [item], query, rarity):
                units[number, facts.path, 0, 0] = hit
    return sorted(
        units.values(), key=lambda hit: (-hit.score, hit.repository, hit.path, hit.start_line)
    )
