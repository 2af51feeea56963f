"""From ranked chunks to hits with their text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from c2llm.codebase.chunk import Chunk, Part
from c2llm.search.answer import Hit
from c2llm.search.answers.naming import answering_part
from c2llm.search.query.query_parsing import Query
from c2llm.search.ranking.ranker import Ranked
from c2llm.search.retrieval.index_reader import IndexReader
from c2llm.search.target import SearchTarget


def hits_of(
    targets: Sequence[SearchTarget],
    ranked: Sequence[Ranked],
    query: Query,
    rarity: Mapping[str, float],
) -> list[Hit]:
    """The answers with their text, which is read for them alone, called by what answers in them.

    Args:
        targets: The indexes.
        ranked: Chunks in order.
        query: The query.
        rarity: Weight of each of its terms.
    """
    chunk_of: dict[tuple[int, int], Chunk] = {}
    for number, one in enumerate(targets):
        ids = [item.candidate.facts.id for item in ranked if item.candidate.source == number]
        for stored in one.reader.store.chunks(ids):
            chunk_of[number, stored.id] = stored.chunk
    return [
        _named(hit_of(item, targets[item.candidate.source].reader, chunk.text), part)
        for item in ranked
        if (chunk := chunk_of.get((item.candidate.source, item.candidate.facts.id)))
        for part in (answering_part(chunk, query, rarity),)
    ]


def _named(hit: Hit, part: Part | None) -> Hit:
    if part is None:
        return hit
    lines = part.start_line, part.end_line
    return replace(hit, symbol=part.name, kind=part.kind, definition=lines)


def hit_of(item: Ranked, reader: IndexReader, text: str) -> Hit:
    """A chunk as an answer."""
    facts = item.candidate.facts
    return Hit(
        path=facts.path,
        start_line=facts.start_line,
        end_line=facts.end_line,
        language=facts.language,
        kind=facts.kind,
        symbol=facts.symbol,
        score=item.score,
        text=text,
        why=item.why,
        cell=facts.cell,
        repository=reader.called(facts),
        also=item.also,
        places=reader.elsewhere(facts),
    )
