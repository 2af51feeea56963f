"""`/v1/embeddings`, as the official `openai` client and those built on it send it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends, Request, Response
from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from starlette.concurrency import run_in_threadpool

from c2llm.serving.http.errors import ApiError
from c2llm.serving.http.inference.texts import embedded, require_model
from c2llm.serving.http.service import Service, service_of
from c2llm.serving.inference.embedder import Embedded, Vectors

router = APIRouter(tags=["embeddings"])

TRUNCATED_HEADER = "x-c2llm-truncated"
"""How many texts were cut; left out where none was."""
_MANY = 64
"""Vectors that are written as JSON in another thread, so that others are answered meanwhile."""


def _texts(given: Any) -> Any:
    """An input as a list of texts; token ids are refused with what their sender can do."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        raise PydanticCustomError("input", "give a string or a list of at least one string")
    first = texts[0]
    if isinstance(first, (int, list)) and not isinstance(first, bool):
        raise PydanticCustomError(
            "input",
            "this server takes texts, not token ids, which are of another model's tokenizer; have "
            "the client send strings (LangChain: OpenAIEmbeddings(check_embedding_ctx_length="
            "False))",
        )
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise PydanticCustomError(
                "input", f"entry {position} is no string; give a string or a list of strings"
            )
    return texts


Texts = Annotated[
    Any,
    AfterValidator(_texts),
    WithJsonSchema(
        {
            "title": "Input",
            "description": "What to embed: a text, or a list of texts.",
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ],
        }
    ),
]


class EmbeddingRequest(BaseModel):
    """What is to be embedded."""

    input: Texts
    model: str | None = Field(None, description="The name that /v1/models tells, or none.")
    dimensions: Annotated[int, Field(strict=True, ge=1)] | None = Field(
        None, description="Length of the vectors, if the model was trained for shorter ones."
    )
    encoding_format: Literal["float", "base64"] | None = Field(
        None, description="base64 is that of little-endian float32; float, the default, is JSON."
    )
    input_type: Literal["document", "query"] = Field(
        "document", description="Which prompt of the model goes in front of each text."
    )
    user: str | None = Field(None, description="Accepted for clients that send it, and not used.")


class EmbeddingItem(BaseModel):
    """One vector."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    """Tokens that the model read."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(BaseModel):
    """The vectors, in the order of the texts."""

    object: Literal["list"]
    data: list[EmbeddingItem]
    model: str
    usage: Usage
    truncated: list[int] = Field(
        description="Positions of the texts of which the model read only the beginning."
    )


@router.post(
    "/v1/embeddings",
    responses={200: {"model": EmbeddingList}},
    response_class=Response,
    summary="Embed texts",
)
async def create_embeddings(
    body: EmbeddingRequest, request: Request, service: Annotated[Service, Depends(service_of)]
) -> Response:
    """Vectors of unit length, whose dot product is the similarity."""
    require_model(service, body.model)
    dimensions = _known_length(service, body.dimensions)
    done = await embedded(request, service, body.input, as_queries=body.input_type == "query")
    name, in_base64 = service.model.name, body.encoding_format == "base64"
    if len(body.input) > _MANY:
        content = await run_in_threadpool(_content, done, name, dimensions, in_base64)
    else:
        content = _content(done, name, dimensions, in_base64)
    headers = {TRUNCATED_HEADER: str(len(done.cut))} if done.cut else None
    return Response(content, media_type="application/json", headers=headers)


def _known_length(service: Service, asked: int | None) -> int:
    lengths = service.model.dimensions
    if asked is None or asked in lengths:
        return asked or lengths[-1]
    if len(lengths) == 1:
        known = (
            f"{service.model.name} was not trained for shorter vectors; leave it out, for "
            f"{lengths[-1]}"
        )
    else:
        known = f"{service.model.name} has {', '.join(map(str, lengths))}"
    asked_for = str(asked) if asked < 10**9 else "more than a billion"
    raise ApiError(422, "unknown_dimensions", f"dimensions is {asked_for}; {known}.")


def shortened(vectors: Vectors, dimensions: int) -> Vectors:
    """The first numbers of each row, at unit length again."""
    if vectors.shape[1] == dimensions:
        return vectors
    kept = vectors[:, :dimensions]
    lengths = np.maximum(np.linalg.norm(kept, axis=1, keepdims=True), np.float32(1e-12))
    short: Vectors = (kept / lengths).astype(np.float32)
    return short


def _content(done: Embedded, model: str, dimensions: int, in_base64: bool) -> bytes:
    """The answer as JSON, written here: most of its time would go into numbers.

    Nine digits give each float32 back exactly, in two thirds of the bytes of `json.dumps`, which
    writes doubles, and in a third of its time.
    """
    vectors = shortened(done.vectors, dimensions)
    rows: Iterable[str]
    if in_base64:
        packed = (base64.b64encode(row.astype("<f4").tobytes()).decode() for row in vectors)
        rows = (f'"{row}"' for row in packed)
    else:
        numbers = "[" + ",".join(["%.9g"] * vectors.shape[1]) + "]"
        rows = (numbers % tuple(row) for row in vectors.tolist())
    data = ",".join(
        f'{{"object":"embedding","index":{index},"embedding":{row}}}'
        for index, row in enumerate(rows)
    )
    rest = {
        "model": model,
        "usage": {"prompt_tokens": done.tokens, "total_tokens": done.tokens},
        "truncated": done.cut,
    }
    return f'{{"object":"list","data":[{data}],{json.dumps(rest)[1:]}'.encode("utf-8", "replace")
