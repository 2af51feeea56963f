"""One request to one index or several: a `SearchAnswer`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.errors import UsageError
from c2llm.search.answer import Hit, SearchAnswer
from c2llm.search.answers.absent_names import absent_names
from c2llm.search.asked_index import LeavesOutError
from c2llm.search.explain.why import Why
from c2llm.search.pipeline import ask
from c2llm.search.query.query_parsing import parse_query
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS, RankWeights

if TYPE_CHECKING:
    from c2llm.search.answers.with_records import Group
    from c2llm.search.asked_index import AskedIndex
    from c2llm.search.pipeline import Found
    from c2llm.search.request import SearchRequest
    from c2llm.search.target import LeftOut, SearchTarget

_NO_WORD = "No indexed code has a word of the query; what follows is there for other reasons alone."
_NO_WORD_HERE = (
    "The words of the query stand only in code that the filters leave out; what follows has none."
)
_LIKELY = 3
"""So many times as many hits may fit when their least telling lines are left out."""


def answer(
    indexes: Sequence[AskedIndex],
    request: SearchRequest,
    *,
    weights: RankWeights = DEFAULT_WEIGHTS,
    read: bool = True,
    left_out: LeftOut | None = None,
) -> SearchAnswer:
    """The hits of all the indexes in one list, the best first.

    A language, or a column of records, that only some of the indexes have leaves the others out.

    Args:
        indexes: Open indexes; where there are several, each has a label of its own. Of two of one
            directory the last is asked, and of a file in two the one whose directory is nearer.
        request: What is asked.
        weights: What the ranker's features are worth.
        read: Read what smells of the request where files of a large tree are unread.
        left_out: A file and its first and last line that are no answer.

    Raises:
        UsageError: the request leaves out every index.
        IndexCorruptError: an index is damaged.
    """
    with ExitStack() as reading:
        for index in indexes:
            reading.enter_context(index.believed())
        if read:
            for index in indexes:
                index.read_for(request)
        return _answer(indexes, request, weights, left_out)


def _answer(
    indexes: Sequence[AskedIndex],
    request: SearchRequest,
    weights: RankWeights,
    left_out: LeftOut | None,
) -> SearchAnswer:
    started = time.perf_counter()
    taken: list[AskedIndex] = []
    targets = []
    refused: UsageError | None = None
    left_aside: list[LeavesOutError] = []
    asked = list({index.source: index for index in indexes}.values())
    for index in asked:
        try:
            targets.append(index.target(request, asked, left_out))
            taken.append(index)
        except LeavesOutError as error:
            left_aside.append(error)
        except UsageError as error:
            refused = _more_telling(refused, error)
    if left_aside and not targets and refused is None:
        raise left_aside[0]
    if refused is not None and not (targets and _leaves_out(request, refused)):
        # Of a large tree it may be true of what has been read, and not of the rest.
        unread = [str(refused), *_remarks(asked, request)]
        raise UsageError(" ".join(unread)) if len(unread) > 1 else refused
    cut_off = 0
    groups: tuple[Group, ...] = ()
    if request.asks_records:
        from c2llm.search.answers.with_records import all_to_sort, with_records

        found = ask(targets, all_to_sort(targets, request), weights=weights)
        hits, groups = with_records(targets, request, found.hits)
    else:
        found = ask(targets, request, weights=weights)
        hits = found.hits
    if request.max_tokens is not None:
        hits, cut_off = _within_budget(targets, request, hits)
    if request.explain:
        from c2llm.search.explain.explaining import explained

        hits = explained(targets, hits, parse_query(request.text))
    if request.callers:
        hits = _with_callers(taken, hits)
    return SearchAnswer(
        request=request,
        hits=tuple(hits),
        indexes=tuple(index.described(request.mode) for index in taken),
        cut_off=cut_off,
        seconds=time.perf_counter() - started,
        facets=found.facets,
        groups=groups,
        notes=(
            *map(str, left_aside),
            *_remarks(asked, request),
            *_notes(request, taken, targets, found),
        ),
        understood=parse_query(request.text).understood,
    )


def _more_telling(one: UsageError | None, other: UsageError) -> UsageError:
    """The sentence that helps more: that a column is not there, and not that no records are."""
    from c2llm.index.store.imported.resolving import NoRecordsError

    return one if one is not None and isinstance(other, NoRecordsError) else other


def _leaves_out(request: SearchRequest, refused: UsageError) -> bool:
    """Whether an index that refuses a request is left out where others do not."""
    if not request.asks_records:
        return bool(request.languages)
    from c2llm.index.store.imported.resolving import UnknownColumnError

    return bool(request.languages) or isinstance(refused, UnknownColumnError)


def _within_budget(
    targets: Sequence[SearchTarget], request: SearchRequest, hits: Sequence[Hit]
) -> tuple[list[Hit], int]:
    """As `within_budget` says, with the lines told of as many hits as may fit without some."""
    from c2llm.search.answers.token_budget import within_budget

    assert request.max_tokens is not None
    taken, cut_off = within_budget(hits, request.max_tokens)
    if cut_off:
        from c2llm.search.explain.explaining import with_lines

        likely = _LIKELY * max(1, len(taken))
        told = with_lines(targets, hits[:likely], parse_query(request.text))
        taken, cut_off = within_budget(told, request.max_tokens)
        cut_off += len(hits) - len(told)
    if not request.explain:
        taken = [replace(hit, why=Why(hit.why.reasons)) for hit in taken]
    return taken, cut_off


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


def _remarks(indexes: Sequence[AskedIndex], request: SearchRequest) -> Iterator[str]:
    for index in indexes:
        yield from index.remarks(request)


def _notes(
    request: SearchRequest,
    indexes: Sequence[AskedIndex],
    targets: Sequence[SearchTarget],
    found: Found,
) -> Iterator[str]:
    """What the user should know of how a request was understood and of what was not met."""
    query = parse_query(request.text)
    if query.left_out:
        yield (
            f"The query is very long: {query.left_out:,} characters in its middle were not "
            f"looked at, {len(query.text):,} were."
        )
    for sentence in targets[0].filters.unmet:
        if all(sentence in one.filters.unmet for one in targets):
            yield sentence
    stores = [one.reader.store for one in targets]
    absent = list(absent_names(indexes, stores, query, answered=bool(found.hits)))
    yield from absent
    if absent or not query.terms or not found.hits or request.mode == "dense":
        return
    if not found.by_words:
        yield _NO_WORD_HERE if found.words_outside else _NO_WORD


def _with_callers(indexes: Sequence[AskedIndex], hits: Sequence[Hit]) -> list[Hit]:
    finders = {
        name: next(index for index in indexes if index.has(name)).caller_finder(name)
        for name in {hit.repository for hit in hits}
    }
    return [
        replace(
            hit,
            callers=finders[hit.repository].of(
                hit.path, hit.symbol, *(hit.definition or (hit.start_line, hit.end_line))
            ),
        )
        for hit in hits
    ]
