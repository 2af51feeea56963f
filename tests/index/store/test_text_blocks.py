"""Texts come back from blocks as they were, and a damaged block says so."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.codebase.chunk import Chunk, Part
from c2llm.index.store import text_blocks
from c2llm.index.store.text_blocks import (
    BLOCK_CHARACTERS,
    BlockError,
    TextBlock,
    dictionary_of,
    pack_blocks,
    pack_text,
    unpack_text,
)

LICENSE = b"# Licensed to whom it may concern.\n\nimport os\n"
# Lone surrogates are in no text that was decoded; everything else may be.
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
parts = st.lists(
    st.builds(Part, any_text, any_text, any_text, st.integers(1), st.integers(1)), max_size=3
)


def chunk_of(text: str, signature: str = "", of: tuple[Part, ...] = ()) -> Chunk:
    return Chunk("a.py", 1, 1, "python", "module", "", "", signature, (), text, of)


def unpacked(chunks: list[Chunk]) -> list[tuple[str, str, tuple[Part, ...]]]:
    found = []
    for count, packed in pack_blocks(chunks, LICENSE):
        block = TextBlock(packed, LICENSE)
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
    assert [count for count, _ in pack_blocks(chunks, LICENSE)] == [2, 3, 1]
    assert [text for text, *_ in unpacked(chunks)] == [chunk.text for chunk in chunks]
    assert list(pack_blocks([], LICENSE)) == []


@given(st.lists(any_text, max_size=6), st.lists(any_text, max_size=2))
def test_texts_are_found_by_what_is_in_them(texts: list[str], strings: list[str]) -> None:
    for _, packed in pack_blocks([chunk_of(text, "signature") for text in texts], LICENSE):
        found = TextBlock(packed, LICENSE).texts_with([string.encode() for string in strings])
        assert found == [
            (at, text) for at, text in enumerate(texts) if all(string in text for string in strings)
        ]


def test_a_name_is_spelled_in_a_text_not_in_what_lies_beside_it() -> None:
    part = Part("inParts", "function", "", 1, 1)
    ((_, packed),) = pack_blocks([chunk_of("ab", "inSignature", (part,)), chunk_of("cd")], LICENSE)
    block = TextBlock(packed, LICENSE)
    assert block.spell([0], b"ab") and block.spell([0, 1], b"cd") and not block.spell([0], b"cd")
    for absent in (b"inSignature", b"inParts", b"bc", b"2 "):
        assert not block.spell([0, 1], absent)
        assert block.texts_with([absent]) == []


def test_damage_is_told() -> None:
    ((_, whole),) = pack_blocks([chunk_of(f"text {i} of some" * i) for i in range(40)], LICENSE)
    block = TextBlock(whole, LICENSE)
    rng = random.Random(7)
    for _ in range(500):
        flipped = bytearray(whole)
        for _ in range(rng.choice([1, 1, 3])):
            flipped[rng.randrange(len(flipped))] = rng.randrange(256)
        if flipped != whole:
            with pytest.raises(BlockError):
                TextBlock(bytes(flipped), LICENSE)
    for odd in (b"", b"x", whole[: len(whole) // 2], None, "text", 7):
        with pytest.raises(BlockError):
            TextBlock(odd, LICENSE)  # type: ignore[arg-type]
        with pytest.raises(BlockError):
            unpack_text(odd)  # type: ignore[arg-type]
    for content in (b"3 0 0\nab", b"1 0\na", b"a b c\n", b"1 0 0", b"0 0 0\nmore"):
        with pytest.raises(BlockError):
            len(TextBlock(text_blocks._packed(content, b""), b""))
    for position in (-1, 40):
        with pytest.raises(BlockError):
            block.text(position)


@given(any_text)
def test_a_text_alone(text: str) -> None:
    assert unpack_text(pack_text(text)) == text


def test_a_dictionary_stands_for_what_files_have_in_common() -> None:
    head = chunk_of("".join(f"# Word {i * i} of the license.\n" for i in range(60)))
    dictionary = dictionary_of([head, chunk_of("x = 1")]).encode()
    assert head.text.encode().startswith(dictionary[:1_000])
    ((_, alone),) = pack_blocks([head, chunk_of("y = 2")], b"")
    ((_, packed),) = pack_blocks([head, chunk_of("y = 2")], dictionary)
    assert len(packed) < len(alone) / 4
    assert TextBlock(packed, dictionary).text(0) == head.text
    assert dictionary_of([]) == "" and len(dictionary_of([head] * 9)) == 4_096
