"""`/repositories` and `/file`: what is searched, and the files that answers are from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from c2llm.codebase.languages import detect_language
from c2llm.errors import NothingToIndexError
from c2llm.serving.file_lines import Lines, read_lines
from c2llm.serving.http.access import asker, chosen, directory, visible, visible_to
from c2llm.serving.http.errors import ApiError
from c2llm.serving.http.service import Service, service_of
from c2llm.serving.kept import Kept, Repository
from c2llm.serving.tenants import Tenant

router = APIRouter(tags=["repositories"])

Json = dict[str, Any]
Asker = Annotated[Tenant, Depends(asker)]
Visible = Annotated[dict[str, Repository], Depends(visible)]
Server = Annotated[Service, Depends(service_of)]


class Added(BaseModel):
    """A repository to answer from."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(description="A directory below a root of the server.")


class Named(BaseModel):
    """A repository that is there."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="As GET /repositories names it.")


class FileLines(BaseModel):
    """Lines of a file."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(description="Below the repository, as answers have it.")
    repository: str | None = Field(None, description="Its name; the only one where there is one.")
    start_line: int = Field(1, description="From 1.")
    end_line: int | None = Field(None, description="Inclusive; as many as there are.")


@router.get("/repositories")
async def repositories(request: Request, service: Server, there: Visible) -> Json:
    """Every repository that you may search, and the state of its index."""

    def work() -> list[Json]:
        return [described(service, name, root) for name, root in there.items()]

    return {"repositories": await service.workers.run(request, work)}


@router.post("/repositories", status_code=201)
async def add(request: Request, wanted: Added, service: Server, tenant: Asker) -> Json:
    """Answer from a directory below a root of the server, which is indexed now."""
    _require_management(tenant)

    def work() -> Json:
        before = service.repositories.all()
        root = service.repositories.add(wanted.path)
        try:
            name = _name_of(visible_to(service, tenant), root)
            _refresh(service, name, root)
        except (ApiError, NothingToIndexError) as error:
            if root not in before:
                service.repositories.remove(root)
            if isinstance(error, ApiError):
                raise
            raise ApiError(
                422, "no_sources", f"{wanted.path!r} holds no sources; add one that does."
            ) from error
        return described(service, name, root)

    return await service.workers.run(request, work)


@router.post("/repositories/refresh")
async def refresh(request: Request, wanted: Named, service: Server, there: Visible) -> Json:
    """Bring the index of a repository up to date; a search does so, too."""
    [(name, root)] = chosen(there, [wanted.name]).items()

    folder = directory(root)

    def work() -> Json:
        _refresh(service, name, folder)
        return described(service, name, root)

    return await service.workers.run(request, work)


@router.delete("/repositories", status_code=200)
async def remove(
    wanted: Annotated[Named, Query()], service: Server, tenant: Asker, there: Visible
) -> Json:
    """Answer from an added repository no more; nothing of it is deleted."""
    _require_management(tenant)
    [(name, root)] = chosen(there, [wanted.name]).items()
    service.repositories.remove(directory(root))
    return {"removed": name}


@router.get("/file")
async def file(
    request: Request, wanted: Annotated[FileLines, Query()], service: Server, there: Visible
) -> Json:
    """Lines of a file as it is on the disk; what may hold secrets is refused."""
    if wanted.repository is None and len(there) > 1:
        raise ApiError(422, "refused", "Say in `repository` whose file it is.")
    names = [wanted.repository] if wanted.repository is not None else None
    name, root = next(iter(chosen(there, names).items()), ("", None))
    if root is None:
        raise ApiError(404, "no_repository", "There is no repository yet; add one.")

    def work() -> Json:
        found = lines_of(service, root, wanted.path, wanted.start_line, wanted.end_line)
        beginning = "\n".join(found.lines[:20])[:512].encode(errors="replace")
        return {
            "repository": name,
            "path": wanted.path,
            "language": detect_language(wanted.path, beginning),
            "start_line": found.start,
            "end_line": found.end,
            "of": found.of,
            "lines": list(found.lines),
        }

    return await service.workers.run(request, work)


def _require_management(tenant: Tenant) -> None:
    if not tenant.manages:
        raise ApiError(
            403, "may_not", "Your key searches only; one made with --manages adds and removes."
        )


def _name_of(there: dict[str, Repository], root: Path) -> str:
    """What whoever added a repository calls it.

    Raises:
        ApiError: It is none of those that its key may see.
    """
    name = next((name for name, folder in there.items() if folder == root), None)
    if name is None:
        raise ApiError(403, "may_not", "Your key may not see what you add; have one that may.")
    return name


def _refresh(service: Service, name: str, root: Path) -> None:
    """Read what changed; the files of a large tree are read by a process of their own."""
    from c2llm.index.build import background_reading

    with service.indexes.lent([root], seconds=8.0, names=[name]) as (indexes, _):
        for index in indexes:
            background_reading.start(index)


def lines_of(
    service: Service, repository: Repository, path: str, start: int = 1, end: int | None = None
) -> Lines:
    """Lines of a file: as it is on the disk, or as a catalog keeps it.

    Raises:
        UsageError: It cannot be read, or may not be.
    """
    if isinstance(repository, Kept):
        return service.catalogs.lines(repository, path, start, end)
    return read_lines(repository, path, start, end)


def described(service: Service, name: str, root: Repository) -> Json:
    """What is indexed of a repository, from its index alone: the tree is not looked at."""
    if isinstance(root, Kept):
        told = service.catalogs.described(root)
        indexed = bool(told["commit"])
        return {"name": name, "indexed": indexed, "embedded": 0, **told, "reading": None}
    from c2llm.index.build.index_status import read_counts

    reading = {"reading": service.indexes.reading(root)}
    found = read_counts(root, service.indexes.model)
    if found is None:
        empty = {"files": 0, "chunks": 0, "embedded": 0, "languages": {}}
        return {"name": name, "indexed": False, **empty, **reading}
    counts, languages = found
    return {"name": name, "indexed": True, **asdict(counts), "languages": languages, **reading}
