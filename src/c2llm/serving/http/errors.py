"""Every error of the server in one shape: `{"error": {"message", "code", "type"}}`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from c2llm.errors import C2LLMError, NothingToIndexError, UsageError, shortened
from c2llm.printable import printable
from c2llm.serving.open_indexes import BusyError
from c2llm.serving.repositories import by_name

KNOWN = "c2llm.repositories"
"""Where the scope of a request has the repositories of who asks, by name, once these are known."""
_NO_OBJECT = "The body is no JSON object; send one, with the header content-type: application/json."
_FAILED = "The server failed at this; its operator finds the reason in the log."


class CompleteJson(JSONResponse):
    """JSON of whatever there is: names that are no UTF-8 stand in it as escapes."""

    def render(self, content: Any) -> bytes:
        """The bytes of a body."""
        try:
            return super().render(content)
        except UnicodeEncodeError:
            return json.dumps(content, allow_nan=False).encode()


class ApiError(Exception):
    """An answer other than 200.

    Args:
        status: The HTTP status.
        code: A word for programs, such as `queue_full`.
        message: One sentence with the cure.
        headers: What is sent beside it.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


def error_response(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The one shape of an error."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    body = {"error": {"message": shortened(message), "code": code, "type": kind}}
    return CompleteJson(body, status_code=status, headers=headers)


def add_error_handlers(app: FastAPI) -> None:
    """Have an application answer all its errors in that shape."""

    @app.exception_handler(ApiError)
    async def api_error(request: Request, error: ApiError) -> JSONResponse:
        return error_response(error.status, error.code, error.message, error.headers)

    @app.exception_handler(C2LLMError)
    async def own_error(request: Request, error: C2LLMError) -> JSONResponse:
        said = by_name(str(error), request.scope.get(KNOWN, {}))
        if isinstance(error, UsageError):
            return error_response(422, "refused", printable(said))
        if isinstance(error, NothingToIndexError):
            return error_response(422, "no_sources", printable(said))
        # What fails on the disk names places of the server that are no matter of a client's.
        busy = isinstance(error, BusyError)
        told = said if busy or not request.app.state.service.tenants.required else _FAILED
        code, headers = ("busy", {"Retry-After": "2"}) if busy else ("failed", None)
        return error_response(503, code, printable(told), headers)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        parts = [str(part) for part in first.get("loc", ())[1:]]
        where = printable(".".join(parts)[:200])
        told = first.get("msg", "")
        if first.get("type") == "extra_forbidden":
            told = "there is no such field; /openapi.json names those that there are"
        if not parts or first.get("type") == "json_invalid":
            return error_response(422, "malformed", _NO_OBJECT)
        return error_response(422, "malformed", f"{where}: {printable(told)}.")

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        return error_response(error.status_code, "http_error", f"{error.detail}.", error.headers)
