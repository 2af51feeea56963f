"""What stands before every route: who may ask at all, how much may be sent, and the log.

A request is refused before its body is read, where it can be told by then. What is not named in
`PUBLIC` needs a key where keys are needed, so that a new route is closed until somebody opens it.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from c2llm.errors import C2LLMError
from c2llm.serving.http.access import TENANT, no_key
from c2llm.serving.http.errors import ApiError, error_response
from c2llm.serving.tenants import LOCAL, Tenant, Tenants, TooManyError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Log = Callable[[dict[str, Any]], None]

PUBLIC = frozenset({"/", "/health", "/docs", "/openapi.json", "/favicon.ico"})
"""Paths that tell nothing of anybody, and are there without a key."""
MANAGED = frozenset({"/metrics"})
"""Paths that tell of all tenants together, and are there for a key that manages."""
PUBLIC_FOLDERS = ("/assets/",)
REQUEST_ID = "c2llm.request"
"""Where the id of a request is in its scope."""
QUERY = "c2llm.query"
"""Where a route leaves what was asked, for a log that may have it."""
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BODY_SECONDS = 30.0
"""In which a body has to be here, whole."""
_DRAIN_SECONDS = 2.0
_MOST_DRAINED = 4
"""So many times the largest body is read of one that is refused."""
_ENDING = {"Retry-After": "5", "Connection": "close"}
_MOST_HELD_BYTES = 64_000_000
"""Of the bodies of all requests that are being read."""


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """What is let through."""

    names: tuple[str, ...] | None = None
    """What `Host` may say, without ports; None to take any."""
    origins: tuple[str, ...] = ()
    """Names that a page's `Origin` may have beside the `Host` that it asks."""
    most_bytes: int = 8_000_000
    """Of one body."""
    log_queries: bool = False
    """Whether the log may have what was asked."""


class Guard:
    """An application behind the checks; see the module.

    Args:
        application: What answers.
        tenants: Who is there.
        settings: What is let through.
        log: Called with each request when it has been answered.
    """

    def __init__(
        self,
        application: Application,
        tenants: Tenants,
        settings: GuardSettings | None = None,
        log: Log | None = None,
    ) -> None:
        self._application = application
        self._tenants = tenants
        self._settings = settings or GuardSettings()
        self._log = log
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._application(scope, receive, send)
            return
        await _Exchange(self, scope, receive, send).run()


