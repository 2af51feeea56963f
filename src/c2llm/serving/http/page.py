"""`/`: the search page, its assets, and what it asks.

The page asks what `/search`, `/similar` and `/file` answer, with the same key and from the same
repositories; its own routes add what is seen: colours, facets, and what a path looks like. They
are no interface for programs, and not in the OpenAPI page.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from c2llm.codebase.languages import detect_language
from c2llm.errors import UsageError
from c2llm.search.answer import SearchAnswer
from c2llm.search.query.typed_filters import TypedQuery, parse_typed
from c2llm.search.request import MOST_CHARACTERS, MOST_HITS, SearchRequest
from c2llm.serving.file_lines import MOST_LINES
from c2llm.serving.freshness import commit_of_file
from c2llm.serving.http.access import chosen, visible
from c2llm.serving.http.errors import ApiError, CompleteJson
from c2llm.serving.http.repository_routes import described, lines_of
from c2llm.serving.http.search_routes import borrowed, found_in, specimen_of
from c2llm.serving.http.service import Service, service_of
from c2llm.serving.kept import Kept, Repository, VisibleRepositories
from c2llm.serving.page.assets import Asset, assets
from c2llm.serving.page.dressing import (
    EXPLAINED,
    SHOWN,
    answer_json,
    class_json,
    file_json,
    named,
    path_of,
    unasked_json,
    with_places,
)

if TYPE_CHECKING:
    from c2llm.analysis.clones.clone_class import CloneClass
    from c2llm.search.answers.similar_code import Specimen
    from c2llm.search.asked_index import AskedIndex

router = APIRouter(include_in_schema=False)

Visible = Annotated[VisibleRepositories, Depends(visible)]
Server = Annotated[Service, Depends(service_of)]

_LINES_BEFORE = 1_000
"""Of a file above the line that is looked for, where it has more than are shown."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Nothing but our own files, and no string that becomes markup or code."""
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # The browser asks each time whether it has changed, and mostly hears that it has not.
    "Cache-Control": "no-cache",
}


