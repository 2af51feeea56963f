"""Pairs to classes in which each member is alike to each other one.

Closing pairs to components would chain: a is like b and b like c, until a class holds what has
nothing in common. Here a class is a clique, and every pair is in one (a clique cover of edges,
grown greedily from the most similar pair that is in none yet). One function may be in several.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

Neighbours = Mapping[int, Mapping[int, float]]
_MOST_TRIED = 300
"""Neighbours of a pair that are tried for its class, the most similar first."""


def cliques(pairs: Sequence[tuple[int, int, float]]) -> Iterator[tuple[int, ...]]:
    """Classes that cover all pairs, their members rising; the order of the pairs plays no part."""
    neighbours: dict[int, dict[int, float]] = {}
    for one, other, similarity in pairs:
        neighbours.setdefault(one, {})[other] = similarity
        neighbours.setdefault(other, {})[one] = similarity
    covered: set[tuple[int, int]] = set()
    for one, other, _ in sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1])):
        if (min(one, other), max(one, other)) in covered:
            continue
        members = _grown(neighbours, one, other)
        for place, member in enumerate(members):
            covered.update((member, later) for later in members[place + 1 :])
        yield tuple(members)


def _grown(neighbours: Neighbours, one: int, other: int) -> list[int]:
    left, right = neighbours[one], neighbours[other]
    if len(left) > len(right):
        left, right = right, left
    common = [
        (-min(similarity, right[node]), node) for node, similarity in left.items() if node in right
    ]
    members = [one, other]
    for _, node in sorted(common)[:_MOST_TRIED]:
        known = neighbours[node]
        if all(member in known for member in members):
            members.append(node)
    return sorted(members)
