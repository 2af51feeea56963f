"""A cut file that waits in a store comes back as it was, or is told to be damaged."""

from __future__ import annotations

import pytest

from c2llm.codebase.files.walk import SourceFile
from c2llm.index.build.cutting import cut_content
from c2llm.index.store.catalog.packed_cut import pack_cut, unpack_cut
from c2llm.index.store.text_blocks import BlockError

TEXT = b"import os\n\n\ndef retry(job):\n    return job()\n"


def test_it_comes_back_as_it_was() -> None:
    cut = cut_content(SourceFile("src/retry.py", "", len(TEXT), 0, "python"), TEXT)
    assert cut.chunks
    assert unpack_cut(pack_cut(cut)) == cut


def test_any_bit_or_end_that_is_lost_is_damage() -> None:
    packed = pack_cut(cut_content(SourceFile("a.py", "", len(TEXT), 0, "python"), TEXT))
    for at in range(0, len(packed), 7):
        changed = bytearray(packed)
        changed[at] ^= 4
        with pytest.raises(BlockError):
            unpack_cut(bytes(changed))
        with pytest.raises(BlockError):
            unpack_cut(packed[:at])