class Typed(BaseModel):
    """What stands in the field of the page."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=MOST_CHARACTERS)
    fast: bool = False
    """Words alone answer, from what is indexed: somebody is still typing."""
    explain: bool = False
    """Few results, with the lines that carried them."""
    offset: int = Field(0, ge=0, le=MOST_HITS - SHOWN)


class FilePlace(BaseModel):
    """A file, as results name it."""

    model_config = ConfigDict(extra="forbid")

    repository: str = ""
    """Its name, "" where there is only one."""
    place: str = Field(max_length=20_000)
    line: int = Field(1, ge=1, le=10**9)
    end: int = Field(1, ge=1, le=10**9)


class CodePlace(BaseModel):
    """A result."""

    model_config = ConfigDict(extra="forbid")

    repository: str = ""
    place: str = Field(max_length=20_000)
    symbol: str = Field("", max_length=10_000)
    start_line: int = Field(ge=1, le=10**9)
    end_line: int = Field(ge=1, le=10**9)


@router.api_route("/", methods=["GET", "HEAD"])
async def index(request: Request) -> Response:
    """The page."""
    return _sent(request, assets()["index.html"])


@router.api_route("/assets/{name}", methods=["GET", "HEAD"])
async def asset(request: Request, name: str) -> Response:
    """A file of the page."""
    found = assets().get(name)
    if found is None:
        raise ApiError(404, "no_asset", "The page has no such file.")
    return _sent(request, found)


@router.api_route("/favicon.ico", methods=["GET", "HEAD"])
async def icon(request: Request) -> Response:
    """What a browser asks for on its own."""
    return _sent(request, assets()["icon.svg"])


@router.post("/page/state")
async def state(request: Request, service: Server, there: Visible) -> Response:
    """The repositories, and the state of their indexes."""

    def work() -> list[dict[str, Any]]:
        return [described(service, name, root) for name, root in there.items()]

    return CompleteJson({"repositories": await service.workers.run(request, work)})


@router.post("/page/progress")
async def progress(service: Server, there: Visible) -> Response:
    """How far the indexes are that are being made, told at once."""
    found = {
        name: service.indexes.reading(root)
        for name, root in there.items()
        if isinstance(root, Path)
    }
    return CompleteJson({"reading": {name: told for name, told in found.items() if told}})


@router.post("/page/search")
async def search(request: Request, wanted: Typed, service: Server, there: Visible) -> Response:
    """The answer to what is typed."""
    started = time.perf_counter()
    typed = parse_typed(wanted.text)

    if not (typed.query or typed.symbol or typed.like or typed.where or typed.sort):
        return CompleteJson(unasked_json(typed))

    def work() -> dict[str, Any]:
        found, classes = _found(service, there, typed, wanted)
        if len(there) > 1:
            found = named(found, _folders(there, typed))
        seconds = time.perf_counter() - started
        return answer_json(found, typed, seconds, classes)

    return CompleteJson(await service.workers.run(request, work))


@router.post("/page/file")
async def file(request: Request, wanted: FilePlace, service: Server, there: Visible) -> Response:
    """Lines of a file, around the one that is looked for."""
    name, root = _one(there, wanted.repository)
    path = path_of(wanted.place)

    def work() -> dict[str, Any]:
        start = max(1, wanted.line - _LINES_BEFORE)
        if wanted.line < MOST_LINES:
            start = 1
        lines = lines_of(service, root, path, start)
        head = "\n".join(lines.lines[:20])[:512].encode(errors="replace")
        language = detect_language(path, head) or ""
        told = file_json(lines, path, language, name)
        state = "kept by a catalog" if isinstance(root, Kept) else _state_of_file(root, path)
        return {**told, "state": state}

    return CompleteJson(await service.workers.run(request, work))


@router.post("/page/callers")
async def callers(request: Request, wanted: CodePlace, service: Server, there: Visible) -> Response:
    """Who uses the definition of a result, and what stands around its file."""
    name, root = _one(there, wanted.repository)
    path = path_of(wanted.place)

    def work() -> dict[str, Any]:
        with borrowed(service, {name: root}, fresh=True) as ([open_one], _):
            finder = open_one.caller_finder(name)
            around = finder.of(path, wanted.symbol, wanted.start_line, wanted.end_line, most=20)
        return with_places(asdict(around), name)

    return CompleteJson(await service.workers.run(request, work))


@router.post("/page/duplicates")
async def duplicates(
    request: Request, wanted: CodePlace, service: Server, there: Visible
) -> Response:
    """The class of duplicates that a result belongs to; the first time they are looked for."""
    from c2llm.analysis.known_classes import known_classes

    name, root = _one(there, wanted.repository)
    path = path_of(wanted.place)
    if isinstance(root, Kept):  # duplicates are looked for in directories
        return CompleteJson({"class": None})

    def work() -> dict[str, Any]:
        with service.indexes.lent([root], seconds=8.0) as ([open_one], _):
            known = known_classes(open_one)
        found = known.at(path, wanted.start_line, wanted.end_line)
        return {"class": None if found is None else class_json(found, name)}

    return CompleteJson(await service.workers.run(request, work))


def _found(
    service: Service, there: VisibleRepositories, typed: TypedQuery, wanted: Typed
) -> tuple[SearchAnswer, list[CloneClass | None]]:
    """The hits for what is typed, and where they are explained the classes kept of them."""
    from c2llm.analysis.known_classes import classes_of_hits
    from c2llm.search.answering import answer
    from c2llm.search.answers.similar_code import as_query, similar
    from c2llm.search.code_index import CodeIndex

    folders = _folders(there, typed)
    options: dict[str, Any] = {
        "k": EXPLAINED if wanted.explain else SHOWN,
        "offset": wanted.offset,
        "facets": not wanted.offset,
        "mode": "lexical" if wanted.fast else "hybrid",
        "languages": typed.languages,
        "include": typed.values("path"),
        "exclude": typed.values("path", excludes=True),
        "explain": wanted.explain,
        "where": typed.where,
        "sort": typed.sort,
    }
    specimen = _specimen(service, there, typed.like) if typed.like else None
    classes: list[CloneClass | None] = []

    def find(indexes: Sequence[AskedIndex], request: SearchRequest) -> SearchAnswer:
        if specimen is not None:
            found = similar(indexes, specimen, request)
        else:
            # While somebody types, what is read already answers.
            found = answer(indexes, request, read=not wanted.fast)
        if wanted.explain:
            trees = [index for index in indexes if isinstance(index, CodeIndex)]
            classes.extend(classes_of_hits(trees, found.hits, look=False))
        return found

    query = " ".join(part for part in (typed.symbol, typed.query) if part)
    if specimen is not None:
        request = SearchRequest(as_query(specimen), **options)
    else:
        request = SearchRequest(query, symbol=bool(typed.symbol), **options)
    return found_in(service, folders, request, find), classes


def _specimen(service: Service, there: VisibleRepositories, place: str) -> Specimen:
    """The code at `PATH:LINE`, where PATH begins with the repository's name if there are several.

    Raises:
        UsageError: There is none, or it may not be read.
    """
    path, _, line = place.rpartition(":")
    if not path or not (line.isascii() and line.isdecimal()) or len(line) > 7:
        raise UsageError(f"like:{place} names no line; write like:PATH:LINE.")
    name, root = next(
        ((name, root) for name, root in there.items() if path.startswith(f"{name}/")), ("", None)
    )
    only = next(iter(there.values())) if len(there) == 1 else None
    if root is None or (isinstance(only, Path) and (only / path).is_file()):
        if only is None:
            raise UsageError(f"Which repository is it of? Write like:REPOSITORY/{place}.")
        name, root = "", only
    within = path[len(name) + 1 :] if name else path
    return specimen_of(service, root, within, int(line))


def _folders(there: VisibleRepositories, typed: TypedQuery) -> dict[str, Repository]:
    """The repositories that the filters leave.

    Raises:
        UsageError: They leave none.
    """
    wanted, unwanted = typed.values("repo"), typed.values("repo", excludes=True)
    for name in (*wanted, *unwanted):
        if name not in there:
            known = ", ".join(list(there)[:8])
            raise UsageError(f"There is no repository {name!r}; there are: {known}.")
    if not (wanted or unwanted):
        return there
    left = {
        name: root
        for name, root in there.items()
        if name not in unwanted and (not wanted or name in wanted)
    }
    if there and not left:
        raise UsageError("The filters leave no repository; take one of them away.")
    return left


def _one(there: VisibleRepositories, name: str) -> tuple[str, Repository]:
    """The repository of a place, and its name where there are several.

    Raises:
        ApiError: There is none of that name.
    """
    if not name and len(there) == 1:
        return "", next(iter(there.values()))
    return name, chosen(there, [name])[name]


def _state_of_file(root: Path, path: str) -> str:
    """Its commit, and whether it is as committed."""
    return commit_of_file(root, path).strip("[]").partition(": ")[2].partition("; read")[0]


def _sent(request: Request, asset: Asset) -> Response:
    headers = {**_HEADERS, "ETag": asset.etag}
    known = {one.strip() for one in request.headers.get("if-none-match", "").split(",")}
    if asset.etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)
