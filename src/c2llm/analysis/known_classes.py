"""The classes of duplicates of one index, kept for who asks of a place whether it has copies.

They are kept when all duplicates of the index are looked for as by default, and are there until a
file of the index changes. What asks for more has them looked for again, which takes a moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from c2llm.analysis.clones.clone_class import CloneClass, Member
from c2llm.analysis.clones.request import ClonesRequest

if TYPE_CHECKING:
    from c2llm.search.answer import Hit
    from c2llm.search.code_index import CodeIndex

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
    from c2llm.analysis.clones.find import kept_clones

    report = kept_clones([index], ClonesRequest()) if index.is_kept else None
    return None if report is None else KnownClasses((*report.classes, *report.apart))


def known_classes(index: CodeIndex) -> KnownClasses:
    """The classes that are kept of an index, or those that are found now."""
    from c2llm.analysis.clones.find import find_clones

    report = find_clones([index], ClonesRequest())
    return KnownClasses((*report.classes, *report.apart))


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
