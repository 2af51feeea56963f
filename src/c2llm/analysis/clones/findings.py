"""What was found, in statements of the corpus, and as the classes that are told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from c2llm.analysis.clones.clone_class import CloneClass, CloneType, Member
from c2llm.analysis.clones.corpus import Corpus
from c2llm.analysis.clones.roles import RolesOfPlaces

_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class Place:
    """A run of statements in one file, or a function."""

    file: int
    """Its number in the corpus."""
    start_line: int
    """From 1."""
    end_line: int
    """Inclusive."""
    first: int
    """Its statements in the corpus: from this one."""
    last: int
    """To before this one."""
    tokens: int
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Places that are clones of each other, each of all others."""

    type: CloneType
    similarity: float
    """Of the least similar place to the first one."""
    places: tuple[Place, ...]
    whole: bool = False
    """The places are functions."""
    loose: bool = False
    """Of type 4, and hardly alike."""


def function_places(corpus: Corpus, numbers: Iterable[int]) -> dict[int, Place]:
    """Functions as places, by their numbers."""
    chosen = np.array(sorted(numbers), np.int64)
    fields = ("start_line", "end_line", "first", "last", "tokens")
    columns = [corpus.functions[field][chosen].tolist() for field in fields]
    files = corpus.file_of_function[chosen].tolist()
    names = (corpus.names[number] for number in chosen.tolist())
    places = map(Place, files, *columns, names)
    return dict(zip(chosen.tolist(), places, strict=True))


def classes_of(corpus: Corpus, findings: Iterable[Finding]) -> list[CloneClass]:
    """The classes that findings are told as: what could be saved most comes first; ties by id."""
    telling = _Telling(corpus)
    found = [telling.told(finding) for finding in findings]
    return sorted(found, key=lambda one: (-one.saved_lines, one.id, one.members))


def covered_lines(classes: Iterable[CloneClass]) -> int:
    """Different lines that the members cover."""
    spans: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for one in classes:
        for member in one.members:
            key = member.repository, member.path
            spans.setdefault(key, []).append((member.start_line, member.end_line))
    covered = 0
    for lines in spans.values():
        reached = 0
        for start, end in sorted(lines):
            covered += max(0, end - max(start - 1, reached))
            reached = max(reached, end)
    return covered


class _Telling:
    """Findings to classes; a place that is in several is looked at once."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._spelling = np.ascontiguousarray(corpus.statements["spelling"])
        self._members: dict[Place, Member] = {}
        self._said: dict[Place, bytes] = {}
        self._roles = RolesOfPlaces(corpus)

    def told(self, finding: Finding) -> CloneClass:
        """A finding as a class."""
        places = sorted(finding.places, key=lambda place: (place.file, place.start_line))
        lines = [place.end_line - place.start_line + 1 for place in places]
        return CloneClass(
            id=self._id(places),
            type=finding.type,
            similarity=round(finding.similarity, 4),
            members=tuple(map(self._member, places)),
            tokens=places[0].tokens,
            saved_lines=sum(lines) - max(lines),
            role=self._roles.of(places, loose=finding.loose),
        )

    def _member(self, place: Place) -> Member:
        member = self._members.get(place)
        if member is None:
            file = self._corpus.files[place.file]
            member = self._members[place] = Member(
                file.path,
                place.start_line,
                place.end_line,
                file.language,
                place.symbol,
                file.repository,
            )
        return member

    def _id(self, places: Sequence[Place]) -> str:
        """Of what the members say, in no order: the same wherever they are."""
        digest = hashlib.blake2b(digest_size=_ID_BYTES)
        for said in sorted(map(self._digest, places)):
            digest.update(said)
        return digest.hexdigest()

    def _digest(self, place: Place) -> bytes:
        said = self._said.get(place)
        if said is None:
            spelled = self._spelling[place.first : place.last].tobytes()
            said = self._said[place] = hashlib.blake2b(spelled, digest_size=16).digest()
        return said
