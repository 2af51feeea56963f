"""Texts come back from blocks as they were, and a damaged block says so."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.codebase.chunk import Chunk, Part
from c2llm.index.store import text_blocks
from c2llm.index.store.text_blocks import (
    BLOCK_CHARACTERS,
    BlockError,
    TextBlock,
    pack_blocks,
    pack_text,
    unpack_text,
)

# Lone surrogates are in no text that was decoded; everything else may be.
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
parts = st.lists(
    st.builds(Part, any_text, any_text, any_text, st.integers(1), st.integers(1)), max_size=3
)


def chunk_of(text: str, signature: str = "", of: tuple[Part, ...] = ()) -> Chunk:
    return Chunk("a.py", 1, 1, "python", "module", "", "", signature, (), text, of)


def unpacked(chunks: list[Chunk]) -> list[tuple[str, str, tuple[Part, ...]]]:
    found = []
    for count, packed in pack_blocks(chunks):
        block = TextBlock(packed)
        assert len(block) == count > 0
        found += [(block.text(i), block.signature(i), block.parts(i)) for i in range(count)]
    return found


@given(st.lists(st.builds(chunk_of, any_text, any_text, parts.map(tuple)), max_size=8))
def test_what_is_packed_comes_back(chunks: list[Chunk]) -> None:
    assert unpacked(chunks) == [(chunk.text, chunk.signature, chunk.parts) for chunk in chunks]


def test_a_block_ends_once_it_is_full() -> None:
    """One chunk is read without a whole large file, and a long one is a block of its own."""
    half = "é" * (BLOCK_CHARACTERS // 2)
    chunks = [chunk_of(text) for text in (half, half, "x", half, 5 * half, "y")]
    assert [count for count, _ in pack_blocks(chunks)] == [2, 3, 1]
    assert [text for text, *_ in unpacked(chunks)] == [chunk.text for chunk in chunks]
    assert list(pack_blocks([])) == []


@given(st.lists(any_text, max_size=6), st.lists(any_text, max_size=2))
def test_texts_are_found_by_what_is_in_them(texts: list[str], strings: list[str]) -> None:
    for _, packed in pack_blocks([chunk_of(text, "signature") for text in texts]):
        found = TextBlock(packed).texts_with([string.encode() for string in strings])
        assert found == [
            (at, text) for at, text in enumerate(texts) if all(string in text for string in strings)
        ]


def test_a_name_is_spelled_in_a_text_not_in_what_lies_beside_it() -> None:
    part = Part("inParts", "function", "", 1, 1)
    ((_, packed),) = pack_blocks([chunk_of("ab", "inSignature", (part,)), chunk_of("cd")])
    block = TextBlock(packed)
    assert block.spell([0], b"ab") and block.spell([0, 1], b"cd") and not block.spell([0], b"cd")
    for absent in (b"inSignature", b"inParts", b"bc", b"2 "):
        assert not block.spell([0, 1], absent)
        assert block.texts_with([absent]) == []


def test_python_reads_what_isal_wrote_and_the_other_way_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    isal_zlib = pytest.importorskip("isal.isal_zlib")
    chunks = [chunk_of(f"def f{i}():\n    return {i}") for i in range(50)]
    modules = (zlib, zlib.error), (isal_zlib, isal_zlib.error)
    for (writer, _), (reader, error) in (modules, modules[::-1]):
        monkeypatch.setattr(text_blocks, "_compress", writer.compress)
        ((_, packed),) = pack_blocks(chunks)
        monkeypatch.setattr(text_blocks, "_decompress", reader.decompress)
        monkeypatch.setattr(text_blocks, "_Error", error)
        assert TextBlock(packed).text(49) == chunks[49].text
        with pytest.raises(BlockError):
            TextBlock(packed[:-1])


def test_damage_is_told() -> None:
    ((_, whole),) = pack_blocks([chunk_of(f"text {i} of some" * i) for i in range(40)])
    block = TextBlock(whole)
    rng = random.Random(7)
    for _ in range(500):
        flipped = bytearray(whole)
        for _ in range(rng.choice([1, 1, 3])):
            flipped[rng.randrange(len(flipped))] = rng.randrange(256)
        if flipped != whole:
            with pytest.raises(BlockError):
                TextBlock(bytes(flipped))
    for odd in (b"", b"x", whole[: len(whole) // 2], None, "text", 7):
        with pytest.raises(BlockError):
            TextBlock(odd)  # type: ignore[arg-type]
        with pytest.raises(BlockError):
            unpack_text(odd)  # type: ignore[arg-type]
    for content in (b"3 0 0\nab", b"1 0\na", b"a b c\n", b"1 0 0", b"0 0 0\nmore"):
        with pytest.raises(BlockError):
            TextBlock(zlib.compress(content))
    for position in (-1, 40):
        with pytest.raises(BlockError):
            block.text(position)


@given(any_text)
def test_a_text_alone(text: str) -> None:
    assert unpack_text(pack_text(text)) == text
