"""What is where: the table of contents that whoever asks a catalog in Milvus holds in memory.

It is read from one blob a repository and follows the catalog by reading
the repositories that have changed. What is not in it is in no answer, whatever rows there are: so
a repository's files change all at once, when its row does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from c2llm.codebase.words import normalized
from c2llm.index.store.catalog.records import Content, Place, RepositoryState
from c2llm.index.store.milvus.numbers import (
    chunk_number,
    content_number,
    dimension,
    name_dimension,
    vector_number,
)
from c2llm.index.store.milvus.packed import damaged


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A content without its texts."""

    key: bytes
    first: Place
    language: str
    digest: bytes
    tokens: int
    """Of all fields of all chunks."""
    imports: tuple[str, ...]
    vectors: NDArray[np.int64]
    """For each chunk the number of its vector, in any model."""
    terms: NDArray[np.uint32]
    """Dimensions of the terms that its chunks have, and of the names that they define."""
    counts: NDArray[np.uint32]
    """How many of its chunks have each."""

    @classmethod
    def of(cls, content: Content) -> Entry:
        """The entry of a content."""
        counts: dict[int, int] = {}
        tokens = 0
        for one in content.cut.chunks:
            words = " ".join(one.lexicon).split()
            tokens += len(words)
            names = {name_dimension(normalized(name)) for name in one.chunk.definitions}
            for each in {dimension(word) for word in words} | names:
                counts[each] = counts.get(each, 0) + 1
        numbers = [vector_number(one.embedded_hash) for one in content.cut.chunks]
        return cls(
            content.key,
            content.first,
            content.cut.language,
            content.cut.digest,
            tokens,
            content.cut.imports,
            np.array(numbers, np.int64),
            np.fromiter(counts.keys(), np.uint32, len(counts)),
            np.fromiter(counts.values(), np.uint32, len(counts)),
        )

    @property
    def id(self) -> int:
        """The id of its file in answers."""
        return content_number(self.key)

    @property
    def chunk_ids(self) -> list[int]:
        """Ids of its chunks, in the order of lines."""
        return [chunk_number(self.key, ordinal) for ordinal in range(len(self.vectors))]


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a repository and what they hold."""

    state: RepositoryState
    generation: int
    """When it was written; rows of its blob under another one are no part of it."""
    files: Mapping[str, int]
    """The id of the content of each path."""
    entries: Mapping[int, Entry]
    """By id."""


def pack_tree(files: Mapping[str, int], entries: Mapping[int, Entry]) -> bytes:
    """The files of a repository and their contents' entries as a blob."""
    order = sorted(entries)
    at = {content_id: position for position, content_id in enumerate(order)}
    rows = [entries[content_id] for content_id in order]
    head = json.dumps(
        [
            [[path, at[content_id]] for path, content_id in files.items()],
            [
                [
                    *(one.key.hex(), *one.first, one.language, one.digest.hex(), one.tokens),
                    *(one.imports, len(one.vectors), len(one.terms)),
                ]
                for one in rows
            ],
        ],
        separators=(",", ":"),
    ).encode()
    parts = [len(head).to_bytes(8, "little"), head]
    parts += [one.vectors.astype("<i8").tobytes() for one in rows]
    parts += [one.terms.astype("<u4").tobytes() for one in rows]
    parts += [one.counts.astype("<u4").tobytes() for one in rows]
    return b"".join(parts)


