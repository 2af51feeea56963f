"""Contents and trees come back from rows of Milvus as they were, and damage is told."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lz4.block import compress

from c2llm.codebase.words import normalized
from c2llm.errors import IndexCorruptError
from c2llm.index.store.catalog.records import Content, Place, RepositoryState
from c2llm.index.store.milvus.contents import Contents, Entry, Vocabulary, pack_tree, unpack_tree
from c2llm.index.store.milvus.numbers import (
    chunk_number,
    content_number,
    dimension,
    name_dimension,
    number,
)
from c2llm.index.store.milvus.packed import blob_of, pack_content, pieces_of, unpack_content
from c2llm.index.store.milvus.questions import USUAL_TOKENS, saturated, sparse_row
from tests.index.store.conformance import FILES

CONTENTS = [
    Content(bytes([at]) * 16, Place("acme/caf\udce9", file.path), file)
    for at, file in enumerate(FILES)
]
STATE = RepositoryState("acme/api", "r1", len(FILES))


@given(st.binary(max_size=200_000))
def test_blobs_come_back_and_fit_a_string(blob: bytes) -> None:
    pieces = pieces_of(blob)
    assert blob_of(pieces) == blob and all(len(piece) <= 65_535 for piece in pieces)


def test_large_blobs_are_several_pieces() -> None:
    blob = (
        b"".join(
            zlib.crc32(bytes([at % 251])).to_bytes(4, "big") + bytes([at % 256]) * 3
            for at in range(100)
        )
        + bytes(range(256)) * 2_000
    )
    incompressible = json.dumps([zlib.crc32(str(at).encode()) for at in range(30_000)]).encode()
    pieces = pieces_of(incompressible)
    assert len(pieces) > 1 and blob_of(pieces) == incompressible
    assert blob_of(pieces_of(blob)) == blob
    for damaged in (pieces[1:], pieces[:-1], pieces[::-1], [*pieces, pieces[0]]):
        with pytest.raises(IndexCorruptError):
            blob_of(damaged)


@given(st.lists(st.text(max_size=40), max_size=3))
def test_any_text_that_is_no_blob_is_damage(pieces: list[str]) -> None:
    with pytest.raises(IndexCorruptError):
        blob_of(pieces)


def test_a_size_that_nobody_wrote_takes_no_memory() -> None:
    packed = (0x7FFFFFFF).to_bytes(4, "little") + compress(b"x")[4:]
    whole = zlib.crc32(packed).to_bytes(4, "big") + packed
    with pytest.raises(IndexCorruptError):
        blob_of([b64encode(whole).decode()])


@pytest.mark.parametrize("content", CONTENTS)
def test_contents_come_back(content: Content) -> None:
    assert unpack_content(pack_content(content)) == content


@given(
    st.binary(max_size=60)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_what_is_no_content_or_tree_is_damage(blob: bytes) -> None:
    with pytest.raises(IndexCorruptError):
        unpack_content(blob)
    with pytest.raises(IndexCorruptError):
        unpack_tree(STATE, 1, blob)


def test_trees_come_back() -> None:
    entries = {entry.id: entry for entry in map(Entry.of, CONTENTS)}
    files = {one.first.path: content_number(one.key) for one in CONTENTS}
    files["again\n\udce9.py"] = content_number(CONTENTS[0].key)
    tree = unpack_tree(STATE, 7, pack_tree(files, entries))
    assert (tree.state, tree.generation, tree.files) == (STATE, 7, files)
    for content_id, entry in entries.items():
        same = tree.entries[content_id]
        assert (same.key, same.first, same.language, same.digest, same.tokens, same.imports) == (
            *(entry.key, entry.first, entry.language, entry.digest, entry.tokens, entry.imports),
        )
        for one, other in (
            (same.vectors, entry.vectors),
            (same.terms, entry.terms),
            (same.counts, entry.counts),
        ):
            assert one.tolist() == other.tolist()
    assert unpack_tree(STATE, 1, pack_tree({}, {})).files == {}


def test_a_term_is_counted_once_a_chunk_and_once_for_all_repositories() -> None:
    entries = {entry.id: entry for entry in map(Entry.of, CONTENTS)}
    files = {one.first.path: content_number(one.key) for one in CONTENTS}
    first = unpack_tree(STATE, 1, pack_tree(files, entries))
    fork = replace(first, state=replace(STATE, name="fork/api"))
    contents = Contents().replaced([first, fork], [])
    chunks = [cut for file in FILES for cut in file.chunks]
    for term in ("retri", "client", "same", "no_such_term", "größe"):
        expected = sum(term in " ".join(cut.lexicon).split() for cut in chunks)
        assert contents.vocabulary.count(term) == expected
    assert contents.chunks == len(chunks) == len(contents.of_chunk)
    assert contents.vocabulary.has(name_dimension(normalized("retry_with_backoff")))
    assert not contents.vocabulary.has(name_dimension("nobody"))
    assert contents.replaced([], ["fork/api", "acme/api"]).chunks == 0
    assert Vocabulary.of([]).count("x") == 0


def test_numbers_are_those_of_what_they_name_and_fit() -> None:
    ids = {chunk_number(bytes([at]) * 16, ordinal) for at in range(200) for ordinal in range(200)}
    assert len(ids) == 40_000 and all(0 < one < 2**63 for one in ids)
    assert number("a", "b") != number("ab") != number("a\0", "b")
    assert all(0 < dimension(term) < 2**32 - 1 for term in ("", "a", "\udce9", "größe"))
    assert dimension("name") != name_dimension("name")


def test_sparse_weights_are_those_of_the_formula_for_a_usual_chunk() -> None:
    row = sparse_row(("src", "run", "run x run"), ["Run_It"])
    assert row[dimension("run")] == pytest.approx(saturated(2 + 2, 5, USUAL_TOKENS))
    assert row[dimension("src")] == pytest.approx(saturated(2, 5, USUAL_TOKENS))
    assert row[name_dimension("runit")] == 1.0
    assert sparse_row(("", "", ""), [])  # some servers take no empty vector
