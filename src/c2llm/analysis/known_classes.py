"""The classes of duplicates of one index, kept for who asks of a place whether it has copies.

They are kept when all duplicates of the index are looked for as by default, and are there until a
file of the index changes. What asks for more has them looked for again, which takes a moment.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from c2llm.analysis.clones.clone_class import CloneClass, CloneReport, Member
from c2llm.analysis.clones.request import ClonesRequest
from c2llm.index.store.caches.kept_results import KeptResults
from c2llm.search.request import SearchRequest

if TYPE_CHECKING:
    from c2llm.index.store.chunk_store import ChunkStore
    from c2llm.search.answer import Hit
    from c2llm.search.code_index import CodeIndex

_KIND = "classes 1"
_OVERLAP = 0.5
"""Share of the shorter of a place and a member that is in both, from which it is that member."""


class KnownClasses:
    """Finds the class that a place belongs to.

    Args:
        classes: All classes of one index.
    """

    def __init__(self, classes: Iterable[CloneClass]) -> None:
        self._classes = tuple(classes)
        self._members: dict[str, list[tuple[Member, int]]] = {}
        for number, clone in enumerate(self._classes):
            for member in clone.members:
                self._members.setdefault(member.path, []).append((member, number))

    def at(self, path: str, start_line: int, end_line: int) -> CloneClass | None:
        """The class that has most of these lines; of two the stricter type, then the larger one."""
        best: tuple[float, ...] | None = None
        found: CloneClass | None = None
        for member, number in self._members.get(path, ()):
            shared = min(end_line, member.end_line) - max(start_line, member.start_line) + 1
            shorter = min(end_line - start_line, member.end_line - member.start_line) + 1
            if shared < _OVERLAP * shorter:
                continue
            clone = self._classes[number]
            rank = (-shared, clone.type, -len(clone.members), number)
            if best is None or rank < best:
                best, found = rank, clone
        return found


def class_of(index: CodeIndex, path: str, start_line: int, end_line: int) -> CloneClass | None:
    """The class of duplicates that a place of an index belongs to, where its classes are kept.

    Args:
        index: The index.
        path: The file, relative to the root, with `/`.
        start_line: The first line, from 1.
        end_line: The last one, inclusive.
    """
    known = kept_classes(index)
    return None if known is None else known.at(path, start_line, end_line)


def kept_classes(index: CodeIndex) -> KnownClasses | None:
    """The classes that are kept of an index as it is now; None where there are none."""
    if not index.is_kept:
        return None
    key = _key(_store(index))
    with KeptResults(index.file) as kept:
        content = kept.get(_KIND, [key]).get(key)
    if content is None:
        return None
    try:
        rows = json.loads(zlib.decompress(content))
        return KnownClasses([_class(row) for row in rows])
    except (zlib.error, ValueError, TypeError, KeyError):
        return None


def known_classes(index: CodeIndex) -> KnownClasses:
    """The classes that are kept of an index, or those that are found now."""
    from c2llm.analysis.clones.find import find_clones

    known = kept_classes(index)
    if known is None:
        request = ClonesRequest()
        report = find_clones([index], request)
        keep_classes(index, request, report)
        known = KnownClasses((*report.classes, *report.apart))
    return known


def keep_classes(index: CodeIndex, request: ClonesRequest, report: CloneReport) -> None:
    """Keep what was found in one index, if it was looked for as by default."""
    if request != ClonesRequest() or not index.is_kept or index.unread_files:
        return
    key = _key(_store(index))
    rows = [_row(clone) for clone in (*report.classes, *report.apart)]
    content = zlib.compress(json.dumps(rows).encode())
    with KeptResults(index.file) as kept:
        kept.put(_KIND, {key: content})
        kept.keep_only(_KIND, [key], family=_KIND.split(" ")[0])


def _store(index: CodeIndex) -> ChunkStore:
    return index.target(SearchRequest("clones", mode="lexical")).reader.store


def _key(store: ChunkStore) -> bytes:
    return hashlib.blake2b(repr(store.files_state()).encode(), digest_size=16).digest()


def _row(clone: CloneClass) -> list[Any]:
    members = [
        [one.path, one.start_line, one.end_line, one.language, one.symbol] for one in clone.members
    ]
    return [
        clone.id,
        clone.type,
        clone.similarity,
        members,
        clone.tokens,
        clone.saved_lines,
        clone.role,
    ]


def _class(row: Any) -> CloneClass:
    id_, kind, similarity, members, tokens, saved, role = row
    places = tuple(Member(*member) for member in members)
    return CloneClass(id_, kind, similarity, places, tokens, saved, role)


def classes_of_hits(
    indexes: Sequence[CodeIndex], hits: Sequence[Hit], *, look: bool
) -> list[CloneClass | None]:
    """For each hit the class of duplicates that it belongs to in its index.

    Args:
        indexes: The indexes that were searched.
        hits: What was found in them.
        look: Whether to look for duplicates where none are kept; else nothing is known there.
    """
    of_label = {index.label: index for index in indexes}
    known = {
        label: known_classes(of_label[label]) if look else kept_classes(of_label[label])
        for label in dict.fromkeys(hit.repository for hit in hits)
        if label in of_label
    }
    found = (known.get(hit.repository) for hit in hits)
    return [
        None if one is None else one.at(hit.path, hit.start_line, hit.end_line)
        for one, hit in zip(found, hits, strict=True)
    ]
