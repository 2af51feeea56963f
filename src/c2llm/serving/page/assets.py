"""The files of the page, as they are sent: read once, and named by what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parent / "assets"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page."""

    content: bytes
    media_type: str
    etag: str


@cache
def assets() -> dict[str, Asset]:
    """All of them by name; what is asked for is looked up here and never on the disk."""
    return {
        path.name: Asset(content, _TYPES[path.suffix], f'"{sha256(content).hexdigest()[:32]}"')
        for path in sorted(FOLDER.iterdir())
        if path.suffix in _TYPES
        for content in (path.read_bytes(),)
    }
