"""The store of a catalog in Milvus (`CatalogStore`): how it is written.

A content waits, packed, in rows of its own until a repository has it; then its chunks get rows
that answer. There is no transaction over rows, so each step may be broken off and done again:

- what is written has ids that follow from what it is, so it is there once however often it came;
- what is in answers is said by one row a repository, which is exchanged in one request
  (`contents`); what a killed process left beside it is in no answer, and `sweep` drops it.

One process writes at a time, as the lock of the catalog sees to.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from c2llm.codebase.chunks import embedding_text
from c2llm.errors import C2LLMError
from c2llm.index.build.cutting import CutChunk
from c2llm.index.store.catalog.records import Content, Place, RepositoryState
from c2llm.index.store.milvus.contents import Contents, Entry, Vocabulary, pack_tree
from c2llm.index.store.milvus.location import MilvusLocation
from c2llm.index.store.milvus.numbers import (
    chunk_number,
    content_number,
    number,
    vector_number,
)
from c2llm.index.store.milvus.packed import blob_of, pack_content, pieces_of, unpack_content
from c2llm.index.store.milvus.questions import sparse_row
from c2llm.index.store.milvus.state import batches
from c2llm.index.store.milvus.tables import without_vector
from c2llm.index.store.milvus.vectors import MilvusVectors
from c2llm.index.store.records import WordStatistics

_LONGEST = 65_535
_CONTENTS_AT_ONCE = 200
_Narrowed = tuple[Contents, Collection[int], Mapping[int, Sequence[str]]]
"""What is counted in: all contents, the chunks, and which of these have the words of what path."""


class MilvusCatalog(MilvusVectors):
    """One open store of a catalog. Not for use by two threads at once."""

    def __init__(self, location: MilvusLocation, *, create: bool = True) -> None:
        self._words = {}
        self._packed, self._present = {}, {}
        self._absent, self._models = (-1, {}), (-1, {}, [])
        self._narrowed: tuple[_Narrowed, Vocabulary, set[int]] | None = None
        self._written = False
        super().__init__(location, create=create)

    # -- what there is ---------------------------------------------------------------------------

    def repositories(self) -> dict[str, RepositoryState]:
        """The repositories by name."""
        return {name: tree.state for name, tree in sorted(self._contents().trees.items())}

    def tree(self, repository: str) -> dict[str, bytes]:
        """Path and key of the content of each file of a repository."""
        tree = self._contents().trees.get(repository)
        if tree is None:
            return {}
        return {path: tree.entries[content_id].key for path, content_id in tree.files.items()}

    def known(self, keys: Iterable[bytes]) -> set[bytes]:
        """Those of the keys whose contents are there, whole."""
        of_id = {content_number(key): key for key in keys}
        rows = self._connection.get(self._tables.contents, of_id, ["id"])
        return {of_id[int(row["id"])] for row in rows}

    def places(
        self, file_ids: Iterable[int], repositories: Collection[str] | None = None
    ) -> dict[int, list[Place]]:
        """For each file its places, sorted, in these repositories."""
        every = self._contents().places
        within = None if repositories is None else frozenset(repositories)
        found: dict[int, list[Place]] = {}
        for file_id in dict.fromkeys(file_ids):
            places = [
                place
                for place in every.get(file_id, ())
                if within is None or place.repository in within
            ]
            if places:
                found[file_id] = places
        return found

    def chunks_in(self, repositories: Collection[str]) -> set[int]:
        """Ids of the chunks that have a place in one of these repositories."""
        contents = self._contents()
        return {
            chunk_id
            for name in set(repositories) & contents.trees.keys()
            for entry in contents.trees[name].entries.values()
            for chunk_id in entry.chunk_ids
        }

    def files_in(self, repositories: Collection[str] | None) -> list[tuple[int, Place, str]]:
        """Id, place and language of each file, one for each place; None for all repositories."""
        contents = self._contents()
        names = contents.trees.keys() if repositories is None else set(repositories)
        return [
            (content_id, Place(name, path), contents.entries[content_id].language)
            for name in sorted(names & contents.trees.keys())
            for path, content_id in sorted(contents.trees[name].files.items())
        ]

    def moved_chunks(self, paths: Mapping[int, Collection[str]]) -> list[tuple[int, int]]:
        """Id and file of the chunks whose words are those of another path than these."""
        entries = self._contents().entries
        return [
            (chunk_id, file_id)
            for file_id, own in paths.items()
            if (entry := entries.get(file_id)) is not None and entry.first.path not in own
            for chunk_id in entry.chunk_ids
        ]

    def lexical_candidates_among(
        self,
        terms: Iterable[str],
        limit: int,
        among: Collection[int],
        statistics: WordStatistics,
        moved: Mapping[int, Sequence[str]],
    ) -> list[tuple[int, float]]:
        """`lexical_candidates` where some chunks have the words of another path than stored."""
        return self._candidates(list(dict.fromkeys(terms)), limit, among, statistics, moved)

    def tokens_of(self, among: Collection[int], moved: Mapping[int, Sequence[str]]) -> int:
        """How many tokens these chunks have together."""
        whole, rest = self._whole_contents(among, moved)
        words = self._seen_words(rest, moved).values()
        return sum(entry.tokens for entry in whole) + sum(
            len(" ".join(each).split()) for each in words
        )

    def document_frequencies_among(
        self, terms: Iterable[str], among: Collection[int], moved: Mapping[int, Sequence[str]]
    ) -> dict[str, int]:
        """How many of these chunks have a term, for those terms that some have."""
        asked = self._contents(), among, moved
        if self._narrowed is None or self._narrowed[0] != asked:
            whole, rest = self._whole_contents(among, moved)
            self._narrowed = asked, Vocabulary.of(whole), rest
        _, vocabulary, rest = self._narrowed
        words = self._seen_words(rest, moved).values()
        parts = [set(" ".join(each).split()) for each in words]
        counts = {
            term: vocabulary.count(term) + sum(term in words for words in parts)
            for term in dict.fromkeys(terms)
            if term
        }
        return {term: count for term, count in counts.items() if count}

    def _whole_contents(
        self, among: Collection[int], moved: Mapping[int, Sequence[str]]
    ) -> tuple[list[Entry], set[int]]:
        """The contents all of whose chunks these are, none of them moved; and the other chunks."""
        contents = self._contents()
        rest = contents.of_chunk.keys() & set(among)
        whole: list[Entry] = []
        for content_id in {contents.of_chunk[chunk_id] for chunk_id in rest}:
            entry = contents.entries[content_id]
            if rest.issuperset(entry.chunk_ids) and moved.keys().isdisjoint(entry.chunk_ids):
                whole.append(entry)
                rest.difference_update(entry.chunk_ids)
        return whole, rest

    def unembedded_hashes(
        self, model: str, limit: int, only: Collection[int] | None = None
    ) -> list[tuple[bytes, str]]:
        """Hash and text of what has no vector of the model, some at a time."""
        contents = self._contents()
        known = self._in_use().get(model)
        wanted = contents.of_vector.keys() if known is None else self._missing(known)
        ids = sorted(contents.of_vector[each][0] for each in wanted)
        if only is not None:
            asked, vector_of = set(only), contents.vector_of
            of_asked = {vector_of[one]: one for one in sorted(asked & vector_of.keys())}
            ids = sorted(chunk_id for each, chunk_id in of_asked.items() if each in wanted)
        ids = ids[:limit]
        hashes = {
            int(row["id"]): bytes.fromhex(row["embedded_hash"])
            for row in self._connection.get(self._tables.chunks, ids, ["embedded_hash"])
        }
        return [
            (hashes[one.id], embedding_text(replace(one.chunk, path=entry.first.path)))
            for one in sorted(self.chunks(ids), key=lambda stored: stored.id)
            if one.id in hashes and (entry := contents.entries.get(one.file_id)) is not None
        ]

    # -- what is written -------------------------------------------------------------------------

    def put_contents(self, contents: Sequence[Content]) -> None:
        """Add contents; one that is there already is left as it is."""
        known = self.known([content.key for content in contents])
        first: list[dict[str, Any]] = []
        rest: list[dict[str, Any]] = []
        for content in {one.key: one for one in contents if one.key not in known}.values():
            for one in content.cut.chunks:
                _check_lengths(content, one)
            pieces = pieces_of(pack_content(content))
            content_id = content_number(content.key)
            for at, piece in enumerate(pieces):
                row_id = number("piece", content.key, at) if at else content_id
                row = {"id": row_id, "content": content_id, "piece": at, "pieces": len(pieces)}
                (rest if at else first).append(without_vector(row | {"data": piece}))
        if first:
            # The first piece last: a content that has it is there whole.
            self._connection.put(self._tables.contents, rest)
            self._connection.put(self._tables.contents, first)
            self._written = True
            self._raise_generation()

    def put_repository(self, name: str, revision: str, tree: Mapping[str, bytes]) -> None:
        """Exchange the files of a repository, which is added if it is not there.

        Raises:
            KeyError: a content is not there; nothing has changed then.
        """
        before = self._contents()
        wanted = {content_number(key): key for key in tree.values()}
        new = [key for content_id, key in wanted.items() if content_id not in before.entries]
        absent = set(new) - self.known(new)
        if absent:
            path = min(path for path, key in tree.items() if key in absent)
            raise KeyError(f"{len(absent)} contents of {name} are not there, as of {path!r}")
        self._written = True
        entries = {key: before.entries[key] for key in wanted.keys() & before.entries.keys()}
        for part in _parts(new):
            contents = self._stored(part)
            self._connection.put(self._tables.chunks, _chunk_rows(contents))
            entries |= {entry.id: entry for entry in map(Entry.of, contents)}
        files = {path: content_number(key) for path, key in tree.items()}
        state = RepositoryState(name, revision, len(files))
        self._write_tree(state, self._risen(), pack_tree(files, entries))
        self._raise_generation()
        self._withdraw(before)

    def remove_repository(self, name: str) -> None:
        """Forget a repository."""
        before = self._contents()
        if name in before.trees:
            self._written = True
            self._remove_tree(name)
            self._raise_generation()
            self._withdraw(before)

    def _withdraw(self, before: Contents) -> None:
        """Drop the chunks of what no repository has any more; it waits again."""
        left = before.entries.keys() - self._contents().entries.keys()
        self._connection.remove(self._tables.chunks, "content", left)

    def sweep(self) -> int:
        """Drop the contents that no repository has, and say how many those were."""
        contents = self._contents()
        rows = self._connection.every(self._tables.contents, "piece == 0", ["id"])
        unhad = sorted({int(row["id"]) for row in rows} - contents.entries.keys())
        for part in batches(unhad, _CONTENTS_AT_ONCE):
            vectors = {
                vector_number(one.embedded_hash)
                for content in self._read_contents(part)
                for one in content.cut.chunks
            }
            self._forget_vectors(vectors - contents.of_vector.keys())
            self._connection.remove(self._tables.chunks, "content", part)
            # The first piece first, as it came last.
            self._connection.remove(self._tables.contents, "id", part)
            self._connection.remove(self._tables.contents, "content", part)
        self._settle_models()
        if unhad:
            self._raise_generation()
        if unhad or self._written:
            self._tables.finish()
            self._written = False
        return len(unhad)

    # -- contents --------------------------------------------------------------------------------

    def _stored(self, keys: Sequence[bytes]) -> list[Content]:
        """The contents of these keys.

        Raises:
            KeyError: one is not there.
        """
        found = {one.key: one for one in self._read_contents(map(content_number, keys))}
        return [found[key] for key in keys]

    def _read_contents(self, content_ids: Iterable[int]) -> Iterator[Content]:
        """The contents of these ids that are there, whole."""
        for part in batches(content_ids, _CONTENTS_AT_ONCE):
            pieces: dict[int, dict[int, str]] = {}
            sizes: dict[int, int] = {}
            fields = ["content", "piece", "pieces", "data"]
            rows = self._connection.every(self._tables.contents, f"content in {part}", fields)
            for row in rows:
                pieces.setdefault(int(row["content"]), {})[int(row["piece"])] = row["data"]
                sizes[int(row["content"])] = int(row["pieces"])
            for content_id, size in sizes.items():
                data = pieces[content_id]
                if data.keys() >= set(range(size)):
                    yield unpack_content(blob_of([data[at] for at in range(size)]))


def _parts(keys: Sequence[bytes]) -> list[Sequence[bytes]]:
    return [keys[at : at + _CONTENTS_AT_ONCE] for at in range(0, len(keys), _CONTENTS_AT_ONCE)]


def _chunk_rows(contents: Iterable[Content]) -> Iterator[dict[str, Any]]:
    for content in contents:
        content_id = content_number(content.key)
        repository = number("repository", content.first.repository)
        for ordinal, one in enumerate(content.cut.chunks):
            chunk = one.chunk
            yield {
                "id": chunk_number(content.key, ordinal),
                "repository": repository,
                "content": content_id,
                "start_line": chunk.start_line,
                "end_line": chunk.end_line,
                "kind": chunk.kind,
                "symbol": chunk.symbol,
                "scope": chunk.scope,
                "definitions": "\n".join(chunk.definitions),
                "embedded_hash": one.embedded_hash.hex(),
                "words": _words(one),
                "signature": chunk.signature,
                "text": chunk.text,
                "parts": _packed_parts(one),
                "terms": sparse_row(one.lexicon, chunk.definitions),
            }


def _words(one: CutChunk) -> str:
    return "\n".join(one.lexicon)


def _packed_parts(one: CutChunk) -> str:
    return json.dumps(one.chunk.parts, ensure_ascii=False) if one.chunk.parts else ""


def _check_lengths(content: Content, one: CutChunk) -> None:
    """See to it that a chunk fits a row, as one of the chunker's 2,000 characters always does."""
    chunk = one.chunk
    longest = max(
        len(text.encode(errors="surrogatepass"))
        for text in (
            *(chunk.text, chunk.symbol, chunk.scope, chunk.signature, _words(one)),
            *("\n".join(chunk.definitions), _packed_parts(one)),
        )
    )
    if longest > _LONGEST:
        raise C2LLMError(
            f"A chunk of {content.first.whole} has {longest:,} bytes, and Milvus keeps "
            f"{_LONGEST:,} in a field; exclude the file with .c2llmignore."
        )
