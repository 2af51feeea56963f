"""What a search asks of a catalog in Milvus: words, names, chunks and files (`ChunkStore`).

Milvus says which chunks are likely, by sparse vectors of our own tokens; their scores are then
computed here, by the formula and the statistics that every store has, so that several may be asked
together. What is known of contents is answered from the table of contents without a request.
"""

from __future__ import annotations

import json
import math
import string
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from c2llm.codebase.chunk import Chunk, Part
from c2llm.codebase.words import normalized, tokens
from c2llm.index.store.chunk_store import (
    BM25_B,
    BM25_K1,
    BODY_WEIGHT,
    PATH_WEIGHT,
    SYMBOL_WEIGHT,
)
from c2llm.index.store.milvus.connection import MOST_HITS
from c2llm.index.store.milvus.contents import Contents
from c2llm.index.store.milvus.numbers import dimension, name_dimension
from c2llm.index.store.milvus.packed import damaged
from c2llm.index.store.milvus.state import MilvusState, batches
from c2llm.index.store.milvus.tables import CHUNK_FACTS, CHUNK_TEXTS
from c2llm.index.store.records import ChunkFacts, IndexedFile, StoredChunk, WordStatistics

if TYPE_CHECKING:
    from c2llm.index.store.imported.condition import Condition
    from c2llm.index.store.imported.record import Column, Record

USUAL_TOKENS = 150
"""Of a chunk: what the weights in sparse vectors take for the average, which they cannot know."""
_FEW_CHUNKS = 1_000
"""Of which all are scored rather than searched."""
_MOST_CONTENTS = 10_000
"""That a condition names."""
_MOST_WORDS = 50_000
"""Chunks whose words are kept in memory."""
_TEXTS_AT_ONCE = 500
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_WEIGHTS = (PATH_WEIGHT, SYMBOL_WEIGHT, BODY_WEIGHT)
_NOTHING_MOVED: Mapping[int, Sequence[str]] = {}


def saturated(frequency: float, length: int, average: float) -> float:
    """What BM25 makes of a weighted frequency in a chunk of so many tokens."""
    damping = BM25_K1 * (1.0 - BM25_B + BM25_B * length / average)
    return frequency * (BM25_K1 + 1.0) / (frequency + damping)


def weighted_frequencies(lexicon: Sequence[str]) -> dict[str, float]:
    """How often each term is in the three fields of a chunk, with their weights."""
    found: dict[str, float] = {}
    for weight, words in zip(_WEIGHTS, lexicon, strict=True):
        for word in words.split():
            found[word] = found.get(word, 0.0) + weight
    return found


def sparse_row(lexicon: Sequence[str], definitions: Iterable[str]) -> dict[int, float]:
    """The sparse vector of a chunk: its terms by weight, and the names that it defines."""
    length = sum(len(words.split()) for words in lexicon)
    row: dict[int, float] = {}
    for term, frequency in weighted_frequencies(lexicon).items():
        each = dimension(term)
        row[each] = max(row.get(each, 0.0), saturated(frequency, length, USUAL_TOKENS))
    for name in definitions:
        row.setdefault(name_dimension(normalized(name)), 1.0)
    return row or {dimension(""): 1.0}  # some servers take no empty vector


