"""`/rerank`: texts by their similarity to a query, in the two shapes that clients know.

`texts` is answered as text-embeddings-inference does, with a list of `{index, score}`; `documents`
as Cohere and Jina do, with `results` of `{index, relevance_score}`. The best comes first. The score
is the cosine of the two vectors.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from c2llm.serving.http.errors import ApiError
from c2llm.serving.http.inference.texts import embedded, require_model
from c2llm.serving.http.service import Service, service_of

router = APIRouter(tags=["rerank"])


class Document(BaseModel):
    """A document that is an object."""

    text: str


class RerankRequest(BaseModel):
    """A query, and what is to be put in order."""

    query: str
    texts: list[str] | None = Field(None, min_length=1)
    documents: list[str | Document] | None = Field(None, min_length=1)
    model: str | None = None
    top_n: Annotated[int, Field(strict=True, ge=1)] | None = None
    return_text: bool = Field(False, description="With `texts`: send each text back.")
    return_documents: bool = Field(False, description="With `documents`: send each back.")

    @model_validator(mode="after")
    def _one_of_two(self) -> RerankRequest:
        if (self.texts is None) == (self.documents is None):
            raise PydanticCustomError("rerank", "give either texts or documents")
        return self


class Ranked(BaseModel):
    """One of `texts`."""

    index: int
    score: float
    text: str | None = None


class RankedDocument(BaseModel):
    """One of `documents`."""

    index: int
    relevance_score: float
    document: Document | None = None


class RankedDocuments(BaseModel):
    """The answer to `documents`."""

    model: str
    results: list[RankedDocument]
    usage: dict[str, int]
    truncated: list[int]


@router.post("/rerank", responses={200: {"model": list[Ranked] | RankedDocuments}})
@router.post("/v1/rerank", responses={200: {"model": list[Ranked] | RankedDocuments}})
async def rerank(
    body: RerankRequest, request: Request, service: Annotated[Service, Depends(service_of)]
) -> JSONResponse:
    """Put texts in the order of their similarity to a query."""
    require_model(service, body.model)
    given = body.texts if body.texts is not None else body.documents or []
    texts = [text if isinstance(text, str) else text.text for text in given]
    most = service.embedder.settings.most_texts
    if len(texts) > most:
        found = f"The request has {len(texts):,} texts, and one request may have {most:,}"
        raise ApiError(413, "too_large", f"{found}; send it in parts.")
    query = await embedded(request, service, [body.query], as_queries=True)
    documents = await embedded(request, service, texts)
    scores = documents.vectors @ query.vectors[0]
    best = np.argsort(-scores, kind="stable")[: body.top_n]
    answer: Any
    if body.texts is not None:
        answer = [
            {"index": int(i), "score": float(scores[i])}
            | ({"text": _sendable(texts[i])} if body.return_text else {})
            for i in best
        ]
    else:
        answer = {
            "model": service.model.name,
            "results": [
                {"index": int(i), "relevance_score": float(scores[i])}
                | ({"document": {"text": _sendable(texts[i])}} if body.return_documents else {})
                for i in best
            ],
            "usage": {"total_tokens": query.tokens + documents.tokens},
            "truncated": documents.cut,
        }
    return JSONResponse(answer)


def _sendable(text: str) -> str:
    """A text without halves of characters, which JSON can carry in and UTF-8 cannot carry out."""
    return text.encode("utf-8", "replace").decode()