class _Exchange:
    """One request on its way in, and the answer on its way out."""

    def __init__(self, guard: Guard, scope: Scope, receive: Receive, send: Send) -> None:
        self._guard = guard
        self._scope = scope
        self._inner_receive = receive
        self._inner_send = send
        self._status = 0
        self._sent = 0
        self._read = 0
        self._read_whole = False
        self._broken: ApiError | None = None
        self._deadline = 0.0
        self._begun = time.perf_counter()
        given = self._header(b"x-request-id")
        known = given is not None and _GIVEN_ID.fullmatch(given) is not None
        self._id = given if known and given is not None else secrets.token_hex(8)
        scope[REQUEST_ID] = self._id

    async def run(self) -> None:
        failure: BaseException | None = None
        try:
            await self._answer()
        except asyncio.CancelledError as error:
            failure = error
            if not self._status:
                self._read_whole = True  # there is no time for more of it
                await self._refuse(
                    ApiError(503, "ending", "The server is ending; ask again soon.", _ENDING)
                )
            raise
        except Exception as error:
            failure = error
            if not self._status:
                await self._refuse(
                    ApiError(500, "internal", "The server failed at this; its log says how.")
                )
        finally:
            self._guard._held -= self._read
            self._tell(failure)

    async def _answer(self) -> None:
        try:
            self._check_origin()
            self._identify()
            length = self._header(b"content-length")
            if (
                length is not None
                and length.isdecimal()
                and (len(length) > 12 or int(length) > self._guard._settings.most_bytes)
            ):
                raise self._too_large()
        except ApiError as error:
            await self._refuse(error)
            return
        except TooManyError as error:
            seconds = str(max(1, round(error.seconds)))
            await self._refuse(ApiError(429, "rate", str(error), {"Retry-After": seconds}))
            return
        except C2LLMError:
            self._scope.pop(TENANT, None)
            await self._refuse(
                ApiError(503, "keys", "The keys of this server cannot be read; tell its operator.")
            )
            return
        self._deadline = time.monotonic() + _BODY_SECONDS
        try:
            await self._guard._application(self._scope, self._receive, self._answer_with)
        except ApiError as error:  # raised while the body was read
            if self._status:
                raise
            await self._refuse(error)

    def _check_origin(self) -> None:
        """Refuse what a browser sends for a page of somebody else."""
        settings = self._guard._settings
        hosts = [value for name, value in self._scope["headers"] if name == b"host"]
        host = hosts[0].decode("latin-1").lower() if len(hosts) == 1 else ""
        if settings.names is not None and _name(host) not in settings.names:
            raise ApiError(
                421,
                "host",
                "This server is not called so; start it with --allow-host NAME for other names.",
            )
        origin = self._header(b"origin")
        if origin is not None:
            netloc = _netloc(origin)
            if not netloc or (netloc != host and _name(netloc) not in settings.origins):
                raise ApiError(403, "origin", "Pages of other sites may not ask this server.")
        navigates = self._header(b"sec-fetch-mode") == "navigate"
        if self._header(b"sec-fetch-site") == "cross-site" and not navigates:
            raise ApiError(403, "origin", "Pages of other sites may not ask this server.")

    def _identify(self) -> None:
        """Find out who asks, and count it."""
        tenants = self._guard._tenants
        if not tenants.required:
            self._scope[TENANT] = LOCAL
            return
        key = self._key()
        tenant = tenants.of_key(key) if key is not None else None
        if tenant is not None:
            self._scope[TENANT] = tenant
            tenants.admit(tenant)
            if self._scope["path"] in MANAGED and not tenant.manages:
                raise ApiError(403, "may_not", "This tells of everybody; a key with --manages may.")
            return
        path = self._scope["path"]
        if key is not None or not (path in PUBLIC or path.startswith(PUBLIC_FOLDERS)):
            raise no_key()

    def _key(self) -> str | None:
        """The key that was sent; "" for what is none."""
        sent = [value for name, value in self._scope["headers"] if name == b"authorization"]
        if not sent:
            return None
        scheme, _, word = sent[0].partition(b" ")
        right = len(sent) == 1 and scheme.lower() == b"bearer"
        return word.strip().decode("latin-1") if right else ""

    async def _receive(self) -> Message:
        try:
            return await self._next_part()
        except ApiError as error:
            self._broken = error
            raise

    async def _next_part(self) -> Message:
        if self._read_whole:
            return await self._inner_receive()
        try:
            async with asyncio.timeout(max(0.0, self._deadline - time.monotonic())):
                message = await self._inner_receive()
        except TimeoutError as error:
            raise ApiError(
                408, "slow", f"The body was not here within {_BODY_SECONDS:.0f} seconds."
            ) from error
        if message["type"] != "http.request":
            return message
        more = len(message.get("body", b""))
        self._read += more
        self._guard._held += more
        if self._read > self._guard._settings.most_bytes:
            raise self._too_large()
        if self._guard._held > _MOST_HELD_BYTES:
            raise ApiError(
                429, "queue_full", "Too much is being sent; ask again.", {"Retry-After": "1"}
            )
        self._read_whole = not message.get("more_body", False)
        return message

    async def _answer_with(self, message: Message) -> None:
        """Send what the application answers, unless its request has come to grief before.

        FastAPI answers that as a body that cannot be parsed.
        """
        if self._broken is None:
            await self._send(message)
        elif not self._status:
            await self._refuse(self._broken)

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._drain()
            self._status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *self._extra()]}
        else:
            self._sent += len(message.get("body", b""))
        await self._inner_send(message)

    def _extra(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"x-request-id", self._id.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-resource-policy", b"same-origin"),
        ]

    async def _refuse(self, error: ApiError) -> None:
        headers = dict(error.headers or {})
        if not self._read_whole:
            headers["Connection"] = "close"  # what is still to come then is not read
        response = error_response(error.status, error.code, error.message, headers)
        await response(self._scope, self._inner_receive, self._send)

    async def _drain(self) -> None:
        """Let go of a body by the piece: who is still sending would not see what is answered."""
        if self._read_whole or self._header(b"expect") is not None:
            return  # the latter waits to be asked for its body
        if self._header(b"content-length") is None and self._header(b"transfer-encoding") is None:
            return
        left = _MOST_DRAINED * self._guard._settings.most_bytes
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while left > 0:
                    message = await self._inner_receive()
                    left -= len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body"):
                        return

    def _too_large(self) -> ApiError:
        most = self._guard._settings.most_bytes
        return ApiError(413, "too_large", f"A body has at most {most:,} bytes; send it in parts.")

    def _header(self, name: bytes) -> str | None:
        for key, value in self._scope["headers"]:
            if key == name:
                return str(value.decode("latin-1"))
        return None

    def _tell(self, failure: BaseException | None) -> None:
        if self._guard._log is None:
            return
        tenant = self._scope.get(TENANT)
        told = {
            "event": "request",
            "id": self._id,
            "method": self._scope["method"],
            "path": self._scope["path"],
            "status": self._status,
            "ms": round((time.perf_counter() - self._begun) * 1000, 1),
            "bytes": self._sent,
            "tenant": tenant.name if isinstance(tenant, Tenant) else None,
        }
        if self._guard._settings.log_queries and self._scope.get(QUERY) is not None:
            told["query"] = self._scope[QUERY]
        if failure is not None and not isinstance(failure, asyncio.CancelledError):
            told["failure"] = failure
        self._guard._log(told)


def _name(host: str) -> str:
    """The name in a `Host`, without the port; "" for what is none."""
    if host.startswith("["):
        name, bracket, port = host.partition("]")
        return name + bracket if bracket and (not port or port[0] == ":") else ""
    name, _, port = host.partition(":")
    return name if not port or port.isdecimal() else ""


def _netloc(origin: str) -> str:
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return ""
    return parts.netloc if parts.scheme in ("http", "https") and "@" not in parts.netloc else ""
