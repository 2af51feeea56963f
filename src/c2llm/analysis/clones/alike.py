"""Functions that are alike as wholes: all four types, as classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.clone_class import CloneType
from c2llm.analysis.clones.corpus import Corpus
from c2llm.analysis.clones.cover import cliques
from c2llm.analysis.clones.findings import Finding, Place, function_places
from c2llm.analysis.clones.forms.sketches import (
    SINGLE,
    highest_cosines,
    meeting_pairs,
    packed_signs,
)
from c2llm.analysis.clones.near import StatementBags, cosines, shared_statements
from c2llm.analysis.clones.request import ClonesRequest

_MOST_OF_KEY = 250
"""Different functions that may share a key; more share what every function of a project has."""
_PAIRS_AT_ONCE = 100_000
_ESTIMATE_IS_OFF = 0.25
"""By how much less than is true keys may tell; twice the deviation of 32 of them, and a little for
statements of different lengths."""
_FIRM = 0.6
"""From which all members of a class of type 4 are alike enough to be told as code; or they mean the
same by the cosine alone, as in two languages. Below it most of what is found in projects has a
style in common and no more."""
SAME_STATEMENTS = 0.5
"""Share of tokens in statements of the same form from which a pair is of type 3, not 4."""


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Functions that a consistent renaming makes equal, the first by content for all of them."""

    functions: NDArray[np.int64]
    """Numbers of functions, by node."""
    bounds: NDArray[np.int64]
    """Where in them each node begins, and the end."""

    @property
    def first(self) -> NDArray[np.int64]:
        """The function that stands for each node."""
        return self.functions[self.bounds[:-1]]

    def members(self, node: int) -> NDArray[np.int64]:
        """All functions of a node."""
        return self.functions[self.bounds[node] : self.bounds[node + 1]]


def alike_functions(corpus: Corpus, request: ClonesRequest) -> list[Finding]:
    """The classes of functions; one function may be in several."""
    rows = corpus.functions
    lines = rows["end_line"].astype(np.int64) - rows["start_line"] + 1
    chosen = np.flatnonzero((rows["tokens"] >= request.min_tokens) & (lines >= request.min_lines))
    if not len(chosen):
        return []
    loosest = max(request.types)
    nodes = _nodes(rows, chosen, "spelling" if loosest == 1 else "renamed")
    grouped: list[tuple[int, ...]] = []
    kinds: dict[tuple[int, int], CloneType] = {}
    if loosest > 1:
        pairs = _pairs(corpus, nodes, request)
        kinds = {(one, other): kind for one, other, _, kind in pairs if kind <= loosest}
        asked = [pair for pair in pairs if pair[3] <= loosest]
        firm = [pair[:3] for pair in asked if pair[3] < 4 or pair[2] >= _FIRM]
        # No member that is hardly alike is let into a class of those that are.
        grouped = [*cliques(firm), *cliques([pair[:3] for pair in asked], firm)]
    in_some = {node for group in grouped for node in group}
    alone = np.flatnonzero(np.diff(nodes.bounds) > 1)
    grouped += [(node,) for node in alone.tolist() if node not in in_some]
    return list(_findings(corpus, nodes, grouped, kinds, request))


