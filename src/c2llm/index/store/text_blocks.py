"""Texts of chunks as they are kept: those of neighbours in a file together, compressed.

Alone a chunk is too short to be compressed well, and a file may be too long to be unpacked for one
chunk: a block is a run of a file's chunks of some tens of kilobytes. Unpacked it is a line of
numbers, the bytes of each piece, and the pieces: of each chunk its text, its signature, and its
parts in JSON.

The format is zlib's, and its checksum tells a damaged block from a whole one. `isal` packs and
unpacks it two to three times as fast as Python's own module, which takes its place where there is
no `isal`.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import cast

from c2llm.codebase.chunk import Chunk, Part

try:
    from isal import isal_zlib
except ImportError:  # there is no wheel of it for every machine
    _compress, _decompress, _LEVEL, _Error = zlib.compress, zlib.decompress, 1, zlib.error
else:
    _compress, _decompress, _LEVEL = isal_zlib.compress, isal_zlib.decompress, 3
    _Error = cast(type[zlib.error], isal_zlib.error)  # typed as an exception, not as its class

BLOCK_CHARACTERS = 32_768
"""A block that has so many is full; what is compressed looks no further back either."""
_PIECES = 3
"""Of a chunk: text, signature, parts."""


class BlockError(ValueError):
    """A block holds what was never packed."""


class TextBlock:
    """The texts of some chunks of one file that follow upon each other.

    Args:
        packed: What `pack_blocks` made.

    Raises:
        BlockError: It is damaged.
    """

    def __init__(self, packed: bytes) -> None:
        content = self._content = _unpacked(packed)
        line = content[: content.find(b"\n") + 1]
        try:
            self._ends = list(accumulate(map(int, line.split()), initial=len(line)))
        except ValueError as error:
            raise BlockError("a block does not begin with the sizes of its pieces") from error
        if len(self) * _PIECES != len(self._ends) - 1 or self._ends[-1] != len(content):
            raise BlockError(f"a block of {len(content)} bytes has sizes up to {self._ends[-1]}")

    def __len__(self) -> int:
        """How many chunks there are."""
        return len(self._ends) // _PIECES

    def text(self, position: int) -> str:
        """The text of a chunk, by its place in the block."""
        return self._piece(position, 0).decode()

    def signature(self, position: int) -> str:
        """The signature of a chunk."""
        return self._piece(position, 1).decode()

    def parts(self, position: int) -> tuple[Part, ...]:
        """The parts of a chunk."""
        packed = self._piece(position, 2)
        return tuple(map(Part._make, json.loads(packed))) if packed else ()

    def spell(self, positions: Iterable[int], name: bytes) -> bool:
        """Whether a name, given in UTF-8, is in one of these chunks' texts."""
        return name in self._content and any(name in self._piece(at, 0) for at in positions)

    def texts_with(self, strings: Sequence[bytes]) -> list[tuple[int, str]]:
        """Place and text of each chunk whose text has all these strings, given in UTF-8."""
        if not all(string in self._content for string in strings):
            return []
        pieces = ((position, self._piece(position, 0)) for position in range(len(self)))
        return [
            (position, piece.decode())
            for position, piece in pieces
            if all(string in piece for string in strings)
        ]

    def _piece(self, position: int, which: int) -> bytes:
        start = _PIECES * position + which
        if not 0 <= start < len(self._ends) - 1:
            raise BlockError(f"a block of {len(self)} chunks has no chunk {position}")
        return self._content[self._ends[start] : self._ends[start + 1]]


def pack_blocks(chunks: Sequence[Chunk]) -> Iterator[tuple[int, bytes]]:
    """The chunks of a file as blocks: of each how many chunks it has, and what is kept."""
    pieces: list[bytes] = []
    characters = 0
    for number, chunk in enumerate(chunks, 1):
        pieces += (chunk.text.encode(), chunk.signature.encode(), _packed_parts(chunk.parts))
        characters += len(chunk.text)
        if characters >= BLOCK_CHARACTERS or number == len(chunks):
            line = " ".join([str(len(piece)) for piece in pieces])
            content = b"".join((line.encode(), b"\n", *pieces))
            yield len(pieces) // _PIECES, _compress(content, _LEVEL)
            pieces, characters = [], 0


def pack_text(text: str) -> bytes:
    """A text as it is kept."""
    return _compress(text.encode(), _LEVEL)


def unpack_text(packed: bytes) -> str:
    """A text that was packed.

    Raises:
        BlockError: It is damaged.
    """
    return _unpacked(packed).decode()


def _unpacked(packed: bytes) -> bytes:
    try:
        return _decompress(packed)
    except (_Error, TypeError, ValueError, MemoryError) as error:
        raise BlockError(f"a text cannot be unpacked ({error})") from error


def _packed_parts(parts: Sequence[Part]) -> bytes:
    """The definitions of a chunk as they are kept; nothing for most chunks."""
    if not parts:
        return b""
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
