"""Keys that functions share when they are alike: where near misses are looked for.

A function has keys of its statements (MinHash, Broder 1997) and of its vector (signs of random
projections, Charikar 2002). Two functions are compared when a key is the same in both, so whether
they are depends on the two alone: what was compared once need not be compared again when a third
one comes.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.forms.statements import scrambled

SINGLE, DOUBLE = 32, 32
BANDS = SINGLE + DOUBLE
"""Keys of the statements. Two functions of whose different statements they have a share j in common
meet by each of the first ones with a probability of j, by the others with j squared. Those alone
would miss pairs that share little; those tell too little of pairs of short statements, which is why
a key that very many share is not looked at (`meeting_pairs`)."""
TABLES, _BITS = 32, 18
"""Keys of the vector: those of two vectors at an angle a are the same with (1 - a / pi) ** bits."""
_TABLES_A_WORD = 64 // _BITS
_ALL_BITS = np.uint64((1 << _BITS) - 1)
_LEAST_SIZE = 3
"""Tokens of a statement that tells anything."""
_SEED = 20_260_901


def statement_keys(
    forms: NDArray[np.uint64],
    sizes: NDArray[np.integer],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
) -> NDArray[np.uint32]:
    """For each run of statements `[first, last)` its keys, (n, BANDS)."""
    telling = np.flatnonzero(sizes >= _LEAST_SIZE)
    starts = np.searchsorted(telling, first)
    ends = np.searchsorted(telling, last)
    keys = np.zeros((len(first), BANDS), np.uint32)
    some = np.flatnonzero(ends > starts)
    if not some.size:
        return keys
    counts = ends[some] - starts[some]
    places = np.repeat(starts[some] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    values = forms[telling[places]]
    bounds = np.concatenate([[0], np.cumsum(counts)[:-1]])
    multipliers = _multipliers()
    for band in range(BANDS):
        key = np.zeros(len(some), np.uint64)
        for multiplier in multipliers[band::DOUBLE][: 1 if band < SINGLE else 2]:
            hashed = (values * multiplier) >> np.uint64(32)
            key = scrambled(key + np.minimum.reduceat(hashed, bounds) + np.uint64(1))
        keys[some, band] = (key >> np.uint64(32)).astype(np.uint32)
    return keys


def vector_keys(vectors: NDArray[np.float32]) -> NDArray[np.uint32]:
    """For each vector (n, dim) its keys, (n, TABLES)."""
    signs = vectors @ _planes(vectors.shape[1]) > 0
    powers = (1 << np.arange(_BITS)).astype(np.float32)
    bits = signs.reshape(len(vectors), TABLES, _BITS).astype(np.float32)
    keys: NDArray[np.uint32] = (bits @ powers).astype(np.uint32)  # whole numbers below 2 ** 24
    return keys


def packed_signs(keys: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """The signs that the keys of vectors are made of, from all keys, (n, words)."""
    signs = (keys[:, BANDS:] - np.uint32(1)).astype(np.uint64)  # 0 was kept for no key
    words = np.zeros((len(keys), -(-TABLES // _TABLES_A_WORD)), np.uint64)
    for table in range(TABLES):
        shift = np.uint64(_BITS * (table % _TABLES_A_WORD))
        words[:, table // _TABLES_A_WORD] |= (signs[:, table] & _ALL_BITS) << shift
    return words


def highest_cosines(
    signs: NDArray[np.uint64], one: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.float32]:
    """For each pair of rows what their cosine is at most, but for one pair in a thousand.

    The share of signs that differ estimates the angle (Charikar 2002).
    """
    differing = _ones(signs[one] ^ signs[other]).sum(axis=1, dtype=np.int64)
    found: NDArray[np.float32] = _highest_cosine()[differing]
    return found


def _ones(words: NDArray[np.uint64]) -> NDArray[np.integer]:
    """How many bits are set in each, however they are spread over a row."""
    if hasattr(np, "bitwise_count"):
        ones: NDArray[np.integer] = np.bitwise_count(words)
        return ones
    return _ones_of_bytes()[words.view(np.uint8)]  # numpy 1


@cache
def _ones_of_bytes() -> NDArray[np.uint8]:
    return np.array([number.bit_count() for number in range(256)], np.uint8)


@cache
def _highest_cosine() -> NDArray[np.float32]:
    """By how many signs differ; three deviations of their number are left to it."""
    count = TABLES * _BITS
    share = np.arange(count + 1) / count
    least = share - 3 * np.sqrt(np.maximum(share * (1 - share), 1 / count) / count)
    cosine: NDArray[np.float32] = np.cos(np.pi * np.maximum(least, 0)).astype(np.float32)
    return cosine


@cache
def _planes(dim: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng(_SEED).standard_normal((dim, TABLES * _BITS))
    return drawn.astype(np.float32)


@cache
def _multipliers() -> NDArray[np.uint64]:
    numbers = np.arange(1, SINGLE + 2 * DOUBLE + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    odd: NDArray[np.uint64] = scrambled(numbers) | np.uint64(1)
    return odd


def meeting_pairs(
    keys: NDArray[np.uint32], most: int, new: NDArray[np.bool_] | None = None
) -> NDArray[np.uint64]:
    """The pairs (lower << 32 | higher) of rows that share a key in some column, rising.

    Args:
        keys: (n, columns); 0 is no key.
        most: A key that more rows share is left out: it tells nothing.
        new: Rows of which one at least is in each pair; None for all.
    """
    found = np.empty(0, np.uint64)
    if len(keys) < 2:
        return found
    waiting: list[NDArray[np.uint64]] = []
    for column in keys.T:
        pairs = _pairs_of(column, most, new)
        if pairs.size:
            waiting.append(pairs)
        if sum(part.size for part in waiting) > _MOST_WAITING:
            found = _once(np.concatenate([found, *waiting]))
            waiting = []
    return _once(np.concatenate([found, *waiting]))


_MOST_WAITING = 20_000_000


def _once(pairs: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each once, rising; sorting is several times as fast as the table of `np.unique`."""
    pairs.sort()
    kept = np.ones(len(pairs), np.bool_)
    kept[1:] = pairs[1:] != pairs[:-1]
    return pairs[kept]


def _pairs_of(
    column: NDArray[np.uint32], most: int, new: NDArray[np.bool_] | None
) -> NDArray[np.uint64]:
    order = np.argsort(column, kind="stable")
    ranked = column[order]
    firsts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    counts = np.diff(np.concatenate([firsts, [len(ranked)]]))
    chosen = (counts > 1) & (counts <= most) & (ranked[firsts] > 0)
    if new is not None:
        chosen &= np.logical_or.reduceat(new[order], firsts)
    firsts, counts = firsts[chosen], counts[chosen]
    if not firsts.size:
        return np.empty(0, np.uint64)
    # Each member of a group with each later one: member r of a group of c has c - 1 - r of them.
    total = int(counts.sum())
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    places = np.repeat(firsts, counts) + within
    later = np.repeat(counts, counts) - 1 - within
    left = np.repeat(places, later)
    steps = np.arange(len(left)) - np.repeat(np.cumsum(later) - later, later) + 1
    one, other = order[left].astype(np.uint64), order[left + steps].astype(np.uint64)
    if new is not None:
        kept = new[one] | new[other]
        one, other = one[kept], other[kept]
    low, high = np.minimum(one, other), np.maximum(one, other)
    pairs: NDArray[np.uint64] = (low << np.uint64(32)) | high
    return pairs