def _nodes(rows: NDArray[np.void], chosen: NDArray[np.int64], field: str) -> _Nodes:
    order = chosen[np.lexsort((chosen, rows["spelling"][chosen], rows[field][chosen]))]
    values = rows[field][order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = values[1:] != values[:-1]
    return _Nodes(order, np.append(np.flatnonzero(begins), len(order)))


def _pairs(
    corpus: Corpus, nodes: _Nodes, request: ClonesRequest
) -> list[tuple[int, int, float, CloneType]]:
    """Nodes that are alike: the lower number, the higher one, how alike, and of which type."""
    first = nodes.first
    met = meeting_pairs(corpus.keys[first], _MOST_OF_KEY)
    one = (met >> np.uint64(32)).astype(np.int64)
    other = (met & np.uint64(0xFFFFFFFF)).astype(np.int64)
    rows = corpus.functions[first]
    file = corpus.file_of_function[first]
    apart = (
        (file[one] != file[other])
        | (rows["end_line"][one] < rows["start_line"][other])
        | (rows["end_line"][other] < rows["start_line"][one])
    )
    one, other = one[apart], other[apart]
    hopeful = _hopeful(corpus, first[one], first[other], request)
    one, other = one[hopeful], other[hopeful]
    shared, cosine = likeness(corpus, first[one], first[other])
    near = _mean(shared, cosine)
    alike = (near >= request.similarity) | (cosine >= request.meaning)
    one, other, near, shared = one[alike], other[alike], near[alike], shared[alike]
    same_form = rows["form"][one] == rows["form"][other]
    kinds = np.where(same_form, 2, np.where(shared >= SAME_STATEMENTS, 3, 4))
    return list(zip(one.tolist(), other.tolist(), near.tolist(), kinds.tolist(), strict=True))


def _hopeful(
    corpus: Corpus, one: NDArray[np.int64], other: NDArray[np.int64], request: ClonesRequest
) -> NDArray[np.bool_]:
    """Which pairs may be alike, by their sizes, the keys that they share, and their cosine.

    The share of keys estimates the share of statements, and the signs behind the keys of vectors
    the cosine; what they may be off by is left to them. Most pairs that met by one key of a
    statement need no cosine, which costs more than all the rest.
    """
    tokens = corpus.functions["tokens"].astype(np.float32)
    keys = np.ascontiguousarray(corpus.keys[:, :SINGLE])
    has_vectors = corpus.vectors.shape[1] > 0
    signs = packed_signs(corpus.keys) if has_vectors else None
    hopeful = np.zeros(len(one), np.bool_)
    for start in range(0, len(one), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        left, right = one[part], other[part]
        most = 2 * np.minimum(tokens[left], tokens[right]) / (tokens[left] + tokens[right])
        same = (keys[left] == keys[right]).mean(axis=1, dtype=np.float32)
        shared = np.minimum(most, 2 * same / (1 + same) + np.float32(_ESTIMATE_IS_OFF))
        if signs is None:
            hopeful[part] = (2 * request.similarity <= shared + most) | (most >= request.meaning)
            continue
        cosine = highest_cosines(signs, left, right)
        kept = np.flatnonzero(
            (2 * request.similarity - cosine <= shared) | (cosine >= request.meaning)
        )
        exact = cosines(corpus.vectors, left[kept], right[kept])
        hopeful[start + kept] = (2 * request.similarity - exact <= shared[kept]) | (
            exact >= request.meaning
        )
    return hopeful


def likeness(
    corpus: Corpus, one: NDArray[np.int64], other: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For each pair of functions the share of statements in common, and the cosine.

    Without a model the share stands for the cosine.
    """
    used, places = np.unique(np.concatenate([one, other]), return_inverse=True)
    rows = corpus.functions[used]
    statements = corpus.statements
    bags = StatementBags.of(
        statements["form"],
        statements["size"],
        rows["first"].astype(np.int64),
        rows["last"].astype(np.int64),
    )
    shared = shared_statements(bags, places[: len(one)], places[len(one) :])
    if not corpus.vectors.shape[1]:
        return shared, shared
    return shared, cosines(corpus.vectors, one, other)


def _mean(shared: NDArray[np.float32], cosine: NDArray[np.float32]) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = (shared + np.clip(cosine, 0, 1)) / np.float32(2)
    return mean


def _findings(
    corpus: Corpus,
    nodes: _Nodes,
    grouped: list[tuple[int, ...]],
    kinds: dict[tuple[int, int], CloneType],
    request: ClonesRequest,
) -> Iterator[Finding]:
    spelling = corpus.functions["spelling"]
    found: list[tuple[CloneType, list[int]]] = []
    for group in grouped:
        functions = sorted(int(one) for node in group for one in nodes.members(node))
        kind: CloneType = 1 if len(set(spelling[functions].tolist())) == 1 else 2
        if len(group) > 1:
            kind = max(kind, *map(kinds.__getitem__, combinations(group, 2)))
        if kind in request.types:
            found.append((kind, functions))
    leading = np.array([own[0] for _, own in found for _ in own[1:]], np.int64)
    others = np.array([one for _, own in found for one in own[1:]], np.int64)
    shared, cosine = likeness(corpus, leading, others)
    near = _mean(shared, cosine)
    near[spelling[leading] == spelling[others]] = 1.0
    firm = (near >= _FIRM) | (cosine >= request.meaning)
    placed = function_places(corpus, {one for _, own in found for one in own})
    at = 0
    for kind, own in found:
        part = slice(at, at + len(own) - 1)
        at = part.stop
        loose = kind == 4 and not firm[part].all()
        places = _apart([placed[one] for one in own])
        if len(places) > 1:
            yield Finding(kind, float(near[part].min()), places, whole=True, loose=loose)


def _apart(places: list[Place]) -> tuple[Place, ...]:
    """Without those that lie in the one before, as a function within another one may."""
    kept: list[Place] = []
    for place in sorted(places, key=lambda one: (one.file, one.first, -one.last)):
        if not kept or kept[-1].file != place.file or place.first >= kept[-1].last:
            kept.append(place)
    return tuple(kept)
