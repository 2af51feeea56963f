"""Numbers that names have in Milvus: nothing that a repository spells is part of an expression.

They are hashes, so that whoever writes a thing again writes the same row, whenever and wherever.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

_LARGEST_DIMENSION = 2**32 - 2
_NAMES = "\0"
"""What the dimension of a definition's name is hashed with; no term of text has it."""


def number(*parts: str | bytes | int) -> int:
    """A number of 63 bits, from 1.

    Of ten million things, two have the same one with a probability of 5 in a million.
    """
    packed = b"\0".join(
        part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogateescape")
        for part in parts
    )
    digest = hashlib.blake2b(packed, digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 1) or 1


def content_number(key: bytes) -> int:
    """The id of a content, which its file has in answers."""
    return number("content", key)


def chunk_number(key: bytes, ordinal: int) -> int:
    """The id of a chunk: which one of which content."""
    return number("chunk", key, ordinal)


def vector_number(embedded_hash: bytes) -> int:
    """The id of a vector: of what was embedded."""
    return number("embedded", embedded_hash)


@lru_cache(maxsize=1 << 18)
def dimension(term: str) -> int:
    """The dimension of a term in sparse vectors, from 1.

    Of 500,000 terms some 60 share theirs with another: such a term finds candidates too many, and
    is counted as if it were the other too.
    """
    digest = hashlib.blake2b(term.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "big") % _LARGEST_DIMENSION


def name_dimension(name: str) -> int:
    """The dimension of a name that a chunk defines, beside those of its terms."""
    return dimension(_NAMES + name)
