"""The application: every route of the server, each group in a file of its own."""

from __future__ import annotations

from fastapi import FastAPI

from c2llm import __version__
from c2llm.serving.http import info_routes, repository_routes, search_routes
from c2llm.serving.http.errors import CompleteJson, add_error_handlers
from c2llm.serving.http.guard import Guard, GuardSettings, Log
from c2llm.serving.http.service import Service


def create_app(
    service: Service, guard: GuardSettings | None = None, log: Log | None = None
) -> FastAPI:
    """An application that answers for a service.

    Args:
        service: What answers.
        guard: Which hosts, origins and sizes are let through; any host unless told.
        log: Called with each request when it has been answered.
    """
    app = FastAPI(
        title="c2llm",
        version=__version__,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        default_response_class=CompleteJson,
    )
    app.state.service = service
    add_error_handlers(app)
    app.include_router(info_routes.router)
    app.include_router(search_routes.router)
    app.include_router(repository_routes.router)
    app.add_middleware(Guard, tenants=service.tenants, settings=guard, log=log)
    return app
