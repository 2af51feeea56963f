"""Of findings that tell the same, the larger one stays."""

from __future__ import annotations

from collections.abc import Iterable

from c2llm.analysis.clones.findings import Finding, Place

_MOST_INSIDE = 0.8
"""Share of a place's statements in another one from which it is part of that."""


def without_parts(findings: Iterable[Finding]) -> list[Finding]:
    """The findings whose places are not all part of those of another one, the largest first.

    A fragment in two functions that are clones as wholes is told with them; a function in two files
    that are copies is told with the files.
    """
    kept: list[Finding] = []
    around: dict[int, list[tuple[int, int, int]]] = {}
    for finding in sorted(findings, key=_rank):
        rarest = min(finding.places, key=lambda place: len(around.get(place.file, ())))
        containing = _containing(around, rarest)
        if any(_apart_in(kept[number], finding) for number in containing):
            continue
        for place in finding.places:
            around.setdefault(place.file, []).append((place.first, place.last, len(kept)))
        kept.append(finding)
    return kept


def _rank(finding: Finding) -> tuple[object, ...]:
    """Longer places first, then more of them; ties by place."""
    places = finding.places
    length = max(place.last - place.first for place in places)
    return -length, -len(places), finding.type, [(place.file, place.first) for place in places]


def _containing(around: dict[int, list[tuple[int, int, int]]], place: Place) -> list[int]:
    """Numbers of the findings that have most of a place in one of theirs."""
    needed = _MOST_INSIDE * (place.last - place.first)
    found: list[int] = []
    for first, last, number in around.get(place.file, ()):
        # Most of the places of a file are elsewhere in it: no call for those.
        if first < place.last and place.first < last:
            inside = min(last, place.last) - max(first, place.first)
            if inside >= needed:
                found.append(number)
    return found


def _apart_in(larger: Finding, finding: Finding) -> bool:
    """Whether each place of a finding is in another place of the larger one."""
    if len(larger.places) < len(finding.places):
        return False
    seen: set[int] = set()
    for place in finding.places:
        needed = _MOST_INSIDE * (place.last - place.first)
        for number, around in enumerate(larger.places):
            inside = min(around.last, place.last) - max(around.first, place.first)
            if around.file == place.file and inside >= needed and number not in seen:
                seen.add(number)
                break
        else:
            return False
    return True
