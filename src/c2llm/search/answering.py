"""One request to one index or several: a `SearchAnswer`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.errors import UsageError
from c2llm.search.answer import Hit, SearchAnswer
from c2llm.search.pipeline import ask
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS, RankWeights

if TYPE_CHECKING:
    from c2llm.search.code_index import CodeIndex
    from c2llm.search.request import SearchRequest

_BUDGET_HITS = 50
"""Hits among which a token budget chooses."""


def answer(
    indexes: Sequence[CodeIndex],
    request: SearchRequest,
    *,
    weights: RankWeights = DEFAULT_WEIGHTS,
) -> SearchAnswer:
    """The hits of all the indexes in one list, the best first.

    A language that only some of the indexes have leaves the others out.

    Args:
        indexes: Open indexes; where there are several, each has a label of its own. Of two of one
            directory the last is asked.
        request: What is asked.
        weights: What the ranker's features are worth.

    Raises:
        UsageError: the request leaves out every index.
    """
    started = time.perf_counter()
    taken: list[CodeIndex] = []
    targets = []
    refused: UsageError | None = None
    for index in {index.root: index for index in indexes}.values():
        try:
            targets.append(index.target(request))
            taken.append(index)
        except UsageError as error:
            refused = error
    if refused is not None and (not targets or not request.languages):
        raise refused
    cut_off = 0
    if request.max_tokens is None:
        hits = ask(targets, request, weights=weights)
    else:
        from c2llm.search.answers.token_budget import within_budget

        hits = ask(targets, replace(request, k=max(request.k, _BUDGET_HITS)), weights=weights)
        hits, cut_off = within_budget(hits, request.max_tokens)
    if request.callers:
        hits = _with_callers(taken, hits)
    return SearchAnswer(
        request=request,
        hits=tuple(hits),
        indexes=tuple(index.described(request.mode) for index in taken),
        cut_off=cut_off,
        seconds=time.perf_counter() - started,
    )


def labels(roots: Sequence[Path]) -> list[str]:
    """A short name for each directory: its own, or with those above it where that is not enough."""
    depth = [1] * len(roots)
    while True:
        names = [str(Path(*root.parts[-n:])) for root, n in zip(roots, depth, strict=True)]
        twice = {name for name, count in Counter(names).items() if count > 1}
        grown = [
            min(length + (name in twice), len(root.parts))
            for root, name, length in zip(roots, names, depth, strict=True)
        ]
        if grown == depth:
            return names
        depth = grown


def _with_callers(indexes: Sequence[CodeIndex], hits: Sequence[Hit]) -> list[Hit]:
    of_label = {index.label: index for index in indexes}
    finders = {label: of_label[label].caller_finder() for label in {hit.repository for hit in hits}}
    return [
        replace(
            hit,
            callers=finders[hit.repository].of(
                hit.path, hit.symbol, *(hit.definition or (hit.start_line, hit.end_line))
            ),
        )
        for hit in hits
    ]
