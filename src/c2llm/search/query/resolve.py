"""From the places that a query names to the indexed files that are meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice

from c2llm.index.store.chunk_store import ChunkStore
from c2llm.search.query.places import Place

_MOST_FILES = 20
"""Of one name, whose package is read."""
_FIRST_CHUNKS = 4
"""Of a file, among which its package is declared."""
_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)", re.MULTILINE)


def resolve(store: ChunkStore, named: Sequence[Place]) -> dict[int, list[Place]]:
    """The indexed files that are meant, by id: a trace from another machine has another root.

    The file with the longest common end of the path is meant, which has to be more than a bare
    file name where the place has more; of equals all are. Of a class the package decides, if the
    files declare theirs.
    """
    found: dict[int, list[Place]] = {}
    for place in named:
        parts = place.path.split("/")
        files = store.files_named(parts[-1])
        if place.package is not None and files:
            declared = _packages(store, [file_id for file_id, _ in files[:_MOST_FILES]])
            chosen = [file for file in files if declared.get(file[0]) == place.package]
            undeclared = [file for file in files if file[0] not in declared]
            files = chosen or undeclared
            if chosen and len({path.rpartition("/")[0] for _, path in chosen}) == 1:
                found.setdefault(chosen[0][0], []).append(place)
                continue
        common = {file_id: _common_end(parts, path.split("/")) for file_id, path in files}
        whole = {file_id for file_id, path in files if path.lower() == parts[-1].lower()}
        longest = max(common.values(), default=(0, 0))
        enough = len(parts) == 1 or place.package is not None
        for file_id, length in common.items():
            if length == longest and (length[0] > 1 or enough or file_id in whole):
                found.setdefault(file_id, []).append(place)
    return found


def _packages(store: ChunkStore, file_ids: Iterable[int]) -> dict[int, str]:
    """The package that each file declares, for those that declare one."""
    first = store.chunks_of(file_ids)
    ids = [i for chunk_ids in first.values() for i in islice(chunk_ids, _FIRST_CHUNKS)]
    declared: dict[int, str] = {}
    for stored in store.chunks(ids):
        if stored.file_id not in declared and (match := _PACKAGE.search(stored.chunk.text)):
            declared[stored.file_id] = match[1]
    return declared


def _common_end(first: Sequence[str], second: Sequence[str]) -> tuple[int, int]:
    """How many last parts agree, and how many do letter by letter: Windows knows no case."""
    length = exact = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one.lower() != other.lower():
            break
        length += 1
        exact += one == other
    return length, exact
