"""The directories that a client has open, asked of it in whichever way its protocol knows."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import anyio
from mcp.server.mcpserver import Context, ListRoots
from mcp.shared.exceptions import MCPError
from mcp_types import ListRootsResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

_PATIENCE_SECONDS = 3.0
_NONE = ListRootsResult(roots=[])


async def client_roots(context: Context[Any, Any]) -> ListRootsResult | ListRoots:
    """What a client names as its roots; nothing where it has none, or where nobody wants to know.

    They are asked for anew with each call: a client that changes them is not bound to say so.
    """
    capabilities = context.client_capabilities
    if not getattr(context.mcp_server, "asks_for_roots", False):
        return _NONE
    if capabilities is None or capabilities.roots is None:
        return _NONE
    if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return ListRoots()
    with warnings.catch_warnings(), anyio.move_on_after(_PATIENCE_SECONDS):
        warnings.simplefilter("ignore")
        try:
            found: ListRootsResult = await context.session.list_roots()
            return found
        except MCPError:  # it says that it can, and cannot
            return _NONE
    return _NONE


def folders_of(found: ListRootsResult) -> list[Path]:
    """The directories of this machine among the roots; other URIs are left out."""
    return [path for root in found.roots if (path := _path(str(root.uri))) is not None]


def _path(uri: str) -> Path | None:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        return None
    # Names with a `#` or a `?` that a client forgot to quote are still part of the path.
    whole = uri.split("://", 1)[1].removeprefix("localhost") if "://" in uri else parts.path
    path = url2pathname(whole) if os.name == "nt" else unquote(whole, errors="surrogateescape")
    return Path(path) if "\0" not in path and Path(path).is_absolute() else None
