"""How alike two functions are: by their statements, in any order, and by their vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_PAIRS_AT_ONCE = 100_000
_LEAST_SIZE = 2
"""A lone bracket is no statement."""


@dataclass(frozen=True, slots=True)
class StatementBags:
    """For some functions the different forms of their statements and how many tokens have each."""

    bounds: NDArray[np.int64]
    """Where in the two others each function begins, and the end."""
    forms: NDArray[np.uint64]
    """Rising within a function."""
    weights: NDArray[np.int64]
    totals: NDArray[np.int64]
    """Of the weights of each function."""

    @classmethod
    def of(
        cls,
        forms: NDArray[np.uint64],
        sizes: NDArray[np.integer],
        first: NDArray[np.int64],
        last: NDArray[np.int64],
    ) -> StatementBags:
        """The bags of the runs of statements `[first, last)`."""
        counts = np.maximum(last - first, 0)
        number = np.repeat(np.arange(len(first)), counts)
        places = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        places, number = places[sizes[places] >= _LEAST_SIZE], number[sizes[places] >= _LEAST_SIZE]
        order = np.lexsort((forms[places], number))
        places, number = places[order], number[order]
        values = forms[places]
        begins = np.ones(len(places), np.bool_)
        begins[1:] = (number[1:] != number[:-1]) | (values[1:] != values[:-1])
        firsts = np.flatnonzero(begins)
        weights = np.add.reduceat(sizes[places].astype(np.int64), firsts) if firsts.size else firsts
        number = number[firsts]
        bounds = np.searchsorted(number, np.arange(len(first) + 1))
        totals = np.bincount(number, weights, len(first)).astype(np.int64)
        return cls(bounds, values[firsts], weights, totals)


def shared_statements(
    bags: StatementBags, one: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.float32]:
    """For each pair of functions twice the tokens in common by those of both, 0 to 1 (Dice)."""
    found = np.zeros(len(one), np.float32)
    for start in range(0, len(one), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        found[part] = _shared(bags, one[part], other[part])
    return found


def _shared(
    bags: StatementBags, one: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.float32]:
    pairs = np.arange(len(one))
    number, places = _entries(bags, np.concatenate([one, other]), np.concatenate([pairs, pairs]))
    order = np.lexsort((bags.forms[places], number))
    number, places = number[order], places[order]
    values = bags.forms[places]
    twice = np.flatnonzero((number[1:] == number[:-1]) & (values[1:] == values[:-1]))
    common = np.minimum(bags.weights[places[twice]], bags.weights[places[twice + 1]])
    shared = np.bincount(number[twice], common, len(one))
    total = bags.totals[one] + bags.totals[other]
    dice: NDArray[np.float32] = (2 * shared / np.maximum(total, 1)).astype(np.float32)
    return dice


def _entries(
    bags: StatementBags, functions: NDArray[np.int64], numbers: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    starts = bags.bounds[functions]
    counts = bags.bounds[functions + 1] - starts
    places = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return np.repeat(numbers, counts), places


def cosines(
    vectors: NDArray[np.float32], one: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.float32]:
    """For each pair of rows of unit length (n, dim) their product."""
    found = np.empty(len(one), np.float32)
    for start in range(0, len(one), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        found[part] = np.einsum("ij,ij->i", vectors[one[part]], vectors[other[part]])
    return found
