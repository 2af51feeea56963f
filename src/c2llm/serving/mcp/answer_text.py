"""An answer as one compact text that fits into a number of tokens.

Every hit is named first of all, then code is given in the order of the hits: to each the line that
matters most, then the lines around it, then whole chunks as far as there is room. What did not fit
is said, and how to ask for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from c2llm.printable import printable
from c2llm.search.answer import Hit, SearchAnswer
from c2llm.search.answers.best_line import best_line
from c2llm.search.answers.callers import Callers
from c2llm.search.answers.citation import also_in, elsewhere
from c2llm.search.answers.snippets import snippet
from c2llm.search.answers.token_budget import tokens_of

LEAST_TOKENS = 200
"""Enough for the name of one hit, some of its code and the truth about it."""
MOST_TOKENS = 100_000
_FOR_NAMES = 0.7
"""Share of the room that names of hits may take, before there is code."""
_FOR_LINES = 0.6
"""Share of what is left that goes to the lines that matter, before there are whole chunks."""
_FOR_NOTES = 0.3
_FOR_STATE = 0.3
_FOR_CLOSING = 45
"""Tokens of the sentences that say what was left out."""
_LONGEST_LINE = 1_000
_CUT = "…"


@dataclass(slots=True)
class _Shown:
    """A hit and what is shown of it."""

    hit: Hit
    name: str
    lines: tuple[str, ...] = ()
    start: int = 0
    whole: bool = False

    def text(self) -> str:
        name = self.name
        if self.lines and not self.whole:
            end = self.start + len(self.lines) - 1
            name += f", line {end}:" if end == self.start else f", lines {self.start}-{end} of it:"
        return "\n".join([name, *self.lines])


def answer_text(answer: SearchAnswer, state: Sequence[str], max_tokens: int) -> str:
    """What a client reads.

    Args:
        answer: The hits, with what is to be told of them.
        state: What they were found in, a line for each index, what has to be known first; shown
            last, as many as have room, with how many more there are.
        max_tokens: The whole text has no more tokens, as `tokens_of` estimates them.
    """
    state = list(_with_room(state, int(_FOR_STATE * max_tokens)))
    room = max_tokens - tokens_of("\n".join(state)) - len(state) - _FOR_CLOSING
    told = [*answer.notes, *([answer.reading] if answer.reading else [])]
    notes = cut("\n".join(map(printable, told)), int(_FOR_NOTES * max_tokens))
    room -= tokens_of(notes) + 1
    shown = _named(answer, room)
    _fill(shown, answer.request.text, room - sum(tokens_of(one.name) + 2 for one in shown))
    parts = ["\n\n".join(one.text() for one in shown) or "Nothing was found."]
    parts += [notes, *_closing(answer, shown, max_tokens), "\n".join(state)]
    return "\n\n".join(part for part in parts if part)


def cut(text: str, most_tokens: int) -> str:
    """As much of a text as has so many tokens, marked where it is not all of it."""
    if tokens_of(text) <= most_tokens:
        return text
    room = most_tokens - tokens_of(_CUT)
    if room < 0:
        return ""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if tokens_of(text[:middle]) <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low] + _CUT


def shown_line(line: str) -> str:
    """A line of code as it is sent: tabs stay, what is invisible does not, and it has an end."""
    line = printable(line)
    return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + _CUT


def _with_room(state: Sequence[str], room: int) -> Iterator[str]:
    """The first of the lines about indexes: dozens of roots would leave no room for code."""
    more = "[{} more: `status`]"
    left = room - tokens_of(more.format(len(state)))
    for place, line in enumerate(state):
        cost = tokens_of(line) + 1
        alone = len(state) == 1
        if cost > (room if alone else left):
            if place == 0:
                yield cut(line, room if alone else left)
                place += 1
            if place < len(state):
                yield more.format(len(state) - place)
            return
        left -= cost
        yield line


def _named(answer: SearchAnswer, room: int) -> list[_Shown]:
    """The hits that can be named; the first one always."""
    shown: list[_Shown] = []
    left = _FOR_NAMES * room
    for hit in answer.hits:
        around = _around(hit.callers) if hit.callers else ()
        also = [printable(f"  {elsewhere(hit)}")] if hit.places else []
        also += [printable(f"  {also_in(hit)}")] if hit.also else []
        name = "\n".join([_name(hit), *_measured(hit), *also, *around])
        if not shown:
            name = cut(name, max(room // 2, 20))
        left -= tokens_of(name) + 2
        if left < 0 and shown:
            break
        shown.append(_Shown(hit, name))
    return shown


def _fill(shown: Sequence[_Shown], query: str, room: int) -> None:
    """Give each hit one line, then some, then its whole code, always the better ones first."""
    for one in shown:
        line = best_line(one.hit, query)
        text = shown_line(line.text.strip())
        cost = tokens_of(text) + 10
        if cost <= room and text:
            one.lines, one.start = (text,), line.number
            room -= cost
    after_lines = room - int(_FOR_LINES * room)
    for one in shown:
        best = snippet(one.hit, query)
        lines = tuple(map(shown_line, best.lines))
        had = tokens_of("\n".join(one.lines)) + 10 if one.lines else 0
        cost = tokens_of("\n".join(lines)) + 10
        if room - (cost - had) < after_lines:
            continue
        one.lines, one.start = lines, best.start_line
        room -= cost - had
    for one in shown:
        lines = tuple(map(shown_line, one.hit.text.rstrip("\n").split("\n")))
        had = tokens_of("\n".join(one.lines)) + 10 if one.lines else 0
        cost = tokens_of("\n".join(lines)) + 1
        if cost - had <= room:
            one.lines, one.start, one.whole = lines, one.hit.start_line, True
            room -= cost - had
        elif one is shown[0] and not one.lines:
            text = cut("\n".join(lines), max(room - 10, 10))
            one.lines, one.start = tuple(text.split("\n")), one.hit.start_line
            room -= tokens_of(text) + 10


def _name(hit: Hit) -> str:
    where = f"{hit.path}:{hit.start_line}-{hit.end_line}"
    label = f"{hit.repository}/" if hit.repository else ""
    cell = f"cell {hit.cell}" if hit.cell else ""
    return printable(" ".join(part for part in (label + where, hit.kind, hit.symbol, cell) if part))


def _measured(hit: Hit) -> list[str]:
    """What was measured of it, where that was asked."""
    if not hit.records:
        return []
    from c2llm.index.store.imported.record_text import record_lines

    return [printable(f"  {line}") for line in record_lines(hit.records)]


def _around(callers: Callers) -> Iterator[str]:
    """Who uses a hit and what it stands among."""
    for kind, verb in (("calls", "called by"), ("uses", "used by")):
        uses = [use for use in callers.callers if use.kind == kind]
        if uses:
            told = (f"{use.path}:{use.line} {use.symbol}".rstrip() for use in uses)
            yield printable(f"  {verb} {', '.join(told)}")
    if callers.imported_by:
        yield printable(f"  imported by {', '.join(callers.imported_by)}")
    if callers.imports:
        yield printable(f"  imports {', '.join(callers.imports)}")


def _closing(answer: SearchAnswer, shown: Sequence[_Shown], max_tokens: int) -> Iterator[str]:
    """What is not shown, and how to ask for it."""
    parts = sum(1 for one in shown if not one.whole)
    missing = len(answer.hits) - len(shown)
    told: list[str] = []
    if parts or missing:
        what = [f"{parts} hits in part (`read` them)"] if parts else []
        what += [f"{missing} not named"] if missing else []
        told.append(f"Cut at {max_tokens} tokens: {', '.join(what)}.")
    after = answer.request.offset + (len(shown) if missing else len(answer.hits))
    if answer.hits and (missing or len(answer.hits) >= answer.request.limit):
        told.append(f"More: offset={after}.")
    if told:
        yield " ".join(told)
