"""An answer as JSON, the same for the command line, for programs over HTTP and for the page."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from c2llm.search.answers.snippets import snippet

if TYPE_CHECKING:
    from c2llm.index.store.imported.record import Record
    from c2llm.search.answer import Hit, SearchAnswer, Sibling
    from c2llm.search.answers.callers import Callers
    from c2llm.search.answers.facets import Facets
    from c2llm.search.explain.why import LineShare, Why, WordShare

_MOST_PLACES = 100
"""Of the other places of a file; how many there are is told in any case."""
_SHARE_DIGITS = 8
"""Enough for the sum of some hundred shares to be the score that is told."""


def result(rank: int, hit: Hit, query: str, *, whole: bool) -> dict[str, Any]:
    """An answer as JSON; the snippet is the whole text where a budget decides."""
    where = {"repository": hit.repository} if hit.repository else {}
    return {
        "rank": rank,
        **where,
        "path": hit.path,
        "start_line": hit.start_line,
        "end_line": hit.end_line,
        **({"cell": hit.cell} if hit.cell else {}),
        "language": hit.language,
        "kind": hit.kind,
        "symbol": hit.symbol,
        "score": round(hit.score, _SHARE_DIGITS if hit.why.parts else 4),
        "snippet": hit.text if whole else snippet(hit, query).text,
        "why": _why(hit.why),
        **({"shown": [list(run) for run in hit.shown]} if hit.shown else {}),
        **(_places(hit) if hit.places else {}),
        **({"also": [_sibling(one) for one in hit.also]} if hit.also else {}),
        **(_callers(hit.callers) if hit.callers is not None else {}),
        **({"record": record_as_json(hit.records[0])} if hit.records else {}),
        **({"records": len(hit.records)} if len(hit.records) > 1 else {}),
    }


def _places(hit: Hit) -> dict[str, Any]:
    """Where else the file of an answer is: so many of the places, and how many there are."""
    named = [{"repository": one.repository, "path": one.path} for one in hit.places[:_MOST_PLACES]]
    return {"places": named, "other_places": len(hit.places)}


def record_as_json(record: Record) -> dict[str, Any]:
    """A record as JSON."""
    key = record.key
    return {
        "path": key.path,
        **{name: value for name, value in (("symbol", key.symbol), ("revision", key.revision),
                                           ("run", key.run)) if value},
        "state": record.state,
        "values": dict(record.values),
    }  # fmt: skip


def payload(answer: SearchAnswer, seconds: float, *, whole: bool | None = None) -> dict[str, Any]:
    """A whole answer as JSON; `seconds` is the time since the command was given.

    Args:
        answer: What was found.
        seconds: How long it took.
        whole: See `results`.
    """
    request, indexes = answer.request, answer.indexes
    left_out: Counter[str] = Counter()
    for index in indexes:
        left_out.update(index.left_out)
    return {
        "query": request.text,
        "model": indexes[0].model if indexes else None,
        "mode": request.mode,
        "index": {
            "files": sum(index.files for index in indexes),
            "chunks": sum(index.chunks for index in indexes),
            "embedded": sum(index.embedded for index in indexes),
            "stale": answer.stale,
            "unread": answer.unread,
            "left_out": dict(left_out.most_common()),
            **_of_catalogs(answer),
        },
        "cut_off": answer.cut_off,
        "notes": list(answer.notes),
        **({"understood": _understood(answer)} if answer.understood else {}),
        "took_ms": round(seconds * 1000, 1),
        **({"facets": _facets(answer.facets)} if answer.facets is not None else {}),
        **({"groups": _groups(answer)} if answer.groups else {}),
        "results": results(answer, whole=whole),
    }


def _of_catalogs(answer: SearchAnswer) -> dict[str, int]:
    """How many repositories of catalogs were asked, where some were."""
    kept = sum(index.repositories or 0 for index in answer.indexes)
    return {"repositories": kept} if kept else {}


def _understood(answer: SearchAnswer) -> dict[str, list[str]]:
    return {word: list(english) for word, english in answer.understood.items()}


def results(answer: SearchAnswer, *, whole: bool | None = None) -> list[dict[str, Any]]:
    """The hits of an answer as JSON.

    Args:
        answer: What was found.
        whole: The whole text of each hit instead of a snippet; None where a token budget decides.
    """
    request = answer.request
    if whole is None:
        whole = request.max_tokens is not None
    return [
        result(rank, hit, request.text, whole=whole)
        for rank, hit in enumerate(answer.hits, request.offset + 1)
    ]


def _groups(answer: SearchAnswer) -> list[dict[str, Any]]:
    return [
        {"column": one.column, "value": one.value, "results": one.hits} for one in answer.groups
    ]


def _facets(facets: Facets) -> dict[str, Any]:
    counts = (facets.languages, facets.kinds, facets.folders, facets.repositories)
    named = zip(("languages", "kinds", "folders", "repositories"), counts, strict=True)
    return {"of": facets.of, **{name: dict(count) for name, count in named}}


def _sibling(one: Sibling) -> dict[str, Any]:
    where = {"repository": one.repository} if one.repository else {}
    lines = {"start_line": one.start_line, "end_line": one.end_line}
    return {**where, "path": one.path, **lines, "symbol": one.symbol}


def _why(why: Why) -> dict[str, Any]:
    """The reasons of an answer, and its explanation where there is one."""
    told: dict[str, Any] = {"reasons": list(why.reasons)}
    if why.parts:
        told |= {
            "parts": [
                {"name": part.name, "of": part.of, "score": _share(part.score)}
                for part in why.parts
            ],
            "lines": [{"line": one.line, **_shares(one)} for one in why.lines],
            "lines_rest": _share(why.lines_rest),
            "words": [{"word": one.word, **_shares(one)} for one in why.words],
            "words_rest": _share(why.words_rest),
        }
    return told


def _shares(one: LineShare | WordShare) -> dict[str, float]:
    return {
        "vectors": _share(one.vectors),
        "words": _share(one.words),
        "score": _share(one.score),
    }


def _share(score: float) -> float:
    return round(score, _SHARE_DIGITS)


def _callers(around: Callers) -> dict[str, Any]:
    """Who calls an answer and what stands around it, as JSON."""
    return {
        "callers": [
            {"path": use.path, "line": use.line, "symbol": use.symbol, "kind": use.kind}
            for use in around.callers
        ],
        "imports": list(around.imports),
        "imported_by": list(around.imported_by),
    }
