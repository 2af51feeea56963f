"""The one line of a hit that an editor should go to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from c2llm.codebase.words import stems
from c2llm.search.answer import Hit
from c2llm.search.answers.snippets import named_line, snippet
from c2llm.search.query.query_parsing import parse_query

_WORD = re.compile(r"\w+")
COMMENT = re.compile(r"\s*(//|/?\*|#+(\s|$)|--|;|%|\"\"\"|''')")
"""How a line begins that tells of a name and does not define it."""


@dataclass(frozen=True, slots=True)
class BestLine:
    """A line of a file and a place in it."""

    number: int
    """From 1."""
    column: int
    """Of the first byte of the word that matters, from 1, as the text is in UTF-8."""
    text: str


def best_line(hit: Hit, query: str) -> BestLine:
    """The line of a hit's snippet with the most words of the query; of equal ones the first.

    The line that defines what the hit is called by counts one word more. A line that the query
    names is taken as it is.
    """
    parsed = parse_query(query)
    wanted = set(parsed.terms)
    shown = snippet(hit, query)
    symbol = hit.symbol
    naming = [i for i, line in enumerate(shown.lines) if symbol and symbol in line]
    told = naming[0] if naming else -1
    defining = next((i for i in naming if not COMMENT.match(shown.lines[i])), told)
    named = named_line(hit, parsed)
    if named is not None and 0 <= named - shown.start_line < len(shown.lines):
        best = named - shown.start_line
    else:
        scores = [
            len(wanted.intersection(stems(line))) + (index == defining)
            for index, line in enumerate(shown.lines)
        ]
        best = scores.index(max(scores))
    line = shown.lines[best]
    at = line.find(symbol) if best == defining else _first_word(line, wanted)
    before = line[:at].encode("utf-8", "surrogateescape")
    return BestLine(min(shown.start_line + best, hit.end_line), len(before) + 1, line)


def _first_word(line: str, wanted: set[str]) -> int:
    """Where the first word of the query begins, else the first character that is no blank."""
    for word in _WORD.finditer(line):
        if not wanted.isdisjoint(stems(word[0])):
            return word.start()
    return len(line) - len(line.lstrip())
