"""What a search asks of a SQLite index: words, names, chunks and files; `ChunkStore` says what for.

Ids are given to a statement as one JSON list: there is no limit on their number.
"""

from __future__ import annotations

import json
import math
import string
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from c2llm.codebase.chunk import Chunk
from c2llm.codebase.words import tokens
from c2llm.index.store.chunk_store import (
    BM25_B,
    BM25_K1,
    BODY_WEIGHT,
    PATH_WEIGHT,
    SYMBOL_WEIGHT,
)
from c2llm.index.store.records import ChunkFacts, IndexedFile, StoredChunk, WordStatistics
from c2llm.index.store.schema import explained
from c2llm.index.store.sqlite_file import SqliteFile, restored_path, stored_path
from c2llm.index.store.text_blocks import TextBlock, unpack_text

_BLOCKS_AT_ONCE = 200
_AMONG = "IN (SELECT value FROM json_each(?))"
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class SqliteQuestions(SqliteFile):
    """The part of the store that answers what has to do with words, chunks and files."""

    def chunk_count(self) -> int:
        """How many chunks there are."""
        row = self._one("SELECT count(*) FROM chunks")
        return 0 if row is None else int(row[0])

    # -- words and names -------------------------------------------------------------------------

    def lexical_candidates(
        self,
        terms: Iterable[str],
        limit: int,
        admitted: Collection[int] | None = None,
        statistics: WordStatistics | None = None,
    ) -> list[tuple[int, float]]:
        """Ids and BM25 scores of the chunks that have any of the terms, the best first."""
        if statistics is not None:
            return self._scored_by(statistics, terms, limit, admitted)
        match = " OR ".join(map(_quoted, dict.fromkeys(terms)))
        if not match:
            return []
        within, values = "", [match]
        if admitted is not None:
            within = f"AND rowid {_AMONG}"
            values.append(json.dumps(sorted(admitted)))
        rows = self._all(
            f"SELECT rowid, bm25(lexicon, {BODY_WEIGHT}, {PATH_WEIGHT}, {SYMBOL_WEIGHT}) AS score"
            f" FROM lexicon WHERE lexicon MATCH ? {within} ORDER BY score, rowid LIMIT {limit}",
            values,
        )
        return [(int(row[0]), -float(row[1])) for row in rows]

    def _scored_by(
        self,
        statistics: WordStatistics,
        terms: Iterable[str],
        limit: int,
        admitted: Collection[int] | None,
    ) -> list[tuple[int, float]]:
        """`lexical_candidates` by other statistics than those that `bm25` takes from the table."""
        rows = self._all(
            "SELECT term, doc, sum(CASE col WHEN 'path' THEN ? WHEN 'symbol' THEN ? ELSE ? END)"
            f" FROM lexicon_places WHERE term {_AMONG} GROUP BY term, doc",
            (PATH_WEIGHT, SYMBOL_WEIGHT, BODY_WEIGHT, json.dumps(list(dict.fromkeys(terms)))),
        )
        if admitted is not None:
            may_answer = frozenset(admitted)
            rows = [row for row in rows if row[1] in may_answer]
        if not rows:
            return []
        average = statistics.tokens / statistics.chunks
        # What FTS5 keeps of each row, whatever the content: its columns' numbers of tokens.
        sizes = self._all(
            f"SELECT id, sz FROM lexicon_docsize WHERE id {_AMONG}",
            (json.dumps(sorted({row[1] for row in rows})),),
        )
        damping = {
            chunk_id: BM25_K1 * (1.0 - BM25_B + BM25_B * sum(varints(size)) / average)
            for chunk_id, size in sizes
        }
        total = statistics.chunks
        idf = {
            term: max(1e-6, math.log((total - count + 0.5) / (count + 0.5)))
            for term, count in statistics.counts.items()
            if 0 < count <= total
        }
        score: defaultdict[int, float] = defaultdict(float)
        for term, chunk_id, frequency in rows:
            if term in idf and chunk_id in damping:  # another process may write meanwhile
                saturated = frequency * (BM25_K1 + 1.0) / (frequency + damping[chunk_id])
                score[chunk_id] += idf[term] * saturated
        return sorted(score.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]

    def word_statistics(self, terms: Iterable[str]) -> WordStatistics:
        """How common the terms are, how many chunks there are, and how many tokens in them."""
        # FTS5's own sums: the number of rows, then of tokens in each column.
        row = self._one("SELECT block FROM lexicon_data WHERE id = 1")
        chunks, *tokens_of_columns = varints(row[0]) if row is not None and row[0] else [0]
        return WordStatistics(chunks, sum(tokens_of_columns), self.document_frequencies(terms))

    def document_frequencies(self, terms: Iterable[str]) -> dict[str, int]:
        """How many chunks have a term in any field, for those terms that some chunk has."""
        rows = self._all(
            f"SELECT term, doc FROM lexicon_terms WHERE term {_AMONG}", (json.dumps(list(terms)),)
        )
        return {str(term): int(count) for term, count in rows}

    def phrase_matches(self, first: str, second: str, among: Collection[int]) -> list[int]:
        """Ids of those chunks in whose body the second term follows right upon the first."""
        # With the ids in the statement SQLite would look the phrase up for each of them.
        rows = self._all(
            "SELECT rowid FROM lexicon WHERE lexicon MATCH ?",
            (f"body : {_quoted(first)} + {_quoted(second)}",),
        )
        return [row[0] for row in rows if row[0] in among]

    def definitions(self, names: Iterable[str]) -> dict[str, list[int]]:
        """For each name the ids of the chunks that define it."""
        rows = self._all(
            f"SELECT name, chunk_id FROM definitions WHERE name {_AMONG} ORDER BY name, chunk_id",
            (json.dumps(list(names)),),
        )
        found: dict[str, list[int]] = {}
        for name, chunk_id in rows:
            found.setdefault(name, []).append(chunk_id)
        return found

    def files_that_spell(self, name: str, limit: int) -> list[str]:
        """Paths, sorted, of files with a chunk whose body has a name as an identifier."""
        token = tokens(name).split(" ", 1)[0]
        if not token:
            return []
        rows = self._all(
            "SELECT path, block_id, ids FROM"
            " (SELECT c.file_id, c.block_id, json_group_array(c.id - c.block_id) AS ids"
            " FROM lexicon l JOIN chunks c ON c.id = l.rowid WHERE lexicon MATCH ?"
            " GROUP BY c.block_id) JOIN files f ON f.id = file_id ORDER BY path, block_id",
            (f"body : {_quoted(token)}",),
        )
        spelled = name.encode(errors="surrogateescape")
        found: dict[str, None] = {}
        for start in range(0, len(rows), _BLOCKS_AT_ONCE):
            part = rows[start : start + _BLOCKS_AT_ONCE]
            blocks = self._blocks(block_id for _, block_id, _ in part)
            for path, block_id, positions in part:
                if len(found) == limit:
                    return sorted(found)
                with explained(self.path):
                    spells = block_id in blocks and blocks[block_id].spell(
                        json.loads(positions), spelled
                    )
                if spells:
                    found[restored_path(path)] = None
        return sorted(found)

    # -- chunks ----------------------------------------------------------------------------------

    def facts(self, ids: Iterable[int]) -> list[ChunkFacts]:
        """All but the text of the chunks that are there."""
        rows = self._all(
            "SELECT c.id, c.file_id, f.path, c.start_line, c.end_line, f.language, c.kind,"
            " c.symbol, c.scope, c.definitions"
            f" FROM chunks c JOIN files f ON f.id = c.file_id WHERE c.id {_AMONG}",
            (json.dumps(list(ids)),),
        )
        return [
            ChunkFacts._make((row[0], row[1], restored_path(row[2]), *row[3:9], _names(row[9])))
            for row in rows
        ]

    def chunks(self, ids: Iterable[int]) -> list[StoredChunk]:
        """The chunks that are there, in the order of path, first line and id."""
        rows = self._all(
            "SELECT c.id, c.file_id, c.block_id, f.path, c.start_line, c.end_line, f.language,"
            " c.kind, c.symbol, c.scope, c.definitions"
            f" FROM chunks c JOIN files f ON f.id = c.file_id WHERE c.id {_AMONG}",
            (json.dumps(list(ids)),),
        )
        blocks = self._blocks(row[2] for row in rows)
        with explained(self.path):
            found = [
                StoredChunk(row[0], row[1], _chunk(row[3:], blocks[row[2]], row[0] - row[2]))
                for row in rows
                if row[2] in blocks  # else another process has replaced the file since
            ]
        found.sort(key=lambda stored: (stored.chunk.path, stored.chunk.start_line, stored.id))
        return found

    def chunks_of(self, file_ids: Iterable[int]) -> dict[int, list[int]]:
        """For each file that has any the ids of its chunks, in the order of lines."""
        # A file's chunks are written in the order of its lines, and the index has them by id.
        rows = self._all(
            f"SELECT file_id, id FROM chunks WHERE file_id {_AMONG} ORDER BY file_id, id",
            (json.dumps(list(file_ids)),),
        )
        found: dict[int, list[int]] = {}
        for file_id, chunk_id in rows:
            found.setdefault(file_id, []).append(chunk_id)
        return found

    def chunks_at(self, file_id: int, start_line: int, end_line: int) -> list[int]:
        """Ids, rising, of a file's chunks that have a line between these two, both inclusive."""
        rows = self._all(
            "SELECT id FROM chunks WHERE file_id = ? AND start_line <= ? AND end_line >= ?"
            " ORDER BY id",
            (file_id, end_line, start_line),
        )
        return [row[0] for row in rows]

    def texts(
        self, having: Collection[str] = (), among: Collection[int] | None = None
    ) -> Iterator[tuple[int, str]]:
        """Id and text of the chunks in whose text all these strings are, by rising id."""
        strings = [string.encode(errors="surrogateescape") for string in having]
        chosen, values = "id > ?", []
        if among is not None:
            chosen += f" AND id IN (SELECT block_id FROM chunks WHERE id {_AMONG})"
            values.append(json.dumps(list(among)))
        last = -1
        while rows := self._all(
            f"SELECT * FROM blocks WHERE {chosen} ORDER BY id LIMIT ?",
            (last, *values, _BLOCKS_AT_ONCE),
        ):
            dictionaries = self._dictionaries()
            for block_id, dictionary_id, packed in rows:
                with explained(self.path):
                    block = TextBlock(packed, dictionaries.get(dictionary_id, b""))
                    texts = block.texts_with(strings)
                for position, text in texts:
                    if among is None or block_id + position in among:
                        yield block_id + position, text
            last = rows[-1][0]

    def _blocks(self, ids: Iterable[int]) -> dict[int, TextBlock]:
        """Those of the blocks that are there."""
        rows = self._all(
            f"SELECT * FROM blocks WHERE id {_AMONG}",
            (json.dumps(list(dict.fromkeys(ids))),),
        )
        dictionaries = self._dictionaries()
        with explained(self.path):
            return {
                block_id: TextBlock(packed, dictionaries.get(dictionary_id, b""))
                for block_id, dictionary_id, packed in rows
            }

    def _dictionaries(self) -> dict[int, bytes]:
        """What blocks that were read before are packed with: dictionaries are never removed."""
        rows = self._all("SELECT id, packed FROM dictionaries")
        with explained(self.path):
            return {number: unpack_text(packed).encode() for number, packed in rows}

    # -- files -----------------------------------------------------------------------------------

    def files(self) -> list[IndexedFile]:
        """All files."""
        rows = self._all("SELECT id, path, language, mtime_ns FROM files")
        return [
            IndexedFile(file_id, restored_path(path), language, mtime_ns)
            for file_id, path, language, mtime_ns in rows
        ]

    def files_state(self) -> tuple[int, int]:
        """How many files there are, and a number that rises when one with chunks is written."""
        row = self._one(
            "SELECT count(*), (SELECT seq FROM sqlite_sequence WHERE name = 'chunks') FROM files"
        )
        return (0, 0) if row is None else (int(row[0]), int(row[1] or 0))

    def hashes(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Hash of the content of those of the paths that are indexed."""
        found: dict[str, bytes] = {}
        for start in range(0, len(paths), 500):
            part = [stored_path(path) for path in paths[start : start + 500]]
            among = ",".join("?" * len(part))
            rows = self._all(f"SELECT path, hash FROM files WHERE path IN ({among})", part)
            found.update((restored_path(row[0]), row[1]) for row in rows)
        return found

    def files_named(self, name: str) -> list[tuple[int, str]]:
        """Id and path of the files whose name without folders is this, case of ASCII aside."""
        readable = name.encode(errors="replace").decode()  # what SQLite cannot be asked for is a
        escaped = readable.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        rows = self._all(  # name of bytes, of which there are few
            "SELECT id, path FROM files WHERE path LIKE ?1 ESCAPE '!' OR path LIKE ?2 ESCAPE '!'"
            " OR typeof(path) = 'blob'",
            (escaped, f"%/{escaped}"),
        )
        wanted = name.translate(_LOWER)
        found = [(int(file_id), restored_path(path)) for file_id, path in rows]
        return [
            (file_id, path)
            for file_id, path in found
            if path.rpartition("/")[2].translate(_LOWER) == wanted
        ]

    def imports(self, file_ids: Iterable[int] | None = None) -> list[tuple[int, list[str]]]:
        """Id and imported modules of all files, or of these, that import any."""
        rows = self._all(
            "SELECT file_id, modules FROM imports"
            + ("" if file_ids is None else f" WHERE file_id {_AMONG}"),
            () if file_ids is None else (json.dumps(list(file_ids)),),
        )
        with explained(self.path):
            return [(int(row[0]), unpack_text(row[1]).split("\n")) for row in rows]


def _quoted(term: str) -> str:
    """A term as a string of FTS5's language."""
    return '"' + term.replace('"', '""') + '"'


def varints(packed: bytes) -> list[int]:
    """Numbers as SQLite packs them: seven bits a byte, the highest first, the last without mark."""
    numbers: list[int] = []
    number = 0
    for byte in packed:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(number)
            number = 0
    return numbers


def _names(definitions: str) -> tuple[str, ...]:
    return tuple(definitions.split("\n")) if definitions else ()


def _chunk(row: tuple[Any, ...], block: TextBlock, position: int) -> Chunk:
    path, start, end, language, kind, symbol, scope, definitions = row
    return Chunk(
        restored_path(path),
        start,
        end,
        language,
        kind,
        symbol,
        scope,
        block.signature(position),
        _names(definitions),
        block.text(position),
        block.parts(position),
    )
