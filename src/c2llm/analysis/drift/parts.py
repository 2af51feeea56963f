"""Parts of functions that are in other functions now: extracted, split, inlined, merged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from c2llm.analysis.changes.reading import reading_of
from c2llm.analysis.drift.matching import Match
from c2llm.analysis.trees.code_tree import Function

_LEAST_TOKENS = 5
"""Of a statement that tells where it is from."""
_SHARE = 0.6
"""Of the statements of a new function that come from one old one."""
_LEAST_STATEMENTS = 2
_MOST_HOLDERS = 20
"""A statement that more functions have tells nothing."""
_MOST_READ = 3_000
"""Functions of one side."""

Statements = Counter[tuple[str, ...]]


def sources_of(
    fresh: Sequence[Function], matches: Sequence[Match], *, newer: bool
) -> dict[int, list[Function]]:
    """For each matched function those new ones whose statements it had and has no more.

    Args:
        fresh: Functions of one tree alone.
        matches: The functions that are in both and were changed.
        newer: Whether `fresh` are of the newer tree: then parts were extracted, else inlined.

    Returns:
        By the number of the match.
    """
    if not fresh or not matches:
        return {}
    lost: list[Statements] = []
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, match in enumerate(matches[:_MOST_READ]):
        one, other = match.before, match.after
        had, has = (one, other) if newer else (other, one)
        left = statements_of(had) - statements_of(has)
        lost.append(left)
        for key in left:
            holders[key].append(number)
    found: dict[int, list[Function]] = defaultdict(list)
    for function in fresh[:_MOST_READ]:
        own = statements_of(function)
        total = sum(own.values())
        if total < _LEAST_STATEMENTS:
            continue
        for number, shared in _holders(own, holders, lost):
            if shared >= _SHARE * total:
                found[number].append(function)
    return dict(found)


def pieces_of(whole: Function, parts: Sequence[Function]) -> list[Function]:
    """Those of some functions that together are another one, the largest share first."""
    own = statements_of(whole)
    total = sum(own.values())
    if total < 2 * _LEAST_STATEMENTS:
        return []
    scored: list[tuple[int, int, Function]] = []
    covered: Statements = Counter()
    for number, part in enumerate(parts):
        statements = statements_of(part)
        shared = statements & own
        count = sum(shared.values())
        if count >= max(_LEAST_STATEMENTS, _SHARE * sum(statements.values())):
            scored.append((-count, number, part))
            covered |= shared
    if len(scored) < 2 or sum(covered.values()) < _SHARE * total:
        return []
    return [part for _, _, part in sorted(scored)]


def statements_of(function: Function) -> Statements:
    """What a function says, as often as it does, without its head and what says little."""
    units = reading_of(function).units
    return Counter(
        unit.key
        for at, unit in enumerate(units)
        if not (at == 0 and function.name) and len(unit.tokens) >= _LEAST_TOKENS
    )


def _holders(
    own: Statements, holders: dict[tuple[str, ...], list[int]], lost: Sequence[Statements]
) -> Iterator[tuple[int, int]]:
    """The matches that lost some of these statements, with how many."""
    near = {
        number
        for key in own
        if len(numbers := holders.get(key, [])) <= _MOST_HOLDERS
        for number in numbers
    }
    for number in sorted(near):
        yield number, sum((own & lost[number]).values())
