"""What routes of texts share: the model that is asked for, and errors of embedding as answers."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request

from c2llm.printable import printable
from c2llm.serving.http.errors import ApiError
from c2llm.serving.http.inference.disconnect import while_connected
from c2llm.serving.http.service import Service
from c2llm.serving.inference.embedder import Embedded
from c2llm.serving.inference.errors import (
    InferenceError,
    NotReadyError,
    QueueFullError,
    RequestTooLargeError,
    TextFailedError,
)

_STATUS: dict[type[InferenceError], int] = {
    NotReadyError: 503,
    QueueFullError: 429,
    RequestTooLargeError: 413,
    TextFailedError: 422,
}


async def embedded(
    request: Request, service: Service, texts: Sequence[str], *, as_queries: bool = False
) -> Embedded:
    """Vectors of a request's texts, which leave the queue when the client hangs up.

    Raises:
        ApiError: They are not embedded.
    """
    try:
        work = service.embedder.embed(texts, as_queries=as_queries)
        return await while_connected(request, work)
    except InferenceError as error:
        raise as_answer(error) from error


def as_answer(error: InferenceError) -> ApiError:
    """The answer that says why texts were not embedded."""
    status = _STATUS.get(type(error), 503)
    headers = None
    if isinstance(error, QueueFullError):
        headers = {"retry-after": str(int(error.retry_seconds))}
    elif status == 503:
        headers = {"retry-after": "1"}
    return ApiError(status, error.code, str(error), headers)


def require_model(service: Service, asked: str | None) -> None:
    """Raise ApiError for a model that is not the server's.

    Some clients cannot leave it out: an empty name is none.
    """
    name = service.model.name
    if asked and asked not in (name, service.model.asked):
        raise ApiError(
            404,
            "model_not_found",
            f"This server has no model {printable(asked[:80])!r}; it serves {name!r}.",
        )
