"""`/search` and `/similar`: the request of the command line, and its answer as JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from c2llm.errors import NothingToIndexError, UsageError
from c2llm.printable import quoted
from c2llm.search.answer import SearchAnswer
from c2llm.search.answers.as_json import payload
from c2llm.search.request import Granularity, Mode, SearchRequest
from c2llm.serving.file_lines import read_lines
from c2llm.serving.http.access import chosen, visible
from c2llm.serving.http.errors import ApiError
from c2llm.serving.http.guard import QUERY
from c2llm.serving.http.service import Service, service_of
from c2llm.serving.kept import Kept, Repository, VisibleRepositories
from c2llm.serving.open_indexes import BusyError
from c2llm.serving.repositories import by_name

if TYPE_CHECKING:
    from c2llm.search.answers.similar_code import Specimen
    from c2llm.search.asked_index import AskedIndex

router = APIRouter(tags=["search"])

MOST_HITS = 500
"""Of one answer over HTTP; the next ones are had with `offset`."""
_WAIT_SECONDS = 8.0
"""How long a request waits for another one that uses the same index."""

Json = dict[str, Any]
Visible = Annotated[VisibleRepositories, Depends(visible)]
Server = Annotated[Service, Depends(service_of)]


class Wanted(BaseModel):
    """What an answer is limited to and how it is shown: the fields of a search request."""

    model_config = ConfigDict(extra="forbid")

    k: int | None = Field(None, description=f"Number of hits, 10 unless told, {MOST_HITS} at most.")
    mode: Mode = Field("hybrid", description="Words and vectors, vectors alone, or words alone.")
    granularity: Granularity = "chunk"
    languages: list[str] = Field([], description="Only files in these languages.")
    include: list[str] = Field([], description="Only paths that match one of these globs.")
    exclude: list[str] = Field([], description="No path that matches one of these globs.")
    pattern: str | None = Field(None, description="Only code in which this expression finds.")
    recent: bool = Field(False, description="What was changed recently comes first.")
    max_tokens: int | None = Field(None, description="Whole code of the best hits that fits.")
    explain: bool = False
    offset: int = Field(0, description="Leave so many of the best hits out.")
    callers: bool = Field(False, description="Who calls each hit, and imports its file.")
    facets: bool = Field(False, description="Count what the answer is made of.")
    siblings: bool = Field(False, description="Near copies in their places too.")
    where: str | None = Field(None, description="Only code whose records meet this condition.")
    sort: str | None = Field(None, description="By this column of the records; - before it falls.")
    among: int | None = Field(None, description="Sort so many of the most relevant hits only.")
    group_by: str | None = Field(None, description="Together what has the same in this column.")
    records: bool = Field(False, description="Only code with records, and these with it.")
    repositories: list[str] = Field([], description="Names from /repositories; all when empty.")
    whole: bool = Field(False, description="The whole text of each hit instead of a snippet.")


class Question(Wanted):
    """A search."""

    query: str = Field(description="A question, words, a name, a place, code or a stack trace.")
    symbol: bool = Field(False, description="The query is a name.")


class TypedQuestion(Wanted):
    """A search as an address has it."""

    q: str = Field(description="A question, words, a name, a place, code or a stack trace.")
    symbol: bool = False


class Specimens(Wanted):
    """Code whose like is looked for: a place, or the code itself."""

    place: str | None = Field(None, description="PATH:LINE in the repository of `repository`.")
    repository: str | None = Field(None, description="Whose file `place` is in.")
    code: str | None = Field(None, description="Pasted code, instead of a place.")


@router.get("/search")
async def search_by_address(
    request: Request, wanted: Annotated[TypedQuestion, Query()], service: Server, there: Visible
) -> Json:
    """Ask a question: `/search?q=where are retries backed off`."""
    return await _search(request, service, there, wanted.q, wanted)


@router.post("/search")
async def search(request: Request, wanted: Question, service: Server, there: Visible) -> Json:
    """Ask a question."""
    return await _search(request, service, there, wanted.query, wanted)


@router.get("/similar")
async def similar_by_address(
    request: Request, wanted: Annotated[Specimens, Query()], service: Server, there: Visible
) -> Json:
    """Find code like the function around a place: `/similar?repository=api&place=net.py:42`."""
    return await _similar(request, service, there, wanted)


@router.post("/similar")
async def similar(request: Request, wanted: Specimens, service: Server, there: Visible) -> Json:
    """Find code like the function around a place, or like pasted code."""
    return await _similar(request, service, there, wanted)


async def _search(
    request: Request, service: Service, there: VisibleRepositories, query: str, wanted: Wanted
) -> Json:
    from c2llm.search.answering import answer

    request.scope[QUERY] = query
    asked = _request(query, wanted)
    folders = chosen(there, wanted.repositories)
    work = partial(_answered, service, folders, asked, wanted.whole, answer)
    return await service.workers.run(request, work)


async def _similar(
    request: Request, service: Service, there: VisibleRepositories, wanted: Specimens
) -> Json:
    from c2llm.search.answers.similar_code import Specimen, as_query
    from c2llm.search.answers.similar_code import similar as find_similar

    if (wanted.place is None) == (wanted.code is None):
        raise UsageError("Give a place (PATH:LINE, with its repository), or code; one of them.")
    if wanted.code is not None and not wanted.code.strip(" \t\r\n\0"):
        raise UsageError("The code is empty; paste some.")
    folders = chosen(there, wanted.repositories)
    home: Repository | None = None
    if wanted.place is not None:
        if wanted.repository is None and len(there) > 1:
            raise UsageError("Say in `repository` whose file the place is in.")
        names = [wanted.repository] if wanted.repository is not None else None
        home = next(iter(chosen(there, names).values()), None)

    def work() -> Json:
        if home is None or wanted.place is None:
            specimen = Specimen(wanted.code or "")
        else:
            path, _, line = wanted.place.rpartition(":")
            if not (line.isascii() and line.isdecimal()) or len(line) > 7:
                raise UsageError(f"{quoted(wanted.place)} is not PATH:LINE.")
            specimen = specimen_of(service, home, path, int(line))
        asked = _request(as_query(specimen), wanted)

        def find(indexes: Any, request: SearchRequest) -> SearchAnswer:
            return find_similar(indexes, specimen, request)

        told = _answered(service, folders, asked, wanted.whole, find)
        del told["query"]
        lines = {"start_line": specimen.start_line, "end_line": specimen.end_line}
        return {"place": wanted.place, **lines, "symbol": specimen.symbol, **told}

    return await service.workers.run(request, work)


def specimen_of(service: Service, repository: Repository, path: str, line: int) -> Specimen:
    """The code around a line of a file.

    Raises:
        UsageError: There is no such line, or it may not be read.
    """
    from c2llm.search.answers.similar_code import specimen_at

    if isinstance(repository, Kept):
        return service.catalogs.specimen(repository, path, line)
    read_lines(repository, path, line, line)  # it may be read at all
    return specimen_at(f"{repository / path}:{line}")


def _request(query: str, wanted: Wanted) -> SearchRequest:
    """The request that a body makes.

    Raises:
        UsageError: A field is out of its bounds.
    """
    if wanted.k is not None and wanted.k > MOST_HITS:
        raise UsageError(f"k is at most {MOST_HITS} over HTTP; have the next ones with offset.")
    names = {one.name for one in fields(SearchRequest)} - {"query"}
    given = wanted.model_dump(include=names)
    return SearchRequest(query, **given)


def _answered(
    service: Service,
    folders: Mapping[str, Repository],
    request: SearchRequest,
    whole: bool,
    find: Callable[..., SearchAnswer],
) -> Json:
    """The answer of these repositories as JSON."""
    started = time.perf_counter()
    found = found_in(service, folders, request, find)
    answer = payload(found, time.perf_counter() - started, whole=whole or None)
    return {"repositories": list(folders), **answer}


def found_in(
    service: Service,
    folders: Mapping[str, Repository],
    request: SearchRequest,
    find: Callable[..., SearchAnswer],
) -> SearchAnswer:
    """The answer of these repositories; from what there is where they are busy.

    Raises:
        ApiError: 404 where there is none of them.
        C2LLMError: It cannot be answered.
    """
    if not folders:
        raise ApiError(404, "no_repository", "There is no repository yet; add one.")
    try:
        try:
            with borrowed(service, folders, fresh=True) as (indexes, told):
                found = find(indexes, request)
                notes = list(told)
        except BusyError:
            with borrowed(service, folders, fresh=False) as (indexes, told):
                found = find(indexes, request)
                notes = list(told)
    except NothingToIndexError as error:
        found, notes = SearchAnswer(request, (), (), 0, 0.0), [str(error)]
    said = (by_name(note, folders) for note in (*notes, *found.notes))
    return replace(found, notes=tuple(dict.fromkeys(said)))


@contextmanager
def borrowed(
    service: Service, repositories: Mapping[str, Repository], *, fresh: bool
) -> Iterator[tuple[list[AskedIndex], list[str]]]:
    """The indexes of these repositories, with what they have to say.

    Args:
        service: The server.
        repositories: By name; of a `VisibleRepositories` it is known whether something is hidden.
        fresh: Bring those of directories up to date; else they answer as they are.
    """
    directories = {name: one for name, one in repositories.items() if isinstance(one, Path)}
    kept = {name: one for name, one in repositories.items() if isinstance(one, Kept)}
    notes: list[str] = []
    indexes: list[AskedIndex] = []
    with ExitStack() as stack:
        if directories:
            roots, names = list(directories.values()), list(directories)
            lend = partial(service.indexes.lent, seconds=_WAIT_SECONDS)
            try:
                trees, notes = stack.enter_context(
                    (lend if fresh else service.indexes.as_they_are)(roots, names=names)
                )
            except NothingToIndexError as error:
                if not kept:
                    raise
                trees, notes = [], [str(error)]
            if kept:
                called = {root: name for name, root in directories.items()}
                for tree in trees:
                    tree.label = called[tree.root]
            indexes += trees
        if kept:
            everything = isinstance(repositories, VisibleRepositories) and repositories.everything
            try:
                lent = service.catalogs.lent(kept, everything=everything, seconds=_WAIT_SECONDS)
                indexes += stack.enter_context(lent)
            except NothingToIndexError as error:
                if not indexes:
                    raise
                notes.append(str(error))
        yield indexes, notes
