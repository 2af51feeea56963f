"""Which function of one tree is which of the other: by name, by content, and by vectors."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from c2llm.analysis.changes.aligning import alike
from c2llm.analysis.clones.forms.lexing import tokens_of
from c2llm.analysis.clones.forms.statements import renamed_hashed, runs_hashed
from c2llm.analysis.drift.report import Relation
from c2llm.analysis.trees.code_tree import Function
from c2llm.encoding.encoder_handle import DEFAULT_TABLE, table_handle

_LEAST_TOKENS = 12
"""A shorter function is found again by its name alone: many others say the same."""
_NAMED_ALIKE = 0.3
"""What two functions of one name in different files have in common at least."""
_NEAR = 0.75
"""Least cosine of two versions under different names."""
_NEAR_ALIKE = 0.55
"""And the least share of tokens that they have in common."""
_MOST_NEAR = 4_000
"""Functions of one side that vectors are compared of."""
_MOST_CHARACTERS = 4_000
"""Of a function that is embedded."""


@dataclass(frozen=True, slots=True)
class Match:
    """Two versions of one function."""

    before: Function
    after: Function
    relation: Relation


@dataclass(slots=True)
class Matches:
    """Functions that were found again, and those that were not."""

    found: list[Match] = field(default_factory=list)
    gone: list[Function] = field(default_factory=list)
    came: list[Function] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Forms:
    """What a function is compared by before it is read."""

    tokens: int
    spelling: int
    """The same for functions that differ in comments and layout."""
    renamed: int
    """The same for those that a consistent renaming makes equal too."""


@lru_cache(maxsize=50_000)
def forms_of(function: Function) -> Forms:
    """Hashes of a function's tokens."""
    tokens = tokens_of(function.text, function.language)
    first, last = np.array([0]), np.array([len(tokens)])
    if not len(tokens):
        return Forms(0, 0, 0)
    return Forms(
        len(tokens),
        int(runs_hashed(tokens.spellings, first, last)[0]),
        int(renamed_hashed(tokens, first, last)[0]),
    )


def match_functions(
    pairs: Sequence[tuple[Sequence[Function], Sequence[Function]]],
    gone: Iterable[Function],
    came: Iterable[Function],
) -> Matches:
    """Match the functions of two trees.

    Args:
        pairs: The functions of both versions of a file.
        gone: The functions of files of the older tree without another version.
        came: Those of files of the newer tree.
    """
    matches = Matches()
    for before, after in pairs:
        named, left, right = _by_key(before, after, lambda one: (one.scope, one.name))
        matches.found += [Match(one, other, "same") for one, other in named]
        if _names_once(left) and _names_once(right):  # in another class of the same file
            named, left, right = _by_key(left, right, lambda one: (one.name,))
            matches.found += [Match(one, other, "moved") for one, other in named]
        matches.gone += left
        matches.came += right
    matches.gone += gone
    matches.came += came
    _take(matches, lambda one: (forms_of(one).spelling, one.name), "moved")
    _take_named(matches)
    _take(matches, lambda one: forms_of(one).spelling, "renamed", long=True)
    _take(matches, lambda one: forms_of(one).renamed, "renamed", long=True)
    _take_near(matches)
    _take_rests(matches)
    return matches


def _names_once(functions: Sequence[Function]) -> bool:
    names = [one.name for one in functions]
    return len(set(names)) == len(names)


def _by_key(
    before: Sequence[Function], after: Sequence[Function], key: Callable[[Function], Hashable]
) -> tuple[list[tuple[Function, Function]], list[Function], list[Function]]:
    """Functions of one key in their order; of several those of one text first."""
    places: dict[Hashable, list[Function]] = defaultdict(list)
    for other in after:
        places[key(other)].append(other)
    counts = Counter(key(one) for one in before)
    found: list[tuple[Function, Function]] = []
    waiting: list[Function] = []
    for one in before:
        others = places.get(key(one), [])
        if len(others) + counts[key(one)] > 2:
            same = next((other for other in others if other.text == one.text), None)
            if same is not None:
                others.remove(same)
                found.append((one, same))
                continue
        waiting.append(one)
    left: list[Function] = []
    for one in waiting:
        others = places.get(key(one), [])
        if others:
            found.append((one, others.pop(0)))
        else:
            left.append(one)
    right = {id(other) for others in places.values() for other in others}
    return found, left, [other for other in after if id(other) in right]


