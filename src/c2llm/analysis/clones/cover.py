"""Pairs to classes in which each member is alike to each other one.

Closing pairs to components would chain: a is like b and b like c, until a class holds what has
nothing in common. Here a class is a clique, and every pair is in one (a clique cover of edges,
grown greedily from the most similar pair that is in none yet). One function may be in several, but
only where it brings a pair that is in none yet: so all classes together have at most twice as many
members as there are pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

Neighbours = Mapping[int, Mapping[int, float]]
_MOST_TRIED = 300
"""Neighbours of a pair that are tried for its class, the most similar first."""


Pair = tuple[int, int, float]


def cliques(pairs: Sequence[Pair], known: Sequence[Pair] = ()) -> Iterator[tuple[int, ...]]:
    """Classes that cover all pairs, their members rising; the order of the pairs plays no part.

    Args:
        pairs: The lower number, the higher one, and how alike they are.
        known: Those of them that are in classes already.
    """
    neighbours: dict[int, dict[int, float]] = {}
    for one, other, similarity in pairs:
        neighbours.setdefault(one, {})[other] = similarity
        neighbours.setdefault(other, {})[one] = similarity
    covered: dict[int, set[int]] = {node: set() for node in neighbours}
    for one, other, _ in known:
        covered[one] |= {one, other}
        covered[other] |= {one, other}
    for one, other, _ in sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1])):
        if other in covered[one]:
            continue
        members = _grown(neighbours, covered, one, other)
        for member in members:
            covered[member] |= members
        yield tuple(sorted(members))


def _grown(
    neighbours: Neighbours, covered: Mapping[int, set[int]], one: int, other: int
) -> set[int]:
    left, right = neighbours[one], neighbours[other]
    common = left.keys() & right.keys()
    ranked = sorted((-min(left[node], right[node]), node) for node in common)
    members = {one, other}
    for _, node in ranked[:_MOST_TRIED]:
        if node in common and not members <= covered[node]:
            members.add(node)
            common &= neighbours[node].keys()
    return members
