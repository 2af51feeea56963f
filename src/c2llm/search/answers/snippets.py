"""The few lines of a chunk that a reader wants to see first."""

from __future__ import annotations

from dataclasses import dataclass

from c2llm.codebase.words import stems
from c2llm.search.answer import Hit
from c2llm.search.query.places import Place
from c2llm.search.query.query_parsing import Query, parse_query

_LONGEST_LINE = 160


@dataclass(frozen=True, slots=True)
class Snippet:
    """Neighbouring lines of a file."""

    start_line: int
    """Number of the first line, from 1."""
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The lines as one string."""
        return "\n".join(self.lines)


def snippet(hit: Hit, query: str, most_lines: int = 6) -> Snippet:
    """The window of a hit's lines with the most different words of the query.

    A word counts once a window, and more where it stands in the line that defines something; of
    equal windows the first wins. A line that the query names is in the middle. Where the hit is
    called by one definition of several, the window is of that one. Where the hit is explained, the
    lines' shares take the place of the words. Blank lines at its edges are left out, long lines are
    cut.
    """
    lines = hit.text.split("\n")
    parsed = parse_query(query)
    wanted = set(parsed.terms)
    found = [wanted.intersection(stems(line)) for line in lines]
    symbol = hit.symbol
    start_of, end_of = hit.definition or (hit.start_line, hit.end_line)
    begin = max(0, min(start_of - hit.start_line, len(lines) - 1))
    stop = max(begin, min(end_of - hit.start_line, len(lines) - 1))
    defining = next((i for i in range(begin, stop + 1) if symbol and symbol in lines[i]), -1)
    named = named_line(hit, parsed)
    if named is not None:
        first = max(0, min(named - hit.start_line - most_lines // 2, len(lines) - most_lines))
        shown = lines[first : first + most_lines]
        return Snippet(hit.start_line + first, tuple(_cut(line) for line in shown))
    best, best_start = -1.0, begin
    for start in range(begin, max(begin + 1, stop - most_lines + 2)):
        if hit.why.lines:
            score = sum(one.score for one in hit.why.lines[start : start + most_lines])
        else:
            window = found[start : start + most_lines]
            score = len(set().union(*window)) + 0.1 * sum(map(len, window))
            if start <= defining < start + most_lines:
                score += 1.0
        if lines[start].strip() and score > best:
            best, best_start = score, start
    end = min(len(lines), best_start + most_lines)
    if hit.definition:
        end = min(end, stop + 1)
    while best_start < end - 1 and not lines[end - 1].strip():
        end -= 1
    return Snippet(hit.start_line + best_start, tuple(_cut(line) for line in lines[best_start:end]))


def named_line(hit: Hit, query: Query) -> int | None:
    """The line of a hit that a query names, as a path with a line or a stack trace does."""
    return next((place.line for place in query.places if place.line and _is_in(place, hit)), None)


def _is_in(place: Place, hit: Hit) -> bool:
    name = place.path.rpartition("/")[2]
    return (
        place.line is not None
        and hit.path.rpartition("/")[2] == name
        and hit.start_line <= place.line <= hit.end_line
    )


def _cut(line: str) -> str:
    line = line.rstrip("\r")
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"
