"""`/v1/models`: what this server serves."""

from __future__ import annotations

from typing import Annotated

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
