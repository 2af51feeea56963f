"""What the results could be narrowed to, counted, each with the text that does it."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from c2llm.printable import printable

if TYPE_CHECKING:
    from c2llm.search.answer import Hit
    from c2llm.search.query.typed_filters import TypedQuery

_MOST = 8
"""Values of one facet."""


def facets(hits: Sequence[Hit], typed: TypedQuery) -> list[dict[str, Any]]:
    """Repositories, languages and folders of the hits, those with most hits first.

    What cannot be typed (a folder whose name has a control character) is no facet, and a facet that
    would change nothing is left out.
    """
    found = {
        "repo": Counter(hit.repository for hit in hits if hit.repository),
        "lang": Counter(hit.language for hit in hits if hit.language),
        "path": Counter(_folders([hit.path for hit in hits])),
    }
    told = []
    for name, counted in found.items():
        chosen = typed.values(name)
        values = list(_values(name, counted, typed))
        if len(values) > 1 or chosen:
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


def _values(name: str, counted: Counter[str], typed: TypedQuery) -> Iterator[dict[str, Any]]:
    chosen = typed.values(name)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    most = [value for value, _ in ordered if value not in chosen and value.isprintable()]
    for value in (*chosen, *most[: max(0, _MOST - len(chosen))]):
        yield {
            "value": printable(value),
            "count": counted.get(value, 0),
            "chosen": value in chosen,
            "text": typed.toggled(name, value),
            "without": typed.toggled(name, value, excludes=True),
        }


def _folders(paths: Sequence[str]) -> Iterable[str]:
    """Of each path the folder in which it parts from the others."""
    folders = [posixpath.dirname(path) for path in paths]
    common = posixpath.commonpath(folders) if folders and all(folders) else ""
    depth = common.count("/") + 1 if common else 0
    for folder in folders:
        parts = folder.split("/")
        if folder and len(parts) > depth:
            yield "/".join(parts[: depth + 1])
