"""Tokens to statements: the atoms that fragments begin and end with.

A statement ends at `;`, `{` or `}`, and at the end of a line where a language ends statements so.
What a statement says is a hash of its tokens, once as they are spelled and once by their forms, so
that a fragment is a run of numbers and layout plays no part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.forms.lexing import (
    NAME,
    NUMBER,
    STRING,
    Tokens,
    hash_of_sign,
    hash_of_spelling,
)

_ENDS = np.array([hash_of_sign(sign) for sign in ";{}"], np.uint16)
_SEMICOLONS = frozenset(
    "c cpp objc cuda metal java csharp php hack rust d dart css scss less glsl hlsl proto thrift"
    " solidity zig perl pascal ada vala apex actionscript verilog processing ispc".split()
)
"""Languages that end statements with a sign whatever the lines."""
_IMPORTS = np.array(
    [
        hash_of_spelling(word)
        for word in "import from use using package require require_once include alias".split()
    ],
    np.uint32,
)
_CLASS = hash_of_sign("class")
_SAID = np.array(
    [
        *(NAME, NUMBER, STRING),
        *map(hash_of_sign, ": , = . ; ? [ ] { } < > |".split()),
        *map(
            hash_of_sign,
            "public private protected internal static final const readonly volatile transient"
            " extern let var val mut pub lateinit override local struct enum type typedef"
            " interface true false True False TRUE FALSE null nil none None undefined NULL".split(),
        ),
    ],
    np.uint16,
)
"""Forms of what a declaration may say; one that calls, reckons or decides has others."""
_BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that it has an inverse modulo 2 ** 64."""
_FIRST_DISTANCE = np.uint64(1 << 17)
"""Above all forms."""
_MIX = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of a file, one entry each in all arrays."""

    spellings: NDArray[np.uint64]
    """Hash of the tokens as they are spelled."""
    forms: NDArray[np.uint64]
    """Hash of the forms of the tokens: the same where names and literals alone differ."""
    sizes: NDArray[np.uint16]
    """Tokens."""
    first_lines: NDArray[np.uint32]
    """From 1."""
    last_lines: NDArray[np.uint32]
    """Inclusive."""
    imports: NDArray[np.bool_]
    """It names another file or module, and does nothing else."""
    declares: NDArray[np.bool_]
    """It names what there is, a field, a constant or an entry of a list, and does nothing."""

    def __len__(self) -> int:
        return len(self.sizes)


def statements_of(tokens: Tokens, language: str) -> Statements:
    """The statements that tokens make up; each token is in one of them."""
    count = len(tokens)
    if not count:
        empty = np.empty(0, np.uint64)
        small = np.empty(0, np.uint32)
        none = np.empty(0, np.bool_)
        return Statements(empty, empty, np.empty(0, np.uint16), small, small, none, none)
    ends = np.isin(tokens.forms, _ENDS)
    if language not in _SEMICOLONS:
        ends[:-1] |= tokens.lines[1:] > tokens.lines[:-1]
    ends[-1] = True
    last = np.flatnonzero(ends)
    first = np.concatenate([[0], last[:-1] + 1])
    return Statements(
        runs_hashed(tokens.spellings, first, last + 1),
        runs_hashed(tokens.forms, first, last + 1),
        np.minimum(last + 1 - first, 0xFFFF).astype(np.uint16),
        tokens.lines[first] + np.uint32(1),
        tokens.lines[last] + np.uint32(1),
        np.isin(tokens.spellings[first], _IMPORTS),
        _declares(tokens, first),
    )


def _declares(tokens: Tokens, first: NDArray[np.int64]) -> NDArray[np.bool_]:
    says = np.zeros(0x10000, np.bool_)
    says[_SAID] = True
    declares: NDArray[np.bool_] = np.logical_and.reduceat(says[tokens.forms], first)
    declares |= tokens.forms[first] == _CLASS
    return declares


def runs_hashed(
    values: NDArray[Any], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """For each run `values[start:end]` a hash of what is in it, whatever stands before it."""
    return runs_of_sums(prefix_sums(values), starts, ends)


@dataclass(frozen=True, slots=True)
class PrefixSums:
    """What makes a hash of any run of values cost the same, however long it is."""

    sums: NDArray[np.uint64]
    inverses: NDArray[np.uint64]


def prefix_sums(values: NDArray[Any]) -> PrefixSums:
    """The polynomial hash of each beginning, modulo 2 ** 64 (Karp and Rabin 1987)."""
    powers = _powers(int(_BASE), len(values))
    sums = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(scrambled(values.astype(np.uint64) + np.uint64(1)) * powers[:-1], out=sums[1:])
    return PrefixSums(sums, _powers(pow(int(_BASE), -1, 1 << 64), len(values)))


def runs_of_sums(
    prefixes: PrefixSums, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """The hash of each run from a start to before an end."""
    sums = prefixes.sums
    return scrambled((sums[ends] - sums[starts]) * prefixes.inverses[starts])


def _powers(base: int, count: int) -> NDArray[np.uint64]:
    powers = np.full(count + 1, base, np.uint64)
    powers[0] = 1
    return np.cumprod(powers, out=powers)


def scrambled(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Another number for each, spread over all 64 bits (the finaliser of splitmix64)."""
    mixed = (values ^ (values >> np.uint64(30))) * _MIX
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def renamed_hashed(
    tokens: Tokens, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """For each run of tokens a hash of it with each name as the distance to its last occurrence.

    Two runs have the same hash where a consistent renaming, and other literals, turn one into the
    other (Baker 1995, section 2).
    """
    counts = np.maximum(ends - starts, 0)
    bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    owner = np.repeat(np.arange(len(starts)), counts)
    places = np.arange(bounds[-1]) - np.repeat(bounds[:-1] - starts, counts)
    values = tokens.forms[places].astype(np.uint64)
    names = np.flatnonzero(values == NAME)
    if len(names):
        spelled = tokens.spellings[places[names]]
        order = np.lexsort((names, spelled, owner[names]))
        placed, spelled = names[order], spelled[order]
        same = (spelled[1:] == spelled[:-1]) & (owner[placed[1:]] == owner[placed[:-1]])
        distances = np.zeros(len(names), np.int64)
        distances[1:][same] = (placed[1:] - placed[:-1])[same]
        values[placed] = distances.astype(np.uint64) + _FIRST_DISTANCE
    return runs_hashed(values, bounds[:-1], bounds[1:])
