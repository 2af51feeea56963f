"""`/health` and `/metrics`: what those who run the server ask."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from c2llm.serving.http.errors import ApiError
from c2llm.serving.http.service import Service, service_of

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The server answers."""

    status: str = "ready"


@router.get("/health")
async def health(service: Annotated[Service, Depends(service_of)]) -> Health:
    """200 if texts are embedded; 503 while the model is loaded, and when it fails."""
    embedder = service.embedder
    if not embedder.healthy:
        said = await run_in_threadpool(embedder.health)
        if said is not None:
            raise ApiError(503, "not_ready", said, {"retry-after": "1"})
    return Health()


@router.get("/metrics", response_class=Response)
async def metrics(service: Annotated[Service, Depends(service_of)]) -> Response:
    """Everything that Prometheus reads."""
    content = await run_in_threadpool(service.metrics.text)
    return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")
