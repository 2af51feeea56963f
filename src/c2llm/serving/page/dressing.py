"""An answer as the page shows it: the JSON of every other client, and beside it what is seen.

A path is sent twice: as pieces to show, in which nothing hides, and as `place`, its bytes in the
form that a URL has, which the page sends back as it came. So a name that is no text is found again.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes

from c2llm.errors import UsageError
from c2llm.printable import printable
from c2llm.search.answers.as_json import payload
from c2llm.search.answers.snippets import snippet
from c2llm.search.query.typed_filters import quoted
from c2llm.serving.page.colours import coloured, coloured_text, dedented, visible
from c2llm.serving.page.facets import chips, links

if TYPE_CHECKING:
    from c2llm.analysis.clones.clone_class import CloneClass
    from c2llm.search.answer import Hit, SearchAnswer
    from c2llm.search.query.typed_filters import TypedQuery
    from c2llm.serving.file_lines import Lines

SHOWN = 20
"""Results of one page."""
EXPLAINED = 5
"""Results that are explained at once: each line of them is embedded, which takes its time."""
_LINES = 12
"""Of a result; the whole of it is in the view of its file."""
_FAR_MORE = 0.7
"""What the lines of a snippet carried at least of what the best window of lines did."""
_SHADES = (0.25, 0.5, 0.8)
"""Shares of the line that carried most, from which on a line is shaded once, twice, three times."""


def place_of(path: str) -> str:
    """A path as it stands in a URL, byte by byte."""
    return quote(os.fsencode(path))


def path_of(place: str) -> str:
    """The path of a `place`.

    Raises:
        UsageError: It is none.
    """
    if "\0" in place or "%00" in place or not place.isascii():
        raise UsageError("This is no place; follow a link of the page.")
    return os.fsdecode(unquote_to_bytes(place))


def answer_json(
    found: SearchAnswer,
    typed: TypedQuery,
    seconds: float,
    classes: Sequence[CloneClass | None] = (),
) -> dict[str, Any]:
    """An answer and its facets.

    Args:
        found: What was found for the next `SHOWN` places of the list.
        typed: The text that it answers.
        seconds: Since it was asked.
        classes: The class of duplicates of each hit, where that is known.
    """
    told = payload(found, seconds)
    query = found.request.text
    told["results"] = [
        _result(one, hit, query, typed)
        for one, hit in zip(told["results"], found.hits, strict=True)
    ]
    for one, known in zip(told["results"], classes, strict=False):
        if known is not None:
            one["duplicates"] = len(known.members)
    counted = found.facets
    shown = found.request.offset + len(found.hits)
    return {
        **told,
        "table_model": next((one.table_model for one in found.indexes), None),
        "query": typed.text,
        "bare": typed.query,
        "wordless": False,
        "shown_until": shown,
        "more": len(found.hits) == found.request.limit,
        "places": max(shown, counted.of if counted is not None else 0),
        "filters": chips(typed),
        "facets": links(counted, typed) if counted is not None else [],
    }


def unasked_json(typed: TypedQuery) -> dict[str, Any]:
    """What is answered to filters alone, which ask for nothing."""
    none = {"files": 0, "chunks": 0, "embedded": 0, "stale": 0, "unread": 0, "left_out": {}}
    return {
        **{"query": typed.text, "bare": "", "wordless": True, "mode": "hybrid", "model": None},
        **{"index": none, "notes": [], "cut_off": 0, "took_ms": 0.0, "results": []},
        **{"shown_until": 0, "places": 0, "more": False},
        **{"filters": chips(typed), "facets": []},
    }


def named(found: SearchAnswer, searched: Collection[str]) -> SearchAnswer:
    """An answer whose hits say what repository they are from where one of several was searched."""
    if len(searched) != 1:
        return found
    (name,) = searched
    hits = tuple(
        replace(hit, repository=name, also=tuple(replace(one, repository=name) for one in hit.also))
        for hit in found.hits
    )
    return replace(found, hits=hits)


def _result(told: dict[str, Any], hit: Hit, query: str, typed: TypedQuery) -> dict[str, Any]:
    why = told["why"]
    why = {"reasons": why} if isinstance(why, list) else why
    first, last = _window(hit, query, why.get("lines", ()))
    pieces = dedented(coloured_text(hit.text, hit.language)[first:last])
    shades = _shades(why.get("lines", ()))
    code: list[dict[str, Any]] = [
        {
            # A cell of a notebook may be one line of its file.
            "line": (number := min(hit.start_line + first + at, hit.end_line)),
            "shade": shades.get(number, 0),
            "pieces": of_line,
        }
        for at, of_line in enumerate(pieces)
    ]
    repository = told.get("repository", "")
    line = code[0]["line"] if code else hit.start_line
    most = max(code, key=lambda one: one["shade"], default={"line": line, "shade": 0})
    return {
        **told,
        **_where(hit.path, repository),
        "shown_symbol": list(visible(hit.symbol)),
        "line": most["line"] if most["shade"] else (hit.definition or (hit.start_line,))[0],
        "code": code,
        "why": why,
        "like": like(hit, repository, typed),
        **(
            {"places": [{**one, **_where(one["path"], one["repository"])} for one in places]}
            if (places := told.get("places"))
            else {}
        ),
        **({"measured": _measured(hit)} if hit.records else {}),
        **(
            {"also": [{**one, **_where(one["path"], one.get("repository", ""))} for one in also]}
            if (also := told.get("also"))
            else {}
        ),
    }


def _measured(hit: Hit) -> list[str]:
    from c2llm.index.store.imported.record_text import record_lines

    return [printable(line) for line in record_lines(hit.records)]


def _window(hit: Hit, query: str, lines: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """The first line of a hit that is shown and the one after the last, from 0.

    Those are the lines of its snippet, unless others of the same definition carried far more.
    """
    shown = snippet(hit, query, _LINES)
    first = shown.start_line - hit.start_line
    last = first + len(shown.lines)
    scores = [max(0.0, one["score"]) for one in lines]
    begin, end = hit.definition or (hit.start_line, hit.end_line)
    starts = range(begin - hit.start_line, max(begin, end - _LINES + 1) - hit.start_line + 1)
    if len(scores) == hit.text.count("\n") + 1 and starts:
        best = max(starts, key=lambda start: sum(scores[start : start + _LINES]))
        if sum(scores[first:last]) < _FAR_MORE * sum(scores[best : best + _LINES]):
            return best, min(best + _LINES, end - hit.start_line + 1)
    return first, last


def like(hit: Hit, repository: str, typed: TypedQuery) -> str:
    """The text that asks for code like a hit, "" where its path cannot be typed."""
    path = f"{repository}/{hit.path}" if repository else hit.path
    if not path.isprintable():
        return ""
    line = (hit.definition or (hit.start_line,))[0]
    languages = "".join(f" lang:{quoted(one)}" for one in typed.values("lang"))
    return f"like:{quoted(f'{path}:{line}')}{languages}"


def file_json(lines: Lines, path: str, language: str, repository: str) -> dict[str, Any]:
    """Lines of a file."""
    return {
        **_where(path, repository),
        "repository": repository,
        "path": path,
        "language": language,
        "start_line": lines.start,
        "of_lines": lines.of,
        "code": [
            {"line": number, "shade": 0, "pieces": pieces}
            for number, pieces in enumerate(coloured(lines.lines, language), lines.start)
        ],
    }


def with_places(told: Mapping[str, Any], repository: str) -> dict[str, Any]:
    """Callers and importing files with what the page shows of their paths."""
    files = ("imports", "imported_by")
    return {
        "callers": [
            {**one, **_where(one["path"], repository), "symbol": printable(one["symbol"])}
            for one in told["callers"]
        ],
        **{name: [_where(path, repository) for path in told[name]] for name in files},
    }


def class_json(found: CloneClass, repository: str) -> dict[str, Any]:
    """A class of duplicates."""
    return {
        "type": found.type,
        "similarity": found.similarity,
        "members": [
            {
                **_where(one.path, repository),
                "start_line": one.start_line,
                "end_line": one.end_line,
                "symbol": printable(one.symbol),
            }
            for one in found.members
        ],
    }


def _where(path: str, repository: str) -> dict[str, Any]:
    folder, _, name = path.rpartition("/")
    return {
        "repository": repository,
        "place": place_of(path),
        "shown_folder": list(visible(f"{folder}/" if folder else "")),
        "shown_name": list(visible(name)),
    }


def _shades(lines: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """How strongly each line is shaded, 1 to 3, by what it carried; others are not there."""
    most = max((one["score"] for one in lines), default=0.0)
    if most <= 0:
        return {}
    return {
        one["line"]: shade
        for one in lines
        if (shade := sum(one["score"] >= share * most for share in _SHADES))
    }
