"""What was found, in statements of the corpus, and as the classes that are told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.clone_class import CloneClass, CloneType, Member
from c2llm.analysis.clones.corpus import Corpus
from c2llm.analysis.clones.roles import role_of

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


def function_place(corpus: Corpus, number: int) -> Place:
    """A function as a place."""
    row = corpus.functions[number]
    return Place(
        int(corpus.file_of_function[number]),
        int(row["start_line"]),
        int(row["end_line"]),
        int(row["first"]),
        int(row["last"]),
        int(row["tokens"]),
        corpus.names[number],
    )


def classes_of(corpus: Corpus, findings: Iterable[Finding]) -> list[CloneClass]:
    """The classes that findings are told as: what could be saved most comes first; ties by id."""
    found = [_told(corpus, finding) for finding in findings]
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


def _told(corpus: Corpus, finding: Finding) -> CloneClass:
    places = sorted(finding.places, key=lambda place: (place.file, place.start_line))
    members = tuple(_member(corpus, place) for place in places)
    lines = [member.end_line - member.start_line + 1 for member in members]
    return CloneClass(
        id=_id(corpus.statements["spelling"], places),
        type=finding.type,
        similarity=round(finding.similarity, 4),
        members=members,
        tokens=places[0].tokens,
        saved_lines=sum(lines) - max(lines),
        role=role_of(corpus, places),
    )


def _member(corpus: Corpus, place: Place) -> Member:
    file = corpus.files[place.file]
    return Member(
        file.path, place.start_line, place.end_line, file.language, place.symbol, file.repository
    )


def _id(spellings: NDArray[np.uint64], places: Sequence[Place]) -> str:
    """Of what the members say, in no order: the same wherever they are."""
    said = sorted(spellings[place.first : place.last].tobytes() for place in places)
    digest = hashlib.blake2b(digest_size=_ID_BYTES)
    for one in said:
        digest.update(len(one).to_bytes(8, "big") + one)
    return digest.hexdigest()
