"""The tool that an agent asks before it writes a function: is it there already?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from c2llm.errors import UsageError
from c2llm.printable import printable
from c2llm.search.answers.similar_code import Specimen, as_query
from c2llm.search.answers.token_budget import tokens_of
from c2llm.search.request import SearchRequest
from c2llm.serving.freshness import state_of
from c2llm.serving.mcp.answer_text import cut, shown_line
from c2llm.serving.mcp.tools import WAIT_SECONDS, require_room, specimen_in
from c2llm.serving.open_indexes import OpenIndexes
from c2llm.serving.roots import Place

if TYPE_CHECKING:
    from c2llm.analysis.copies import Copies, Copy
    from c2llm.search.code_index import CodeIndex

_HITS = 20
"""Pieces of similar code whose files are compared."""
_TYPES = {1: "the same", 2: "renamed", 3: "changed", 4: "the same behaviour"}
_FOR_STATE = 0.3
"""Share of the room that the lines about indexes may take."""
_FOR_PLACES = 0.6
"""Share of the rest that names of places may take, before there is code."""


@dataclass(frozen=True, slots=True)
class AskedCode:
    """What an agent asks about."""

    specimen: Specimen
    language: str | None


def asked_code(
    places: Sequence[Place], code: str | None, language: str | None, line: int | None
) -> AskedCode:
    """What the arguments of a call mean together.

    Args:
        places: Where to look; with a line one file.
        code: Functions as text, None for what is at the line.
        language: What the code is written in.
        line: A line of the file, from 1.

    Raises:
        UsageError: They do not fit together.
    """
    from c2llm.codebase.languages import detect_language, language_named

    if (code is None) == (line is None):
        raise UsageError("Give either `code` with its `language`, or a file's `path` and a `line`.")
    if code is not None:
        if not code.strip():
            raise UsageError("`code` is empty; give whole functions.")
        if not language or not language.strip():
            raise UsageError("Say the `language` of the code, such as python.")
        return AskedCode(Specimen(code), language_named(language.strip()))
    assert line is not None
    if len(places) != 1:
        raise UsageError("A `line` needs the `path` of its file.")
    specimen = specimen_in(places[0], line)
    return AskedCode(specimen, detect_language(places[0].within, specimen.text[:512].encode()))


def duplicates(
    indexes: OpenIndexes,
    places: Sequence[Place],
    asked: AskedCode,
    max_tokens: int,
    *,
    as_it_is: bool = False,
) -> str:
    """Where functions are written already.

    Args:
        indexes: Where indexes are kept open.
        places: Where to look; of a file in the whole tree.
        asked: The functions.
        max_tokens: The text has no more.
        as_it_is: Answer from what the indexes hold at this moment.

    Raises:
        C2LLMError: There is no function, or it cannot be answered.
    """
    from c2llm.analysis.copies import copies_of

    require_room(max_tokens)
    roots = [place.root for place in places]
    request = SearchRequest(as_query(asked.specimen), _HITS)
    borrowed = indexes.as_they_are(roots) if as_it_is else indexes.lent(roots, seconds=WAIT_SECONDS)
    with borrowed as (open_ones, notes):
        found = copies_of(open_ones, asked.specimen, asked.language, request)
        of_root = {str(index.root): index for index in open_ones}
        state = [
            state_of(one, of_root[one.root].paths(), compared=not as_it_is)
            for one in found.answer.indexes
        ]
        notes = list(dict.fromkeys((*notes, *found.answer.notes)))
        return _text(found, open_ones, [*map(printable, notes), *map(printable, state)], max_tokens)


def _text(
    found: Copies, indexes: Sequence[CodeIndex], state: Sequence[str], max_tokens: int
) -> str:
    end = cut("\n".join(state), int(_FOR_STATE * max_tokens))
    room = max_tokens - tokens_of(end) - 30
    if not found.copies:
        told = (
            f"Not there: no copy among {found.functions:,} functions of the files with the most "
            "similar code."
        )
        return "\n\n".join(part for part in (told, end) if part)
    lines = list(_places(found.copies, int(_FOR_PLACES * room)))
    room -= tokens_of("\n".join(lines))
    code = list(_code(found.copies[0], indexes, room))
    return "\n\n".join(part for part in ("\n".join(lines), "\n".join(code), end) if part)


def _places(copies: Sequence[Copy], room: int) -> Iterator[str]:
    count = "1 function does it" if len(copies) == 1 else f"{len(copies)} functions do it"
    head = f"There already: {count}. Use it, or say what must differ."
    yield head
    room -= tokens_of(head)
    several = len({copy.of for copy in copies}) > 1
    for number, copy in enumerate(copies):
        member = copy.member
        where = f"{member.repository}/{member.path}" if member.repository else member.path
        of = f" (of {copy.of})" if several else ""
        line = printable(
            f"type {copy.type} {_TYPES[copy.type]}, {100 * copy.similarity:.0f} %: "
            f"{where}:{member.start_line}-{member.end_line} {member.symbol}{of}"
        )
        room -= tokens_of(line) + 1
        if room < 0 and number:
            yield f"{len(copies) - number} more."
            return
        yield cut(line, 200)


def _code(copy: Copy, indexes: Sequence[CodeIndex], room: int) -> Iterator[str]:
    """The best copy's code, as much of it as there is room for."""
    from c2llm.analysis.clone_report.member_code import MemberCode

    lines = [shown_line(line) for line in MemberCode.of(indexes).lines(copy.member)]
    room -= 10
    for number, line in enumerate(lines):
        room -= tokens_of(line) + 1
        if room < 0:
            yield f"… {len(lines) - number} more lines (`read` them)"
            return
        yield line
