"""Whose request it is, and which repositories there are for whoever asks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from c2llm.search.answering import labels
from c2llm.serving.http.errors import KNOWN, ApiError
from c2llm.serving.http.service import Service, service_of
from c2llm.serving.kept import Kept, Repository, VisibleRepositories, named_kept
from c2llm.serving.repositories import named
from c2llm.serving.tenants import Tenant

TENANT = "c2llm.tenant"
"""Where the guard of the server leaves it in the scope of a request."""


async def asker(request: Request) -> Tenant:
    """Who asks; a dependency of every route that tells something of a tenant.

    Raises:
        ApiError: 401 without a key that is good.
    """
    tenant = request.scope.get(TENANT)
    if tenant is None:
        raise no_key()
    assert isinstance(tenant, Tenant)
    return tenant


def no_key() -> ApiError:
    """The refusal of who has no key or a wrong one."""
    return ApiError(
        401,
        "key_required",
        "Send a key of this server as a bearer token (Authorization: Bearer KEY).",
        {"WWW-Authenticate": "Bearer"},
    )


async def visible(
    request: Request,
    service: Annotated[Service, Depends(service_of)],
    tenant: Annotated[Tenant, Depends(asker)],
) -> VisibleRepositories:
    """The repositories that there are for who asks, by their names; a dependency of routes.

    The names are told apart among these alone, so that they tell nothing of others.
    """
    there = visible_to(service, tenant)
    request.scope[KNOWN] = there
    return there


def visible_to(service: Service, tenant: Tenant) -> VisibleRepositories:
    """The repositories that there are for a tenant, by their names."""
    folders = service.repositories.all()
    found = VisibleRepositories(named(tenant.visible(folders, labels(folders))))
    found.update(named_kept(tenant.visible_kept(service.catalogs.all()), list(found)))
    found.everything = tenant.repositories is None
    return found


def chosen(repositories: dict[str, Repository], names: list[str] | None) -> dict[str, Repository]:
    """Those of the repositories that a request names; all where it names none.

    Raises:
        ApiError: 404 for a name that is none; whether others have one of that name is not told.
    """
    if not names:
        return repositories
    for name in names:
        if name not in repositories:
            raise ApiError(
                404, "no_repository", f"There is no repository {name!r}; GET /repositories has all."
            )
    return {name: repositories[name] for name in dict.fromkeys(names)}


def directory(repository: Repository) -> Path:
    """The directory of a repository.

    Raises:
        ApiError: 409 where a catalog keeps it: there is none then.
    """
    if isinstance(repository, Kept):
        raise ApiError(
            409,
            "kept",
            "This repository is kept by a catalog, which the operator of the server refreshes; "
            "here it can only be searched and read.",
        )
    return repository
