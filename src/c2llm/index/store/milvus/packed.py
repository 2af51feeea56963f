"""Blobs in rows of Milvus: JSON and arrays, compressed, as text that fits a string.

Never `pickle` or `marshal`: who may write to a server need not be who reads from it.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from typing import Any

from lz4.block import LZ4BlockError, compress, decompress

from c2llm.codebase.chunk import Chunk, Part
from c2llm.errors import IndexCorruptError
from c2llm.index.build.cutting import CutChunk, CutFile
from c2llm.index.store.catalog.records import Content, Place

_PIECE = 45_000
"""Bytes of a piece: 60,000 characters in base 64."""
_LARGEST = 1 << 30
"""Bytes of a blob that is believed in."""


def pieces_of(blob: bytes) -> list[str]:
    """A blob as strings of Milvus, one at least."""
    packed = compress(blob)
    packed = zlib.crc32(packed).to_bytes(4, "big") + packed
    return [
        base64.b64encode(packed[start : start + _PIECE]).decode()
        for start in range(0, len(packed), _PIECE)
    ]


def blob_of(pieces: Sequence[str]) -> bytes:
    """The blob.

    Raises:
        IndexCorruptError: A piece is missing or damaged.
    """
    try:
        packed = b"".join(base64.b64decode(piece, validate=True) for piece in pieces)
        checksum, packed = packed[:4], packed[4:]
        if int.from_bytes(checksum, "big") != zlib.crc32(packed) or len(packed) < 4:
            raise ValueError("checksum")
        if int.from_bytes(packed[:4], "little") > _LARGEST:
            raise ValueError("size")
        blob: bytes = decompress(packed)
    except (binascii.Error, LZ4BlockError, ValueError, MemoryError) as error:
        raise damaged() from error
    return blob


def damaged() -> IndexCorruptError:
    """The error about rows that hold what was never written."""
    return IndexCorruptError(
        "A row of the catalog's store is damaged; fill it anew with: c2llm catalog clear NAME, then"
        " c2llm catalog refresh NAME."
    )


def pack_content(content: Content) -> bytes:
    """A content as it waits until a repository has it."""
    cut = content.cut
    chunks = [
        (
            *(one.chunk.start_line, one.chunk.end_line, one.chunk.kind, one.chunk.symbol),
            *(one.chunk.scope, one.chunk.signature, one.chunk.definitions, one.chunk.text),
            *(one.chunk.parts, one.embedded_hash.hex(), one.lexicon),
        )
        for one in cut.chunks
    ]
    facts = (content.key.hex(), *content.first, cut.path, cut.language, cut.digest.hex())
    # In ASCII, so that bytes of a path that are no UTF-8 come back as they were.
    return json.dumps([*facts, cut.imports, chunks], separators=(",", ":")).encode()


def unpack_content(blob: bytes) -> Content:
    """The content that was packed.

    Raises:
        IndexCorruptError: It is none.
    """
    try:
        key, repository, first, path, language, digest, imports, chunks = json.loads(blob)
        cuts = tuple(_cut_chunk(path, language, row) for row in chunks)
        cut = CutFile(path, language, bytes.fromhex(digest), cuts, imports=tuple(imports))
        return Content(bytes.fromhex(key), Place(repository, first), cut)
    except (ValueError, TypeError, RecursionError) as error:
        raise damaged() from error


def _cut_chunk(path: str, language: str, row: Sequence[Any]) -> CutChunk:
    start, end, kind, symbol, scope, signature, definitions, text, parts, hashed, lexicon = row
    chunk = Chunk(
        path,
        int(start),
        int(end),
        language,
        kind,
        symbol,
        scope,
        signature,
        tuple(definitions),
        text,
        tuple(map(Part._make, parts)),
    )
    path_words, symbol_words, body = lexicon
    return CutChunk(chunk, bytes.fromhex(hashed), (path_words, symbol_words, body))
