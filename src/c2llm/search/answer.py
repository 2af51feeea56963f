"""What a search answers: the hits, and the truth about what they were found in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from c2llm.index.store.catalog.records import Place
    from c2llm.index.store.imported.record import Record
    from c2llm.search.answers.callers import Callers
    from c2llm.search.answers.facets import Facets
    from c2llm.search.answers.with_records import Group
    from c2llm.search.explain.why import Why
    from c2llm.search.request import SearchRequest


@dataclass(frozen=True, slots=True)
class Sibling:
    """Where a near copy of a hit is."""

    path: str
    start_line: int
    end_line: int
    symbol: str = ""
    repository: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer."""

    path: str
    """Relative to the searched root, with `/`."""
    start_line: int
    """From 1."""
    end_line: int
    """Inclusive."""
    language: str
    kind: str
    symbol: str
    score: float
    """Comparable within one answer only."""
    text: str
    why: Why
    """The reasons; with `explain` also what lines and words the score comes from."""
    cell: int = 0
    """Which cell of a notebook it is from, counted from 1; 0 elsewhere. The lines are those of the
    notebook's file."""
    repository: str = ""
    """Label of the index that it is from, when several were searched."""
    definition: tuple[int, int] | None = None
    """First and last line of what `symbol` names, where the hit holds other definitions too."""
    callers: Callers | None = None
    """Who calls it and what its file imports, where the request asks for that."""
    also: tuple[Sibling, ...] = ()
    """Near copies of it among the best results, which stand behind what is different."""
    places: tuple[Place, ...] = ()
    """The other places of a catalog that have its file byte by byte, as many as may be seen."""
    shown: tuple[tuple[int, int], ...] = ()
    """First and last line of each run of lines in `text`, where a token budget has left out others;
    between runs `text` has the line `…`. Empty where `text` is all of the hit."""
    records: tuple[Record, ...] = ()
    """What was measured of it and meets the request, the telling one first, where it asks."""

    def rows(self) -> list[tuple[int | None, str]]:
        """The lines of `text`, each with its number in the file; None for what is left out."""
        lines = self.text.split("\n")
        if not self.shown:  # a cell of a notebook may be one line of its file
            numbers = range(self.start_line, self.start_line + len(lines))
            return [(min(n, self.end_line), line) for n, line in zip(numbers, lines, strict=True)]
        numbered: list[int | None] = []
        for first, last in self.shown:
            numbered += [None] if numbered else []
            numbered += range(first, last + 1)
        return list(zip(numbered, lines, strict=True))


@dataclass(frozen=True, slots=True)
class SearchedIndex:
    """One of the indexes that were searched, as it was when it answered."""

    root: str
    label: str
    """What its hits are told apart by, "" where it is the only one."""
    model: str | None
    """The model whose vectors took part, None in a lexical search."""
    table_model: str | None
    """The table model that covers every chunk at once, if there is one."""
    files: int
    chunks: int
    embedded: int
    """Chunks with a vector of `model`."""
    stale: int
    """Files that differed from the index when it was last refreshed, and were not redone."""
    unread: int
    """Files of a large tree that had not been read yet; they are in no answer."""
    left_out: Mapping[str, int]
    """For each reason how many files and directories are not indexed."""
    repositories: int | None = None
    """Of a catalog: how many were read, each as fresh as its last refresh; else None."""


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """The hits of one request, the best first, and what they rest on."""

    request: SearchRequest
    hits: tuple[Hit, ...]
    indexes: tuple[SearchedIndex, ...]
    """What was searched; an index that has no file in the wanted languages is not among them."""
    cut_off: int
    """Hits that a token budget left out or cut; the one that is cut comes last."""
    seconds: float
    """From the request to the answer; opening and refreshing the indexes is not in it."""
    notes: tuple[str, ...] = ()
    """Sentences that whoever shows the answer tells with it: what was not looked at or not met."""
    facets: Facets | None = None
    """What it is made of, where the request asks for that."""
    groups: tuple[Group, ...] = ()
    """How the hits fall into groups, in their order, where the request asks for that."""

    understood: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each word of another language the English ones that it was taken for."""

    @property
    def reading(self) -> str:
        """What foreign words were taken for, in one line; "" where the query has none."""
        words = (f"{word} as {' or '.join(english)}" for word, english in self.understood.items())
        return f"Understood: {', '.join(words)}." if self.understood else ""

    @property
    def unread(self) -> int:
        """Files of all indexes that had not been read yet."""
        return sum(index.unread for index in self.indexes)

    @property
    def stale(self) -> int:
        """Files of all indexes that are newer than what was searched."""
        return sum(index.stale for index in self.indexes)
