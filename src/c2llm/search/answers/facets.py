"""What an answer is made of, counted: languages, kinds, folders and repositories.

Counted are all pieces of code that the answer was ranked from, of which the best are shown. They
are the whole list that `offset` leads through as far as it was ranked at once, and no sample; a
narrower question finds candidates of its own, so that it may have more of a kind than was counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from c2llm.search.ranking.ranker import Candidate
    from c2llm.search.target import SearchTarget


@dataclass(frozen=True, slots=True)
class Facets:
    """How many of the candidates are of each; the most frequent first."""

    of: int
    """Candidates that were counted; each is in one of each of the following."""
    languages: Mapping[str, int]
    kinds: Mapping[str, int]
    folders: Mapping[str, int]
    """The directories in which the ways to them part; "." for the root of a repository."""
    repositories: Mapping[str, int]
    """By label; empty where one was searched."""


def facets_of(targets: Sequence[SearchTarget], candidates: Iterable[Candidate]) -> Facets:
    """Count the candidates of an answer.

    Args:
        targets: The indexes that were asked.
        candidates: All that may be an answer.
    """
    counted = [
        (targets[one.source].reader.called(one.facts), one.facts)
        for one in candidates
        if not targets[one.source].leaves_out(
            one.facts.path, one.facts.start_line, one.facts.end_line, one.facts.repository
        )
    ]
    return Facets(
        len(counted),
        _ordered(facts.language for _, facts in counted),
        _ordered(facts.kind for _, facts in counted),
        _folders([facts.path for _, facts in counted]),
        _ordered(label for label, _ in counted if label),
    )


def _folders(paths: Sequence[str]) -> Mapping[str, int]:
    """Counts of the directories just below the one that all the paths have in common."""
    ways = [path.split("/")[:-1] for path in paths]
    levels = zip(*ways, strict=False)
    common = [names[0] for names in takewhile(lambda names: len(set(names)) == 1, levels)]
    return _ordered("/".join(way[: len(common) + 1]) or "." for way in ways)


def _ordered(values: Iterable[str]) -> Mapping[str, int]:
    """Counts, the largest first and equal ones by name."""
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))
