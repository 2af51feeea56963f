"""Of findings that tell the same, the larger one stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from c2llm.analysis.clones.findings import Finding, Place

_MOST_INSIDE = 0.8
"""Share of a place's statements in another one from which it is part of that. More than half, so
that what holds a place holds its middle."""
_BLOCK = 32
"""Statements that are looked up as one."""


def without_parts(findings: Iterable[Finding]) -> list[Finding]:
    """The findings whose places are not all part of those of another one, the largest first.

    A fragment in two functions that are clones as wholes is told with them; a function in two files
    that are copies is told with the files.
    """
    kept = _Kept()
    for finding in sorted(findings, key=_rank):
        if not kept.holds(finding):
            kept.add(finding)
    return kept.findings


def _rank(finding: Finding) -> tuple[object, ...]:
    """Longer places first, then more of them; ties by place. What is loose holds nothing else."""
    places = finding.places
    length = max(place.last - place.first for place in places)
    return (
        finding.loose,
        -length,
        not finding.whole,
        -len(places),
        finding.type,
        [(place.file, place.first) for place in places],
    )


class _Kept:
    """Findings that stay, and where their places are."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._by_block: dict[int, list[tuple[int, int, int]]] = {}
        self._by_file: list[dict[int, list[Place]]] = []

    def add(self, finding: Finding) -> None:
        """Keep a finding."""
        number = len(self.findings)
        by_file: dict[int, list[Place]] = {}
        for place in finding.places:
            by_file.setdefault(place.file, []).append(place)
            for block in range(place.first // _BLOCK, (place.last - 1) // _BLOCK + 1):
                self._by_block.setdefault(block, []).append((place.first, place.last, number))
        self.findings.append(finding)
        self._by_file.append(by_file)

    def holds(self, finding: Finding) -> bool:
        """Whether all places of a finding are part of those of one that stays.

        Of classes of functions none holds all of another one by the very same places.
        """
        places = finding.places
        rarest = min(places, key=lambda place: len(self._near(place)))
        return any(
            len(self.findings[number].places) >= len(places) and self._is_part(finding, number)
            for number in self._containing(rarest, own=not finding.whole)
        )

    def _near(self, place: Place) -> list[tuple[int, int, int]]:
        return self._by_block.get((place.first + place.last) // 2 // _BLOCK, [])

    def _containing(self, place: Place, *, own: bool) -> Iterator[int]:
        """Numbers of the findings that have most of a place in one of theirs.

        Args:
            place: The place.
            own: Whether the very same place counts.
        """
        start, end = place.first, place.last
        needed = _MOST_INSIDE * (end - start)
        for first, last, number in self._near(place):
            inside = (last if last < end else end) - (first if first > start else start)
            if inside >= needed and (own or first != start or last != end):
                yield number

    def _is_part(self, finding: Finding, number: int) -> bool:
        """Whether each place of a finding is in another place of one that stays."""
        by_file = self._by_file[number]
        taken: set[Place] = set()
        for place in finding.places:
            start, end = place.first, place.last
            needed = _MOST_INSIDE * (end - start)
            for around in by_file.get(place.file, ()):
                inside = min(around.last, end) - max(around.first, start)
                if inside >= needed and around not in taken:
                    taken.add(around)
                    break
            else:
                return False
        return True
