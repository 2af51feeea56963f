"""Who may ask a server over HTTP: programs of this machine, or who has the key.

A page in a browser can send requests to a server on the same machine. It cannot choose the headers
`Host` and `Origin`, by which it is told apart, nor does it know a key.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import stat
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from c2llm.errors import UsageError

KEY_VARIABLE = "C2LLM_SERVE_KEY"
LEAST_KEY_CHARACTERS = 16

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


_MOST_KEY_BYTES = 4_096
"""Of a file that holds one; what has more, as a device, holds something else."""


def key_of(file: Path | None) -> str | None:
    """The key that clients have to know, from a file or the environment; None where there is none.

    It is taken out of the environment, which child processes inherit.

    Raises:
        UsageError: It cannot be read, others can read it, or it is too short or no plain text.
    """
    told = os.environ.pop(KEY_VARIABLE, None)
    if file is not None:
        try:
            if os.name == "posix" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise UsageError(f"{file} can be read by others: chmod 600 {file}")
            with file.open("rb") as stream:
                told = stream.read(_MOST_KEY_BYTES).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read as a key ({error}).") from error
    if told is None:
        return None
    key = told.strip()
    if len(key) < LEAST_KEY_CHARACTERS or not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(
            f"A key has at least {LEAST_KEY_CHARACTERS} letters, digits and signs of ASCII, in one "
            "word; make one: python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return key


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone; a name is taken not to be."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def hosts(bound: str, port: int, names: tuple[str, ...]) -> list[str]:
    """What the header `Host` may say: this machine, the address, and names that are given."""
    known = ["127.0.0.1", "localhost", "[::1]", *names]
    if bound not in ("0.0.0.0", "::", ""):
        known.append(f"[{bound}]" if ":" in bound else bound)
    found = [name for host in known for name in (host, f"{host}:{port}")]
    return list(dict.fromkeys(name.lower() for name in found))


def requiring_key(application: Application, key: str) -> Application:
    """An application that answers those alone who send the key as a bearer token."""
    expected = f"Bearer {key}".encode()

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await application(scope, receive, send)
            return
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        given = sent[0] if len(sent) == 1 else b""
        scheme, _, word = given.partition(b" ")
        normal = b"Bearer " + word.strip() if scheme.lower() == b"bearer" else b""
        if hmac.compare_digest(normal, expected):
            await application(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = [(b"content-type", b"text/plain"), (b"www-authenticate", b"Bearer")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b"Send the key of this server.\n"})

    return guarded