def unpack_tree(state: RepositoryState, generation: int, blob: bytes) -> Tree:
    """The tree that was packed.

    Raises:
        IndexCorruptError: It is none.
    """
    try:
        size = int.from_bytes(blob[:8], "little")
        listed, rows = json.loads(blob[8 : 8 + size])
        offset = 8 + size
        arrays: list[list[NDArray[np.int64]] | list[NDArray[np.uint32]]] = []
        for column, kind in ((7, "<i8"), (8, "<u4"), (8, "<u4")):
            lengths = [int(row[column]) for row in rows]
            total = sum(lengths)
            whole = np.frombuffer(blob, kind, total, offset)
            offset += whole.nbytes
            arrays.append(np.split(whole, np.cumsum(lengths)[:-1]) if rows else [])
        if offset != len(blob):
            raise ValueError("size")
        entries = [
            Entry(
                bytes.fromhex(row[0]),
                Place(row[1], row[2]),
                row[3],
                bytes.fromhex(row[4]),
                int(row[5]),
                tuple(row[6]),
                *columns,
            )
            for row, *columns in zip(rows, *arrays, strict=True)
        ]
        files = {path: entries[position].id for path, position in listed}
    except (ValueError, TypeError, IndexError, RecursionError) as error:
        raise damaged() from error
    return Tree(state, generation, files, {one.id: one for one in entries})


@dataclass(slots=True)
class Vocabulary:
    """How many chunks have each dimension of the lexicon."""

    terms: NDArray[np.uint32]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Vocabulary:
        """The counts of all of them together."""
        if not entries:
            return cls(np.empty(0, np.uint32), np.empty(0, np.int64))
        terms, where = np.unique(
            np.concatenate([one.terms for one in entries]), return_inverse=True
        )
        weights = np.concatenate([one.counts for one in entries])
        return cls(terms, np.bincount(where, weights, len(terms)).astype(np.int64))

    def count(self, term: str) -> int:
        """How many chunks have a term."""
        return self._of(dimension(term))

    def has(self, each: int) -> bool:
        """Whether some chunk has a dimension."""
        return self._of(each) > 0

    def _of(self, each: int) -> int:
        at = int(np.searchsorted(self.terms, each))
        return int(self.counts[at]) if at < len(self.terms) and self.terms[at] == each else 0


@dataclass(eq=False)
class Contents:
    """The contents of a catalog at one moment."""

    trees: dict[str, Tree] = field(default_factory=dict)
    """By the name of the repository."""

    def replaced(self, changed: Iterable[Tree], gone: Iterable[str]) -> Contents:
        """The contents after some repositories have changed and others have gone."""
        trees = dict(self.trees)
        for name in gone:
            trees.pop(name, None)
        for tree in changed:
            trees[tree.state.name] = tree
        return Contents(trees)

    @cached_property
    def entries(self) -> dict[int, Entry]:
        """The contents that some repository has, by id."""
        found: dict[int, Entry] = {}
        for _, tree in sorted(self.trees.items()):
            for content_id, entry in tree.entries.items():
                found.setdefault(content_id, entry)
        return found

    @cached_property
    def places(self) -> dict[int, list[Place]]:
        """The places of each content, sorted."""
        found: dict[int, list[Place]] = {}
        for name, tree in sorted(self.trees.items()):
            for path, content_id in tree.files.items():
                found.setdefault(content_id, []).append(Place(name, path))
        for places in found.values():
            places.sort()
        return found

    @cached_property
    def of_chunk(self) -> dict[int, int]:
        """The content of each chunk."""
        return {
            chunk_id: content_id
            for content_id, entry in self.entries.items()
            for chunk_id in entry.chunk_ids
        }

    @cached_property
    def of_vector(self) -> dict[int, list[int]]:
        """The chunks that each vector is of."""
        found: dict[int, list[int]] = {}
        for entry in self.entries.values():
            for chunk_id, each in zip(entry.chunk_ids, entry.vectors.tolist(), strict=True):
                found.setdefault(each, []).append(chunk_id)
        return found

    @cached_property
    def vector_of(self) -> dict[int, int]:
        """The vector of each chunk."""
        return {chunk: each for each, chunks in self.of_vector.items() for chunk in chunks}

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """How common each term is."""
        return Vocabulary.of(list(self.entries.values()))

    @cached_property
    def chunks(self) -> int:
        """How many there are."""
        return sum(len(entry.vectors) for entry in self.entries.values())

    @cached_property
    def tokens(self) -> int:
        """How many all fields of all chunks have."""
        return sum(entry.tokens for entry in self.entries.values())