def _take(
    matches: Matches,
    key: Callable[[Function], Hashable],
    relation: Relation,
    *,
    long: bool = False,
) -> None:
    """Match what has the same key in both trees, where nothing else has."""
    if not matches.gone or not matches.came:
        return

    def own(functions: Sequence[Function]) -> dict[Hashable, list[Function]]:
        found: dict[Hashable, list[Function]] = defaultdict(list)
        for one in functions:
            if one.name and (not long or forms_of(one).tokens >= _LEAST_TOKENS):
                found[one.language, key(one)].append(one)
        return found

    left, right = own(matches.gone), own(matches.came)
    taken: set[int] = set()
    for one_key, ones in left.items():
        others = right.get(one_key, [])
        if len(ones) == len(others):  # several copies go in their order
            for one, other in zip(ones, others, strict=True):
                matches.found.append(Match(one, other, relation))
                taken |= {id(one), id(other)}
    _without(matches, taken)


def _take_named(matches: Matches) -> None:
    """Match functions of one name in different files, the likest first."""
    names: dict[tuple[str, str], list[Function]] = defaultdict(list)
    for other in matches.came:
        if other.name:
            names[other.language, other.name].append(other)
    scored: list[tuple[float, int, int]] = []
    came = {id(other): at for at, other in enumerate(matches.came)}
    for at, one in enumerate(matches.gone):
        others = names.get((one.language, one.name), []) if one.name else []
        if len(others) > 20:
            others = [other for other in others if other.scope == one.scope][:20]
        for other in others:
            likeness = alike(_words(one), _words(other)) + 0.2 * (one.scope == other.scope)
            if likeness >= _NAMED_ALIKE:
                scored.append((likeness, at, came[id(other)]))
    _take_scored(matches, scored, "moved")


def _take_near(matches: Matches) -> None:
    """Match what the vectors of two functions, and then their tokens, say is one."""
    left = [at for at, one in enumerate(matches.gone) if _is_telling(one)][:_MOST_NEAR]
    right = [at for at, one in enumerate(matches.came) if _is_telling(one)][:_MOST_NEAR]
    if not left or not right:
        return
    handle = table_handle(DEFAULT_TABLE, alone=True)
    if handle is None:
        return
    model = handle.get()
    one = model.encode_documents([matches.gone[at].text[:_MOST_CHARACTERS] for at in left])
    other = model.encode_documents([matches.came[at].text[:_MOST_CHARACTERS] for at in right])
    cosines = one @ other.T
    scored: list[tuple[float, int, int]] = []
    for row, column in np.argwhere(cosines >= _NEAR):
        before, after = matches.gone[left[row]], matches.came[right[column]]
        if before.language != after.language:
            continue
        likeness = alike(_words(before), _words(after))
        if likeness >= _NEAR_ALIKE:
            scored.append((likeness, left[row], right[column]))
    _take_scored(matches, scored, "renamed")


def _take_rests(matches: Matches) -> None:
    """Match what is outside of functions in files most of whose functions were matched."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for match in matches.found:
        votes[match.before.path][match.after.path] += 1
    rests = {one.path: at for at, one in enumerate(matches.came) if not one.name}
    scored: list[tuple[float, int, int]] = []
    for at, one in enumerate(matches.gone):
        if one.name or one.path not in votes:
            continue
        path, count = votes[one.path].most_common(1)[0]
        if path in rests:
            scored.append((float(count), at, rests[path]))
    _take_scored(matches, scored, "moved")


def _take_scored(
    matches: Matches, scored: list[tuple[float, int, int]], relation: Relation
) -> None:
    taken: set[int] = set()
    for _, at, place in sorted(scored, key=lambda one: (-one[0], one[1], one[2])):
        one, other = matches.gone[at], matches.came[place]
        if id(one) not in taken and id(other) not in taken:
            matches.found.append(Match(one, other, relation))
            taken |= {id(one), id(other)}
    _without(matches, taken)


def _without(matches: Matches, taken: set[int]) -> None:
    matches.gone = [one for one in matches.gone if id(one) not in taken]
    matches.came = [one for one in matches.came if id(one) not in taken]


def _is_telling(function: Function) -> bool:
    return bool(function.name) and forms_of(function).tokens >= 2 * _LEAST_TOKENS


@lru_cache(maxsize=20_000)
def _words(function: Function) -> tuple[str, ...]:
    """Its tokens as they count for likeness."""
    tokens = tokens_of(function.text, function.language)
    return tuple(map(str, tokens.spellings[:2_000].tolist()))