class MilvusQuestions(MilvusState):
    """The part of the store that answers what has to do with words, chunks and files."""

    _words: dict[int, tuple[str, str, str]]

    def chunk_count(self) -> int:
        """How many chunks there are."""
        return self._contents().chunks

    # -- words and names -------------------------------------------------------------------------

    def lexical_candidates(
        self,
        terms: Iterable[str],
        limit: int,
        admitted: Collection[int] | None = None,
        statistics: WordStatistics | None = None,
    ) -> list[tuple[int, float]]:
        """Ids and BM25 scores of the chunks that have any of the terms, the best first."""
        wanted = list(dict.fromkeys(terms))
        if statistics is None:
            statistics = _statistics(self._contents(), wanted)
        return self._candidates(wanted, limit, admitted, statistics)

    def _candidates(
        self,
        wanted: Sequence[str],
        limit: int,
        admitted: Collection[int] | None,
        statistics: WordStatistics,
        moved: Mapping[int, Sequence[str]] = _NOTHING_MOVED,
    ) -> list[tuple[int, float]]:
        """`lexical_candidates`; for `moved` see `CatalogStore`."""
        contents = self._contents()
        idf = _idf(statistics)
        weights = {term: idf[term] for term in wanted if term in idf}
        if not weights or limit <= 0:
            return []
        average = statistics.tokens / statistics.chunks
        of_chunk = contents.of_chunk
        allowed = None if admitted is None else of_chunk.keys() & set(admitted)
        if allowed is not None and len(allowed) <= _FEW_CHUNKS:
            return self._scored(allowed, weights, average, moved)[:limit]
        among = of_chunk.keys() if allowed is None else allowed
        # No row has the words of a path that its content was moved to.
        at_hand = {one for one, own in moved.items() if not weights.keys().isdisjoint(own)} & among
        # A term that no chunk has would be a query without a term, which some servers refuse.
        asked = [term for term in weights if contents.vocabulary.count(term)]
        if not asked:
            return self._scored(at_hand, weights, average, moved)[:limit]
        condition = ""
        if allowed is not None:
            files = {of_chunk[chunk_id] for chunk_id in allowed}
            if len(files) <= _MOST_CONTENTS:
                condition = f"content in {sorted(files)}"
        query = {dimension(term): idf[term] for term in asked}
        # So much may the exact score of a chunk be above the one that it was found by.
        slack = max(1.0, average / USUAL_TOKENS)
        take = min(max(2 * limit, limit + 100), MOST_HITS)
        while True:
            (hits,) = self._connection.search(
                self._tables.chunks, "terms", [query], take, condition=condition
            )
            likely = {hit[0] for hit in hits} & among | at_hand
            found = self._scored(likely, weights, average, moved)[:limit]
            complete = len(hits) < take or take == MOST_HITS
            if complete or (len(found) == limit and found[-1][1] >= slack * hits[-1][1]):
                return found
            take = min(4 * take, MOST_HITS)

    def _scored(
        self,
        ids: Iterable[int],
        idf: Mapping[str, float],
        average: float,
        moved: Mapping[int, Sequence[str]],
    ) -> list[tuple[int, float]]:
        """The exact scores of those of the chunks that have any of the terms, the best first."""
        scores: list[tuple[int, float]] = []
        for chunk_id, lexicon in self._seen_words(ids, moved).items():
            found: dict[str, float] = {}
            length = 0
            for weight, field in zip(_WEIGHTS, lexicon, strict=True):
                words = field.split()
                length += len(words)
                for word in words:
                    if word in idf:
                        found[word] = found.get(word, 0.0) + weight
            if found:
                score = sum(
                    idf[term] * saturated(frequency, length, average)
                    for term, frequency in sorted(found.items())
                )
                scores.append((chunk_id, score))
        scores.sort(key=lambda pair: (-pair[1], pair[0]))
        return scores

    def _seen_words(
        self, ids: Iterable[int], moved: Mapping[int, Sequence[str]]
    ) -> dict[int, tuple[str, str, str]]:
        """`_words_of`, with the path that each chunk was moved to."""
        return {
            chunk_id: (" ".join(moved[chunk_id]), *words[1:]) if chunk_id in moved else words
            for chunk_id, words in self._words_of(ids).items()
        }

    def _words_of(self, ids: Iterable[int]) -> dict[int, tuple[str, str, str]]:
        """The tokens of path, symbol and body of the chunks; a chunk never changes."""
        wanted = set(ids)
        unknown = wanted - self._words.keys()
        if len(self._words) + len(unknown) > _MOST_WORDS:
            self._words.clear()
            unknown = wanted
        for row in self._connection.get(self._tables.chunks, unknown, ["words"]):
            path, symbol, body = str(row["words"]).split("\n")
            self._words[int(row["id"])] = path, symbol, body
        return {chunk_id: self._words[chunk_id] for chunk_id in wanted if chunk_id in self._words}

    def word_statistics(self, terms: Iterable[str]) -> WordStatistics:
        """How common the terms are, how many chunks there are, and how many tokens in them."""
        return _statistics(self._contents(), terms)

    def document_frequencies(self, terms: Iterable[str]) -> dict[str, int]:
        """How many chunks have a term in any field, for those terms that some chunk has."""
        return dict(self.word_statistics(terms).counts)

    def phrase_matches(self, first: str, second: str, among: Collection[int]) -> list[int]:
        """Ids of those chunks in whose body the second term follows right upon the first."""
        vocabulary = self._contents().vocabulary
        if not (first and second and vocabulary.count(first) and vocabulary.count(second)):
            return []
        phrase = f" {first} {second} "
        there = self._contents().of_chunk.keys() & set(among)
        return [
            chunk_id
            for chunk_id, (_, _, body) in sorted(self._words_of(there).items())
            if phrase in f" {body} "
        ]

    def definitions(self, names: Iterable[str]) -> dict[str, list[int]]:
        """For each name the ids of the chunks that define it."""
        contents = self._contents()
        wanted = [
            name for name in dict.fromkeys(names) if contents.vocabulary.has(name_dimension(name))
        ]
        found: dict[str, list[int]] = {}
        limit = _TEXTS_AT_ONCE
        while wanted:
            answers = self._connection.search(
                self._tables.chunks,
                "terms",
                [{name_dimension(name): 1.0} for name in wanted],
                limit,
                ["definitions"],
            )
            more: list[str] = []
            for name, hits in zip(wanted, answers, strict=True):
                if len(hits) == limit < MOST_HITS:
                    more.append(name)
                    continue
                ids = sorted(
                    chunk_id
                    for chunk_id, _, row in hits
                    if chunk_id in contents.of_chunk
                    and name in map(normalized, _names(row["definitions"]))
                )
                if ids:
                    found[name] = ids
            wanted, limit = more, MOST_HITS
        return found

    def files_that_spell(self, name: str, limit: int) -> list[str]:
        """Paths, sorted, of files with a chunk whose body has a name as an identifier."""
        token = tokens(name).split(" ", 1)[0]
        contents = self._contents()
        if not token or not contents.vocabulary.count(token):
            return []
        (hits,) = self._connection.search(
            self._tables.chunks, "terms", [{dimension(token): 1.0}], MOST_HITS
        )
        paths = {
            chunk_id: contents.entries[contents.of_chunk[chunk_id]].first.whole
            for chunk_id, _, _ in hits
            if chunk_id in contents.of_chunk
        }
        found: dict[str, None] = {}
        for part in batches(sorted(paths, key=lambda one: (paths[one], one)), _TEXTS_AT_ONCE):
            rows = self._connection.get(self._tables.chunks, part, ["text", "words"])
            spelling = {
                int(row["id"])
                for row in rows
                if name in row["text"] and token in str(row["words"]).split("\n")[2].split()
            }
            for chunk_id in part:
                if chunk_id in spelling and len(found) < limit:
                    found[paths[chunk_id]] = None
            if len(found) == limit:
                break
        return sorted(found)

    # -- chunks ----------------------------------------------------------------------------------

    def facts(self, ids: Iterable[int]) -> list[ChunkFacts]:
        """All but the text of the chunks that are there."""
        contents = self._contents()
        rows = self._chunk_rows(contents, ids, CHUNK_FACTS)
        return [_facts(contents, row) for row in rows]

    def chunks(self, ids: Iterable[int]) -> list[StoredChunk]:
        """The chunks that are there, in the order of path, first line and id."""
        contents = self._contents()
        found = [
            StoredChunk(int(row["id"]), int(row["content"]), _chunk(_facts(contents, row), row))
            for row in self._chunk_rows(contents, ids, (*CHUNK_FACTS, *CHUNK_TEXTS))
        ]
        found.sort(key=lambda stored: (stored.chunk.path, stored.chunk.start_line, stored.id))
        return found

    def _chunk_rows(
        self, contents: Contents, ids: Iterable[int], fields: Sequence[str]
    ) -> Iterator[Any]:
        """The rows of those of the chunks that are in answers."""
        there = contents.of_chunk.keys() & set(ids)
        return self._connection.get(self._tables.chunks, there, fields)

    def chunks_of(self, file_ids: Iterable[int]) -> dict[int, list[int]]:
        """For each file that has any the ids of its chunks, in the order of lines."""
        entries = self._contents().entries
        return {
            file_id: entries[file_id].chunk_ids
            for file_id in dict.fromkeys(file_ids)
            if file_id in entries and len(entries[file_id].vectors)
        }

    def chunks_at(self, file_id: int, start_line: int, end_line: int) -> list[int]:
        """Ids, rising, of a file's chunks that have a line between these two, both inclusive."""
        ids = self.chunks_of([file_id]).get(file_id, [])
        rows = self._connection.get(self._tables.chunks, ids, ["start_line", "end_line"])
        return sorted(
            int(row["id"])
            for row in rows
            if row["start_line"] <= end_line and row["end_line"] >= start_line
        )

    def texts(
        self, having: Collection[str] = (), among: Collection[int] | None = None
    ) -> Iterator[tuple[int, str]]:
        """Id and text of the chunks in whose text all these strings are, by rising id."""
        there = self._contents().of_chunk.keys()
        ids = sorted(there if among is None else there & set(among))
        for part in batches(ids, _TEXTS_AT_ONCE):
            rows = self._connection.get(self._tables.chunks, part, ["text"])
            texts = {int(row["id"]): str(row["text"]) for row in rows}
            for chunk_id in part:
                text = texts.get(chunk_id)
                if text is not None and all(each in text for each in having):
                    yield chunk_id, text

    # -- files -----------------------------------------------------------------------------------

    def files(self) -> list[IndexedFile]:
        """All files; each is a content, under the place that it was first read from."""
        return [
            IndexedFile(file_id, entry.first.whole, entry.language, -1)
            for file_id, entry in self._contents().entries.items()
        ]

    def files_state(self) -> tuple[int, int]:
        """How many files there are, and a number that rises when one with chunks is written."""
        contents = self._contents()
        last = max((tree.generation for tree in contents.trees.values()), default=0)
        return len(contents.entries), last

    def hashes(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Hash of the content of those of the paths that are indexed."""
        wanted = set(paths)
        return {
            entry.first.whole: entry.digest
            for entry in self._contents().entries.values()
            if entry.first.whole in wanted
        }

    def files_named(self, name: str) -> list[tuple[int, str]]:
        """Id and path of the files whose name without folders is this, case of ASCII aside."""
        wanted = name.translate(_LOWER)
        return [
            (file_id, entry.first.whole)
            for file_id, entry in self._contents().entries.items()
            if entry.first.path.rpartition("/")[2].translate(_LOWER) == wanted
        ]

    def imports(self, file_ids: Iterable[int] | None = None) -> list[tuple[int, list[str]]]:
        """Id and imported modules of all files, or of these, that import any."""
        entries = self._contents().entries
        asked = entries if file_ids is None else dict.fromkeys(file_ids)
        return [
            (file_id, list(entries[file_id].imports))
            for file_id in asked
            if file_id in entries and entries[file_id].imports
        ]

    # -- records ---------------------------------------------------------------------------------

    def record_columns(self) -> dict[str, Column]:
        """None: records are imported into the index of a repository."""
        return {}

    def recorded(self, condition: Condition | None) -> list[Record]:
        """None, and a condition about some is an error."""
        if condition is not None:
            from c2llm.index.store.imported.resolving import NoRecordsError

            raise NoRecordsError("No records are imported here; see: c2llm records import --help.")
        return []


def _statistics(contents: Contents, terms: Iterable[str]) -> WordStatistics:
    counts = {
        term: count
        for term in dict.fromkeys(terms)
        if term and (count := contents.vocabulary.count(term))
    }
    return WordStatistics(contents.chunks, contents.tokens, counts)


def _idf(statistics: WordStatistics) -> dict[str, float]:
    total = statistics.chunks
    return {
        term: max(1e-6, math.log((total - count + 0.5) / (count + 0.5)))
        for term, count in statistics.counts.items()
        if 0 < count <= total
    }


def _names(definitions: str) -> tuple[str, ...]:
    return tuple(definitions.split("\n")) if definitions else ()


def _facts(contents: Contents, row: Mapping[str, Any]) -> ChunkFacts:
    file_id = int(row["content"])
    entry = contents.entries[file_id]
    return ChunkFacts(
        int(row["id"]),
        file_id,
        entry.first.whole,
        int(row["start_line"]),
        int(row["end_line"]),
        entry.language,
        str(row["kind"]),
        str(row["symbol"]),
        str(row["scope"]),
        _names(row["definitions"]),
    )


def _chunk(facts: ChunkFacts, row: Mapping[str, Any]) -> Chunk:
    _, _, path, start_line, end_line, language, kind, symbol, scope, definitions = facts
    try:
        parts = tuple(map(Part._make, json.loads(row["parts"]))) if row["parts"] else ()
    except (ValueError, TypeError, RecursionError) as error:
        raise damaged() from error
    return Chunk(
        path,
        start_line,
        end_line,
        language,
        kind,
        symbol,
        scope,
        str(row["signature"]),
        definitions,
        str(row["text"]),
        parts,
    )
