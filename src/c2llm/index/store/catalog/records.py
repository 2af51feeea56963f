"""What the store of a catalog gives and takes: contents, and the places that have them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from c2llm.index.build.cutting import CutFile

KEY_BYTES = 16


class Place(NamedTuple):
    """Where a content is."""

    repository: str
    """Its name in the catalog, such as `acme/api`."""
    path: str
    """Relative to the root of the repository, with `/`."""

    @property
    def whole(self) -> str:
        """`repository/path`, or the path alone where the repository has no name."""
        return f"{self.repository}/{self.path}" if self.repository else self.path


@dataclass(frozen=True, slots=True)
class RepositoryState:
    """A repository as the store holds it."""

    name: str
    revision: str
    """What its files were read from: the hash of a commit, or for files on disk of their list."""
    files: int
    """Places that have a content."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes, cut: what is kept once for all the places that have it."""

    key: bytes
    """`content_key` of it."""
    first: Place
    """The place that it was read from. Its path is in the words and the header of its chunks."""
    cut: CutFile
    """Its path is `first.path`."""


def content_key(blob: str, language: str) -> bytes:
    """What a content is known by before it is read, `KEY_BYTES` long.

    Args:
        blob: The name that git has for the bytes, in hexadecimal.
        language: What the name of the file makes of them: the same bytes may be two things.
    """
    return hashlib.blake2b(f"{blob}\0{language}".encode(), digest_size=KEY_BYTES).digest()
