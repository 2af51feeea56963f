"""Near copies in a list: one of a family stands for all, the others step back and are named there.

Four precisions of one routine, a file and its vendored copy, `unix/` beside `win/`: who has seen
one of them wants to see something else next, and to know where the others are. So in each block of
the list the first of a family keeps its place, and the others stand behind all that is different.
Nothing drops out, and pages stay the pages of one list: a block depends on no other.

A candidate that has a word of the query that the first of the family has not, in its path, its name
or its text, is told apart by the query and stays where it is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from c2llm.codebase.words import normalized, tokens
from c2llm.search.answer import Hit, Sibling
from c2llm.search.answers.copies.near_copies import Body, are_copies
from c2llm.search.answers.copies.precedence import is_other_version, stands_before
from c2llm.search.query.query_parsing import Query
from c2llm.search.ranking.ranker import Ranked

BLOCK = 50
"""Results that are compared with each other: enough to fill a page with what is different."""


_MOST_COMPARED = 4
"""Of those that share lines with a result as many are compared with it, the most alike."""
Result = TypeVar("Result", Ranked, Hit)


class Member:
    """One result of a list, as it is compared with the others."""

    def __init__(self, place: Sibling, text: str, language: str, query: Query) -> None:
        self.place = place
        self.key = normalized(place.symbol)
        self.body = Body(text, place.start_line)
        self._language = language
        self._wanted = frozenset((*query.terms, *query.exact))

    @cached_property
    def asked(self) -> frozenset[str]:
        """Those words of the query that it has."""
        return self._wanted.intersection(tokens(self.body.text).split()) | self._named

    @cached_property
    def _named(self) -> frozenset[str]:
        place = self.place
        outside = tokens(f"{place.repository} {place.path} {place.symbol} {self._language}")
        return self._wanted.intersection(outside.split())

    def has_all_that_is_asked_of(self, other: Member) -> bool:
        """Whether it has every word of the query that another one has."""
        # Of near copies few words differ, and only those can make a difference.
        differing = other.body.names - self.body.names
        more = self._wanted.intersection(tokens(" ".join(differing)).split()) | other._named
        return more <= self._named or more <= self.asked


@dataclass(slots=True)
class Family:
    """Near copies of each other."""

    first: int
    """The one that stands for all."""
    others: list[int] = field(default_factory=list)
    """The others, the best first."""


def stepped_back(results: Sequence[Result], members: Sequence[Member]) -> list[Result]:
    """One block of a list, near copies behind what is different and named with the first of them.

    Scores fall along the new order too: what stands behind has no more than what is before it.

    Args:
        results: The block, the best first.
        members: The same as they are compared.
    """
    found = families(members)
    if len(found) == len(results):
        return list(results)
    order: list[Result] = []
    first_of: dict[int, Sibling] = {}
    for family in found:
        best = min(family.first, *family.others) if family.others else family.first
        also = tuple(members[other].place for other in family.others)
        order.append(replace(results[family.first], score=results[best].score, also=also))
        for other in family.others:
            first_of[other] = members[family.first].place
    least = order[-1].score
    return order + [_behind(results[other], first_of[other], least) for other in sorted(first_of)]


def _behind(result: Result, first: Sibling, least: float) -> Result:
    """A near copy that stands behind results of at least so high a score."""
    why = result.why.with_reason(f"near copy of {first.path}:{first.start_line}-{first.end_line}")
    return replace(result, score=min(result.score, least), why=why)


def families(members: Sequence[Member]) -> list[Family]:
    """The families of a list in the order of the best of each; most have one member.

    Each is compared with those that have stood for a family so far.
    """
    found: list[Family] = []
    leaders: dict[int, Family] = {}
    with_line: dict[str, list[int]] = defaultdict(list)
    with_symbol: dict[str, list[int]] = defaultdict(list)

    def lead(number: int, family: Family) -> None:
        family.first = number
        leaders[number] = family
        for line in members[number].body.lines or (members[number].body.text,):
            with_line[line].append(number)
        if key := members[number].key:
            with_symbol[key].append(number)

    for number, member in enumerate(members):
        alike = _alike(members, member, with_line, with_symbol)
        family = next((leaders[i] for i in alike if _belongs(members, leaders[i], number)), None)
        if family is None:
            found.append(Family(number))
            lead(number, found[-1])
        elif _leads(member, members[family.first]):
            family.others.insert(0, family.first)
            lead(number, family)
        else:
            family.others.append(number)
    return found


def _alike(
    members: Sequence[Member],
    member: Member,
    with_line: dict[str, list[int]],
    with_symbol: dict[str, list[int]],
) -> Iterator[int]:
    """Those who have stood for a family and are copies or versions of one, the nearest first."""
    body, place = member.body, member.place
    shared: Counter[int] = Counter()
    for line in body.lines or (body.text,):
        for number in with_line.get(line, ()):
            shared[number] += 1
    named = with_symbol.get(member.key, ()) if member.key else ()
    likely = sorted(shared, key=lambda number: (-shared[number], number))[:_MOST_COMPARED]
    yield from (
        number for number in likely if are_copies(body, members[number].body, shared[number])
    )
    yield from (number for number in named if is_other_version(place, members[number].place))


def _belongs(members: Sequence[Member], family: Family, number: int) -> bool:
    """Whether the query does not tell one apart from the first of a family."""
    member, first = members[number], members[family.first]
    return first.has_all_that_is_asked_of(member) or _leads(member, first)


def _leads(member: Member, first: Member) -> bool:
    """Whether one is to stand for a family instead of who has so far."""
    return stands_before(member.place, first.place) and member.has_all_that_is_asked_of(first)
