"""A file that was cut, as it waits in the store of a catalog until a repository has it."""

from __future__ import annotations

import marshal
import zlib

from lz4.block import LZ4BlockError, compress, decompress

from c2llm.index.build.cutting import CutFile, pack_answer, unpack_answer
from c2llm.index.store.text_blocks import BlockError

_CHECKSUM_BYTES = 4
_MARSHAL_VERSION = 4


def pack_cut(cut: CutFile) -> bytes:
    """The file as bytes."""
    packed: bytes = compress(marshal.dumps(pack_answer([cut]), _MARSHAL_VERSION))
    return zlib.crc32(packed).to_bytes(_CHECKSUM_BYTES, "big") + packed


def unpack_cut(packed: bytes) -> CutFile:
    """The file that was packed.

    Raises:
        BlockError: The bytes are damaged.
    """
    checksum, packed = packed[:_CHECKSUM_BYTES], packed[_CHECKSUM_BYTES:]
    if int.from_bytes(checksum, "big") != zlib.crc32(packed):
        raise BlockError("a file that waits is not what was written")
    try:
        (cut,) = unpack_answer(marshal.loads(decompress(packed)))
    except (LZ4BlockError, EOFError, ValueError, TypeError, MemoryError) as error:
        raise BlockError(f"a file that waits cannot be unpacked ({error})") from error
    return cut
