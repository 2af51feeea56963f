"""The application: every route of the server, each group in a file of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from c2llm import __version__
from c2llm.serving.http import embeddings, models, operations, rerank
from c2llm.serving.http.errors import add_error_handlers
from c2llm.serving.http.limits import InferenceLimit
from c2llm.serving.http.metrics import RequestMetrics
from c2llm.serving.http.service import Service


def create_app(service: Service) -> FastAPI:
    """An application that answers for a service."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.embedder.start()
        yield
        await run_in_threadpool(service.embedder.stop)

    app = FastAPI(title="c2llm", version=__version__, lifespan=lifespan)
    app.state.service = service
    add_error_handlers(app)
    app.add_middleware(
        InferenceLimit,
        most=service.settings.inference.most_requests,
        refused=service.metrics.refused,
    )
    app.add_middleware(RequestMetrics, metrics=service.metrics)
    app.include_router(operations.router)
    app.include_router(models.router)
    app.include_router(embeddings.router)
    app.include_router(rerank.router)
    return app
