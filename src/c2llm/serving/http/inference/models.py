"""`/v1/models`, and what else is told of the model that a server serves."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from c2llm.serving.http.errors import ApiError
from c2llm.serving.http.service import Service, service_of

router = APIRouter(tags=["models"])


class Model(BaseModel):
    """A model, as the official client lists it."""

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = "c2llm"


class ModelList(BaseModel):
    """The models of a server: one."""

    object: str = "list"
    data: list[Model]


@router.get("/v1/models")
async def list_models(service: Annotated[Service, Depends(service_of)]) -> ModelList:
    """The model of this server."""
    return ModelList(data=[Model(id=service.model.name)])


@router.get("/v1/models/{model:path}")
async def show_model(model: str, service: Annotated[Service, Depends(service_of)]) -> Model:
    """One model."""
    if model != service.model.name:
        name = service.model.name
        raise ApiError(404, "model_not_found", f"There is no such model; it serves {name!r}.")
    return Model(id=model)


def embedding_facts(service: Service) -> dict[str, Any]:
    """What a client may want to know of the model and its limits before it sends texts."""
    served, limits = service.model, service.embedder.settings
    return {
        "model": served.name,
        "engine": served.folder.engine,
        "device": served.device,
        "pooling": served.folder.pooling,
        "dimensions": list(served.dimensions),
        "max_tokens": served.folder.max_tokens,
        "query_prompt": served.folder.query_prompt,
        "document_prompt": served.folder.document_prompt,
        "limits": {
            "texts": limits.most_texts,
            "tokens": limits.most_tokens,
            "requests": limits.most_requests,
            "queue_seconds": limits.queue_seconds,
        },
    }
