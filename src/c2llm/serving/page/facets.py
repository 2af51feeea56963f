"""What an answer could be narrowed to, counted, each value with the text that does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from c2llm.printable import printable

if TYPE_CHECKING:
    from c2llm.search.answers.facets import Facets
    from c2llm.search.query.typed_filters import TypedQuery

_MOST = 8
"""Values of one facet."""


def links(counted: Facets, typed: TypedQuery) -> list[dict[str, Any]]:
    """Repositories, languages and folders of an answer.

    What cannot be typed (a folder whose name has a control character) is no value, and a facet that
    would change nothing is left out.
    """
    found = {
        "repo": counted.repositories,
        "lang": counted.languages,
        "path": {name: count for name, count in counted.folders.items() if name != "."},
    }
    told = []
    for name, counts in found.items():
        values = list(_values(name, counts, typed))
        if any(one["chosen"] or one["count"] < counted.of for one in values):
            told.append({"name": name, "values": values})
    return told


def chips(typed: TypedQuery) -> list[dict[str, Any]]:
    """The filters that are in the text, each with the text without it."""
    return [
        {
            "name": one.name,
            "value": printable(one.value),
            "excludes": one.excludes,
            "text": typed.toggled(one.name, one.value, excludes=one.excludes),
        }
        for one in typed.filters
    ]


def _values(name: str, counted: Mapping[str, int], typed: TypedQuery) -> Iterator[dict[str, Any]]:
    chosen = typed.values(name)
    most = [value for value in counted if value not in chosen and value.isprintable()]
    for value in (*chosen, *most[: max(0, _MOST - len(chosen))]):
        yield {
            "value": printable(value),
            "count": counted.get(value, 0),
            "chosen": value in chosen,
            "text": typed.toggled(name, value),
            "without": typed.toggled(name, value, excludes=True),
        }
