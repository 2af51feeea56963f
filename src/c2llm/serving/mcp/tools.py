"""What the tools do: arguments in, one text out. Nothing here knows the protocol."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.errors import UsageError
from c2llm.printable import printable
from c2llm.search.request import SearchRequest
from c2llm.serving.file_lines import MOST_LINES, Lines, read_lines
from c2llm.serving.freshness import commit_of_file, state_of
from c2llm.serving.mcp.answer_text import (
    LEAST_TOKENS,
    MOST_TOKENS,
    answer_text,
    shown_line,
)
from c2llm.serving.open_indexes import BusyError, OpenIndexes
from c2llm.serving.roots import KeptPlace, Place

if TYPE_CHECKING:
    from c2llm.index.build.index_status import IndexStatus
    from c2llm.search.answer import SearchAnswer
    from c2llm.search.answers.similar_code import Specimen
    from c2llm.search.asked_index import AskedIndex
    from c2llm.search.code_index import CodeIndex
    from c2llm.serving.open_catalogs import OpenCatalogs

DEFAULT_TOKENS = 4_000
_MOST_STALE = 8
_READ_LINES = 200
"""Lines of a file where no end is given."""
_READ_TOKENS = 8_000
"""Of one `read`, whatever its lines."""
WAIT_SECONDS = 8.5
"""How long a request waits for another one that uses the same index."""


def search(
    indexes: OpenIndexes,
    places: Sequence[Place],
    request: SearchRequest,
    max_tokens: int,
    *,
    kept: tuple[OpenCatalogs, KeptPlace] | None = None,
    as_it_is: bool = False,
) -> str:
    """The answer to a question.

    Args:
        indexes: Where indexes are kept open.
        places: Where to look.
        request: The question; where places are parts of trees, it is limited to them here.
        max_tokens: The text has no more.
        kept: What of a catalog is asked, too, and where those are kept open.
        as_it_is: Answer from what the indexes hold at this moment.

    Raises:
        C2LLMError: It cannot be answered.
    """
    from c2llm.search.answering import answer

    require_room(max_tokens)
    if kept is not None:
        return _with_kept(indexes, places, request, max_tokens, *kept, as_it_is=as_it_is)
    end = time.monotonic() + WAIT_SECONDS
    roots = [place.root for place in places]
    borrowed = indexes.as_they_are(roots) if as_it_is else indexes.lent(roots, seconds=WAIT_SECONDS)
    with borrowed as (open_ones, notes):
        told = len(notes)
        found = answer(open_ones, _limited(request, places))
        # Another process reads the first files of a new tree: they are there in a moment.
        while _is_hollow(found):
            if time.monotonic() >= end:
                raise BusyError("No file of this tree has been read yet; ask again in a moment.")
            del notes[told:]
            found = answer(open_ones, _limited(request, places))
        found = _only(found, places)
        return _told(open_ones, found, notes, max_tokens, compared=not as_it_is)


def _with_kept(
    indexes: OpenIndexes,
    places: Sequence[Place],
    request: SearchRequest,
    max_tokens: int,
    catalogs: OpenCatalogs,
    kept: KeptPlace,
    specimen: Specimen | None = None,
    *,
    as_it_is: bool = False,
) -> str:
    """The answer of a catalog: what it keeps, and its live directories."""
    from c2llm.search.answering import answer
    from c2llm.search.answers.similar_code import similar as find_similar

    roots = [place.root for place in places]
    if kept.within and specimen is None:
        request = replace(request, include=[*request.include, kept.within])
    with ExitStack() as stack:
        trees: Sequence[CodeIndex] = ()
        notes: list[str] = []
        if roots:
            lend = partial(indexes.lent, seconds=WAIT_SECONDS)
            names = [entry.name for entry in kept.asked.live]
            borrowed = (indexes.as_they_are if as_it_is else lend)(roots, names=names)
            trees, notes = stack.enter_context(borrowed)
            for tree in trees:
                tree.label = names[roots.index(tree.root)]
        lent = catalogs.asked(kept.asked, kept.label, seconds=WAIT_SECONDS)
        asked: list[AskedIndex] = [*trees, stack.enter_context(lent)]
        if specimen is None:
            found = answer(asked, request)
        else:
            found = find_similar(asked, specimen, request)
        if kept.within and specimen is None:
            part = kept.within
            hits = [one for one in found.hits if one.path == part or f"{part}/" in f"{one.path}/"]
            found = replace(found, hits=tuple(hits))
        return _told(trees, found, notes, max_tokens, compared=not as_it_is)


def similar_kept(
    indexes: OpenIndexes,
    catalogs: OpenCatalogs,
    kept: KeptPlace,
    line: int,
    request: SearchRequest,
    max_tokens: int,
) -> str:
    """Code like the function around a line of a file that a catalog keeps.

    Raises:
        C2LLMError: There is no such line, or it cannot be answered.
    """
    from c2llm.search.answers.similar_code import as_query

    require_room(max_tokens)
    specimen = catalogs.specimen(kept.repository, kept.within, line)
    request = replace(request, query=as_query(specimen))
    everything = replace(kept, asked=replace(kept.asked, globs=()))
    return _with_kept(indexes, [], request, max_tokens, catalogs, everything, specimen)


def read_kept(
    catalogs: OpenCatalogs, kept: KeptPlace, start_line: int, end_line: int | None
) -> str:
    """Lines of a file as a catalog keeps it.

    Raises:
        UsageError: There is no such file, or it has not so many lines.
    """
    if not kept.within:
        raise UsageError(f"{kept.label}REPOSITORY/PATH names a file that a catalog keeps.")
    last = end_line if end_line is not None else start_line + _READ_LINES - 1
    found = catalogs.lines(kept.repository, kept.within, start_line, last)
    state = f"[{kept.label}{kept.repository.name}: as of its last refresh]"
    return _lines_told(kept.within, found, last if end_line is not None else found.of, state)


def status_kept(kept: KeptPlace) -> str:
    """What a catalog keeps, and what of it is stale."""
    from c2llm.index.catalog.status import catalog_status

    asked = kept.asked
    found = catalog_status(asked.catalog)
    names = {entry.name for entry in asked.kept}
    there = [one for one in found.repositories if one.name in names]
    stale = [one for one in there if one.is_stale]
    lines = [
        f"catalog: @{asked.catalog.name}",
        f"kept: {len(there):,} repositories, {sum(one.files for one in there):,} files",
        *(f"stale: {one.name}{f' ({one.error})' if one.error else ''}" for one in stale[:8]),
    ]
    if len(stale) > _MOST_STALE:
        lines.append(f"stale: {len(stale) - _MOST_STALE:,} more")
    lines.append("They are as of their last refresh (c2llm catalog refresh).")
    return "\n".join(map(printable, lines))


def similar(
    indexes: OpenIndexes,
    place: Place,
    line: int,
    request: SearchRequest,
    max_tokens: int,
    *,
    as_it_is: bool = False,
) -> str:
    """Code like the function around a line of a file.

    Args:
        indexes: Where indexes are kept open.
        place: The file.
        line: The line, from 1.
        request: Its query does not count.
        max_tokens: The text has no more.
        as_it_is: Answer from what the index holds at this moment.

    Raises:
        C2LLMError: There is no such line, or it cannot be answered.
    """
    from c2llm.search.answers.similar_code import as_query
    from c2llm.search.answers.similar_code import similar as find_similar

    require_room(max_tokens)
    specimen = specimen_in(place, line)
    request = replace(request, query=as_query(specimen))
    borrowed = (
        indexes.as_they_are([place.root])
        if as_it_is
        else indexes.lent([place.root], seconds=WAIT_SECONDS)
    )
    with borrowed as (open_ones, notes):
        found = find_similar(open_ones, specimen, request)
        return _told(open_ones, found, notes, max_tokens, compared=not as_it_is)


def read(place: Place, start_line: int, end_line: int | None) -> str:
    """Lines of a file, as they are on the disk.

    Raises:
        UsageError: They cannot be read, or may not be.
    """
    if not place.within:
        raise UsageError(f"{place.root} is a directory; give the path of a file in it.")
    last = end_line if end_line is not None else start_line + _READ_LINES - 1
    found = read_lines(place.root, place.within, start_line, last)
    state = commit_of_file(place.root, place.within)
    return _lines_told(place.within, found, last if end_line is not None else found.of, state)


def _lines_told(path: str, found: Lines, last: int, state: str) -> str:
    from c2llm.search.answers.token_budget import tokens_of

    lines: list[str] = []
    left = _READ_TOKENS
    for line in map(shown_line, found.lines):
        left -= tokens_of(line) + 1
        if left < 0 and lines:
            break
        lines.append(line)
    end = found.start + len(lines) - 1
    told = [f"{printable(path)}:{found.start}-{end} of {found.of} lines", *lines]
    if end < min(found.of, last):
        told.append(f"\nCut at {MOST_LINES} lines or {_READ_TOKENS} tokens: start_line={end + 1}.")
    return "\n".join([*told, "", printable(state)])


def status(places: Sequence[Place], model: str) -> str:
    """What is indexed of each place, what is stale and what was left out.

    Raises:
        C2LLMError: An index file is damaged.
    """
    from c2llm.index.build.index_status import read_status

    return "\n\n".join(_status(read_status(place.root, model)) for place in places)


def _status(status: IndexStatus) -> str:
    from c2llm.serving.freshness import commit_of

    lines = [f"root: {status.root}"]
    if status.indexed:
        languages = ", ".join(f"{n} {name}" for name, n in list(status.languages.items())[:8])
        lines.append(f"indexed: {status.files:,} files ({languages}), {status.chunks:,} chunks")
        table = f", all by {status.table_model}" if status.table == status.chunks else ""
        lines.append(
            f"embedded: {status.embedded:,} chunks by {status.model}{table}"
            + ("; more are being made" if status.embedding else "")
        )
    else:
        lines.append("indexed: nothing yet; the first search does it")
    pending = f"{status.changed:,} new or changed files, {status.removed:,} removed"
    fresh = not status.changed and not status.removed
    lines.append(f"pending: {'none' if fresh else pending + '; the next search reads them'}")
    if status.skipped_by_reason:
        reasons = ", ".join(f"{n} {why}" for why, n in list(status.skipped_by_reason.items())[:8])
        lines.append(f"left out: {reasons}")
    lines.append(f"[{commit_of(Path(status.root), None)}]")
    return "\n".join(map(printable, lines))


def _told(
    indexes: Sequence[CodeIndex],
    found: SearchAnswer,
    notes: Sequence[str],
    max_tokens: int,
    *,
    compared: bool,
) -> str:
    """An answer with what its indexes had to say, and the truth about them."""
    of_root = {str(index.root): index for index in indexes}
    state = [
        printable(
            state_of(
                one, of_root[one.root].paths() if one.root in of_root else (), compared=compared
            )
        )
        for one in sorted(found.indexes, key=lambda one: not one.stale)
    ]
    notes = tuple(dict.fromkeys((*notes, *found.notes)))
    return answer_text(replace(found, notes=notes), state, max_tokens)


def _is_hollow(found: SearchAnswer) -> bool:
    """Whether nothing could be found, since of the trees not one file has been read."""
    return all(index.unread and not index.files for index in found.indexes)


def _limited(request: SearchRequest, places: Sequence[Place]) -> SearchRequest:
    """A request that asks of the parts of trees that the places are."""
    parts = [place for place in places if place.within]
    if not parts:
        return request
    if not request.include:
        return replace(request, include=[_anchored(place) for place in parts])
    both = [
        glob
        if glob.startswith(f"{place.within}/")
        else f"{place.within}/{'' if '/' in glob else '**/'}{glob}"
        for place in parts
        for glob in request.include
    ]
    return replace(request, include=both)


def _anchored(place: Place) -> str:
    """A path below the root as a glob: the bare name of a directory would be found anywhere."""
    bare = "/" not in place.within and (place.root / place.within).is_dir()
    return f"{place.within}/*" if bare else place.within


def _only(found: SearchAnswer, places: Sequence[Place]) -> SearchAnswer:
    """An answer without what a glob has let in beside the places: a bare name of a file."""
    parts = [place.within for place in places if place.within]
    if not parts:
        return found
    hits = tuple(
        hit
        for hit in found.hits
        if any(hit.path == part or hit.path.startswith(f"{part}/") for part in parts)
    )
    return replace(found, hits=hits)


def specimen_in(place: Place, line: int) -> Specimen:
    """The function around a line of a file.

    Raises:
        UsageError: There is no such line, or it may not be read.
    """
    from c2llm.search.answers.similar_code import specimen_at

    if not place.within:
        raise UsageError(f"{place.root} is a directory; give the path of a file in it.")
    read_lines(place.root, place.within, line, line)  # it may be read at all
    return specimen_at(f"{place.root / place.within}:{line}")


def require_room(max_tokens: int) -> None:
    """Make sure that an answer fits into a number of tokens.

    Raises:
        UsageError: It is too small or too large.
    """
    if not LEAST_TOKENS <= max_tokens <= MOST_TOKENS:
        raise UsageError(f"max_tokens must be {LEAST_TOKENS} to {MOST_TOKENS:,}, not {max_tokens}.")
