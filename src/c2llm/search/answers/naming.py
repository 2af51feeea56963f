"""What a hit is called by: of the definitions in a chunk, the one that answers.

A chunk holds several small definitions. Its index entry is called by the first; an answer is called
by the one whose name and lines have the most of the question, or that holds the line asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from c2llm.codebase.chunk import Chunk, Part
from c2llm.codebase.words import normalized, stems
from c2llm.search.query.query_parsing import Query

_NAMED = 3.0
"""For a definition that the query spells, beside what its words are worth."""
_OF_NAME = 2.0
"""What a word in the name counts; one in the lines counts 1."""
_INNER = 0.8
"""What the words of definitions inside of one count for it."""
_COVERED = 0.25
"""For a name that the query has all the words of."""


def answering_part(chunk: Chunk, query: Query, rarity: Mapping[str, float]) -> Part | None:
    """The definition in a chunk that answers a query; of equals what the chunk is called by.

    Args:
        chunk: The chunk.
        query: The query.
        rarity: Weight of each of its terms.

    Returns:
        None where the chunk's own name is the only one.
    """
    if not chunk.parts:
        return None
    at_line = _at_line(chunk, query)
    if at_line is not None:
        return at_line
    lines = [frozenset(stems(line)) for line in chunk.text.split("\n")]
    terms = frozenset(query.terms)
    strength = {name.key: name.strength for name in query.names}

    def worth(words: AbstractSet[str]) -> float:
        return sum(rarity.get(term, 1.0) for term in terms & words)

    total = sum(rarity.get(term, 1.0) for term in terms) or 1.0
    scores: list[float] = []
    for part in chunk.parts:
        name = frozenset(stems(part.name))
        scope = frozenset(stems(part.scope))
        own, every = _words_of(part, chunk, lines)
        score = _OF_NAME * worth(name) + max(worth(own | scope), _INNER * worth(every | scope))
        score = score / total + _NAMED * strength.get(normalized(part.name), 0.0)
        scores.append(score + (_COVERED * len(name & terms) / len(name) if name else 0.0))
    first = next((i for i, part in enumerate(chunk.parts) if part.name == chunk.symbol), 0)
    return chunk.parts[max(range(len(scores)), key=lambda i: (scores[i], i == first, -i))]


def _at_line(chunk: Chunk, query: Query) -> Part | None:
    """The innermost definition around a line of the chunk's file that the query names."""
    name = chunk.path.rpartition("/")[2]
    for place in query.places:
        line = place.line
        if line is None or place.path.rpartition("/")[2] != name:
            continue
        if chunk.start_line <= line <= chunk.end_line:
            around = [part for part in chunk.parts if part.start_line <= line <= part.end_line]
            return min(around, key=lambda part: part.end_line - part.start_line, default=None)
    return None


def _words_of(
    part: Part, chunk: Chunk, lines: Sequence[frozenset[str]]
) -> tuple[frozenset[str], frozenset[str]]:
    """The words of a definition's lines in the chunk: its own, and with those inside of it."""
    inner = {
        line
        for other in chunk.parts
        if other != part
        and part.start_line <= other.start_line
        and other.end_line <= part.end_line
        and (other.start_line, other.end_line) != (part.start_line, part.end_line)
        for line in range(max(other.start_line, chunk.start_line), other.end_line + 1)
    }
    own: set[str] = set()
    every: set[str] = set()
    for number, words in enumerate(lines, chunk.start_line):
        if part.start_line <= number <= part.end_line:
            every |= words
            if number not in inner:
                own |= words
    return frozenset(own), frozenset(every)
