"""From ranked chunks to hits with their text."""

from __future__ import annotations

from collections.abc import Sequence

from c2llm.search.answer import Hit
from c2llm.search.ranking.ranker import Ranked
from c2llm.search.target import SearchTarget


def hits_of(targets: Sequence[SearchTarget], ranked: Sequence[Ranked]) -> list[Hit]:
    """The answers with their text, which is read for them alone."""
    text_of: dict[tuple[int, int], str] = {}
    for number, one in enumerate(targets):
        ids = [item.candidate.facts.id for item in ranked if item.candidate.source == number]
        for stored in one.reader.store.chunks(ids):
            text_of[number, stored.id] = stored.chunk.text
    return [
        hit_of(item, targets[item.candidate.source].reader.label, text_of[key])
        for item in ranked
        if (key := (item.candidate.source, item.candidate.facts.id)) in text_of
    ]


def hit_of(item: Ranked, label: str, text: str) -> Hit:
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
        repository=label,
    )
