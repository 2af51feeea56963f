"""Texts of chunks as they are kept: those of neighbours in a file together, compressed.

Alone a chunk is too short to be compressed well, and a file may be too long to be unpacked for one
chunk: a block is a run of a file's chunks of some tens of kilobytes. Unpacked it is a line of
numbers, the bytes of each piece, and the pieces: of each chunk its text, its signature, and its
parts in JSON.

LZ4, because a search for a pattern unpacks every block, which takes zlib several times as long.
What most files of a language begin with, a license and the usual imports, is the dictionary that
their blocks are compressed with.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from lz4.block import LZ4BlockError, compress, decompress

from c2llm.codebase.chunk import Chunk, Part

BLOCK_CHARACTERS = 32_768
"""A block that has so many is full."""
_DICTIONARY_CHARACTERS = 4_096
_LEVEL = 4
"""Of the slow packer, which unpacks as fast: higher ones save a hundredth."""
_CHECKSUM_BYTES = 4
_PIECES = 3
"""Of a chunk: text, signature, parts."""


class BlockError(ValueError):
    """A block holds what was never packed."""


class TextBlock:
    """The texts of some chunks of one file that follow upon each other.

    Args:
        packed: What `pack_blocks` made.
        dictionary: What it was given.

    Raises:
        BlockError: One of them is damaged.
    """

    def __init__(self, packed: bytes, dictionary: bytes) -> None:
        self._content = _unpacked(packed, dictionary)

    @cached_property
    def _ends(self) -> list[int]:
        """Where each piece ends and the next begins; read for blocks that have what is sought."""
        content = self._content
        line = content[: content.find(b"\n") + 1]
        try:
            ends = list(accumulate(map(int, line.split()), initial=len(line)))
        except ValueError as error:
            raise BlockError("a block does not begin with the sizes of its pieces") from error
        if len(ends) % _PIECES != 1 or ends[-1] != len(content):
            raise BlockError(f"a block of {len(content)} bytes has sizes up to {ends[-1]}")
        return ends

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
        content = self._content
        for string in strings:
            if string not in content:
                return []
        ends = self._ends
        texts = [content[a:b] for a, b in zip(ends[:-1:_PIECES], ends[1::_PIECES], strict=True)]
        if not strings:
            return list(enumerate(map(bytes.decode, texts)))
        return [
            (position, text.decode())
            for position, text in enumerate(texts)
            if all(string in text for string in strings)
        ]

    def _piece(self, position: int, which: int) -> bytes:
        start = _PIECES * position + which
        if not 0 <= start < len(self._ends) - 1:
            raise BlockError(f"a block of {len(self)} chunks has no chunk {position}")
        return self._content[self._ends[start] : self._ends[start + 1]]


def dictionary_of(chunks: Iterable[Chunk]) -> str:
    """What the blocks of files that begin like this one are compressed with, in UTF-8."""
    return "\n".join([chunk.text for chunk in chunks])[:_DICTIONARY_CHARACTERS]


def pack_blocks(chunks: Sequence[Chunk], dictionary: bytes) -> Iterator[tuple[int, bytes]]:
    """The chunks of a file as blocks: of each how many chunks it has, and what is kept."""
    pieces: list[bytes] = []
    characters = 0
    for number, chunk in enumerate(chunks, 1):
        pieces += (chunk.text.encode(), chunk.signature.encode(), _packed_parts(chunk.parts))
        characters += len(chunk.text)
        if characters >= BLOCK_CHARACTERS or number == len(chunks):
            line = " ".join([str(len(piece)) for piece in pieces])
            content = b"".join((line.encode(), b"\n", *pieces))
            yield len(pieces) // _PIECES, _packed(content, dictionary)
            pieces, characters = [], 0


def pack_text(text: str) -> bytes:
    """A text as it is kept."""
    return _packed(text.encode(), b"")


def unpack_text(packed: bytes) -> str:
    """A text that was packed.

    Raises:
        BlockError: It is damaged.
    """
    return _unpacked(packed, b"").decode()


def _packed(content: bytes, dictionary: bytes) -> bytes:
    packed: bytes = compress(content, mode="high_compression", compression=_LEVEL, dict=dictionary)
    return zlib.crc32(packed).to_bytes(_CHECKSUM_BYTES, "big") + packed


def _unpacked(packed: bytes, dictionary: bytes) -> bytes:
    try:
        checksum, packed = packed[:_CHECKSUM_BYTES], packed[_CHECKSUM_BYTES:]
        if int.from_bytes(checksum, "big") == zlib.crc32(packed):
            content: bytes = decompress(packed, dict=dictionary)
            return content
    except (LZ4BlockError, TypeError, ValueError, MemoryError) as error:
        raise BlockError(f"a text cannot be unpacked ({error})") from error
    raise BlockError("a packed text is not what was written")


def _packed_parts(parts: Sequence[Part]) -> bytes:
    """The definitions of a chunk as they are kept; nothing for most chunks."""
    if not parts:
        return b""
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
