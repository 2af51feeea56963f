"""Why a hit is there, as its `why` says it.

The reasons are always there. With `explain` so are the shares: the parts of the score, and what
each line and each word of the query contributes. Each list has one rest, with which it adds up to
the score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

REST = "rest"
"""The part that is not a sum of others: what a near copy or a deeper page does to the score."""

_NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a hit's score."""

    name: str
    """`vectors`, `word` (BM25), `feature`, `asked`, `role`, `diversity`, `unit`, `whole` or
    `rest`."""
    of: str
    """Which one: the word, the feature or the role; "" where there is only one."""
    score: float


@dataclass(frozen=True, slots=True)
class LineShare:
    """What one line of a hit contributes to its score."""

    line: int
    """Its number in the file, from 1; lines of a notebook's cell may have the same."""
    vectors: float
    words: float

    @property
    def score(self) -> float:
        """Both together."""
        return self.vectors + self.words


@dataclass(frozen=True, slots=True)
class WordShare:
    """What one word of the query contributes to a hit's score."""

    word: str
    """As the query spells it first."""
    vectors: float
    words: float

    @property
    def score(self) -> float:
        """Both together."""
        return self.vectors + self.words


@dataclass(frozen=True, slots=True)
class Basis:
    """What lines and words are explained from; while an answer is made, and not after."""

    source: int
    """Which of the searched indexes the hit's chunk is from."""
    chunk_id: int
    by_words: float
    """What 1 of the chunk's BM25 is worth in the score."""
    floor: float
    """The cosine that counts 0."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why a hit is there; all but the reasons is empty unless the request says `explain`."""

    reasons: tuple[str, ...]
    """Short, the strongest first."""
    parts: tuple[Part, ...] = ()
    """They add up to the hit's score."""
    lines: tuple[LineShare, ...] = ()
    """One for each line of the hit's text, in order."""
    lines_rest: float = 0.0
    """What lies in no line (paths, other files, factors), or is not a sum over lines: with it the
    lines add up to the hit's score."""
    words: tuple[WordShare, ...] = ()
    """One for each different word of the query, in order."""
    words_rest: float = 0.0
    """The same for the words."""
    basis: Basis | None = None

    def rows_by_share(self) -> list[int]:
        """The lines as rows from 0, those that contribute most first; of equals the first."""
        return sorted(range(len(self.lines)), key=lambda row: (-self.lines[row].score, row))

    def telling_rows(self, share: float = 0.5) -> frozenset[int]:
        """The fewest lines that have this share of what all of them contribute, as rows from 0."""
        left = share * sum(max(0.0, one.score) for one in self.lines)
        telling: set[int] = set()
        for row in self.rows_by_share():
            if left <= _NOTHING:
                break
            telling.add(row)
            left -= self.lines[row].score
        return frozenset(telling)

    def with_reason(self, reason: str) -> Why:
        """One reason more, behind the others."""
        return replace(self, reasons=(*self.reasons, reason))

    def with_part(self, name: str, of: str, score: float) -> Why:
        """One part more, if this is explained and the part is not nothing."""
        if self.basis is None or not score:
            return self
        return replace(self, parts=(*self.parts, Part(name, of, score)))
