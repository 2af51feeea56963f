"""What a query names and no indexed file has: that is said, and which left-out files have it.

The nearest chunks are an answer to words; to a name that is nowhere they are none, and whoever
reads them must know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from c2llm.codebase.words import normalized, tokens
from c2llm.search.asked_index import TreeIndex
from c2llm.search.query.query_parsing import Query, QueryKind
from c2llm.search.query.resolve import resolve

if TYPE_CHECKING:
    from c2llm.codebase.files.walk import Skipped
    from c2llm.index.store.chunk_store import ChunkStore
    from c2llm.search.asked_index import AskedIndex

_MOST_NAMES = 3
_QUOTED = re.compile(r"[`\"']([^\W\d]\w{2,})(?:\(\))?[`\"']")
_CURE = "To index one, name it with ! in .c2llmignore"


def absent_names(
    indexes: Sequence[AskedIndex],
    stores: Sequence[ChunkStore],
    query: Query,
    *,
    answered: bool,
) -> Iterator[str]:
    """Sentences on names and files of a query that no index has.

    Args:
        indexes: What was asked.
        stores: Their stores.
        query: The question.
        answered: There are hits all the same.
    """
    if query.kind is QueryKind.CODE:
        return
    trees = [index for index in indexes if isinstance(index, TreeIndex)]
    if query.places and not any(resolve(store, query.places) for store in stores):
        yield from _left_out_places(trees, query)
    named = _named(query)
    absent = [name for name in named if not any(_has(store, name) for store in stores)]
    if absent and (query.kind is not QueryKind.TRACE or len(absent) == len(named)):
        yield from _told(trees, absent[:_MOST_NAMES], answered=answered)


def _named(query: Query) -> list[str]:
    """What can only be a name, as it is spelled; a word of another language is known for one."""
    sure = [
        name.text
        for name in query.names
        if name.strength >= 1.0 and not any(word in name.text for word in query.understood)
    ]
    return list(dict.fromkeys([*sure, *_QUOTED.findall(query.text)]))


def _has(store: ChunkStore, name: str) -> bool:
    """Whether an index has a name whole, in whatever case, or a definition that is called so."""
    spelled = tokens(name).split(" ", 1)[0]
    if not spelled or store.document_frequencies([spelled]):
        return True
    return bool(store.definitions([normalized(name)]))


def _told(indexes: Sequence[TreeIndex], absent: Sequence[str], *, answered: bool) -> Iterator[str]:
    from c2llm.codebase.files.left_out import INCURABLE, find_left_out

    found: dict[str, list[str]] = {name: [] for name in absent}
    curable: set[str] = set()
    complete = True
    for index in indexes:
        looked = find_left_out(str(index.root), index.left_out_files(), absent)
        complete = complete and looked.complete
        for name, files in looked.files.items():
            found[name] += [_shown(index, file) for file in files]
            if any(file.reason not in INCURABLE for file in files):
                curable.add(name)
    for name in absent:
        only = "; the answers only resemble it" if answered else ""
        yield f"No indexed file contains {name}{only}."
        if found[name]:
            cure = f" {_CURE}." if name in curable else ""
            yield f"Left out, but with {name} in it: {', '.join(found[name])}.{cure}"
        elif not complete:
            yield f"Not all files that are left out were looked through for {name}."


def _left_out_places(indexes: Sequence[TreeIndex], query: Query) -> Iterator[str]:
    """Files that the query names by their paths and that are left out."""
    for index in indexes:
        for place in query.places[:_MOST_NAMES]:
            ending = "/" + place.path.lstrip("./")
            for file in index.left_out_files():
                if f"/{file.path}".endswith(ending):
                    yield f"{_shown(index, file)} is left out. {_CURE}."
                    break


def _shown(index: TreeIndex, file: Skipped) -> str:
    path = f"{index.label}/{file.path}" if index.label else file.path
    return f"{path} ({file.reason})"
