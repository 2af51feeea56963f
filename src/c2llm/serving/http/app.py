"""The application: every route of the server, each group in a file of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from c2llm import __version__
from c2llm.serving.http import (
    info_routes,
    operations,
    page,
    repository_routes,
    search_routes,
)
from c2llm.serving.http.errors import CompleteJson, add_error_handlers
from c2llm.serving.http.guard import Guard, GuardSettings, Log
from c2llm.serving.http.inference import embeddings, models, rerank
from c2llm.serving.http.inference.limits import InferenceLimit
from c2llm.serving.http.metrics import RequestMetrics
from c2llm.serving.http.service import Service

# Routes are tried in turn: those of the most requests come first.
_ROUTERS = (
    embeddings.router,
    search_routes.router,
    page.router,
    rerank.router,
    models.router,
    operations.router,
    info_routes.router,
    repository_routes.router,
)


def create_app(
    service: Service, guard: GuardSettings | None = None, log: Log | None = None
) -> FastAPI:
    """An application that answers for a service.

    Args:
        service: What answers.
        guard: Which hosts, origins and sizes are let through; any host unless told.
        log: Called with each request when it has been answered.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.embedder.start()
        yield
        await run_in_threadpool(service.embedder.stop)

    app = FastAPI(
        title="c2llm",
        version=__version__,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        default_response_class=CompleteJson,
        lifespan=lifespan,
    )
    app.state.service = service
    add_error_handlers(app)
    for router in _ROUTERS:
        app.include_router(router)
    for router in _ROUTERS:
        _answer_head(app, router)
    # What is added last stands in front: who may not ask is refused before its body is read.
    app.add_middleware(
        InferenceLimit,
        most=service.settings.inference.most_requests,
        refused=service.metrics.refused,
    )
    app.add_middleware(Guard, tenants=service.tenants, settings=guard, log=log)
    app.add_middleware(RequestMetrics, metrics=service.metrics)
    return app


def _answer_head(app: FastAPI, router: APIRouter) -> None:
    """Take HEAD wherever a router takes GET; the server sends no body then."""
    for route in router.routes:
        if isinstance(route, APIRoute) and route.methods == {"GET"}:
            app.add_api_route(
                route.path,
                route.endpoint,
                methods=["HEAD"],
                response_class=route.response_class,
                include_in_schema=False,
            )
