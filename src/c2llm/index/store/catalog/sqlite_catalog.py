"""The store of a catalog in one SQLite file (`CatalogStore`).

A content waits, packed, until a repository has it. Then it is a file like those of a tree: its
row of `files` has the number of its row of `contents`, and every question of a search finds it as
it would there. When the last repository drops it, it waits again. So what is in no answer is in no
table that an answer is made of, and questions know nothing of all this.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from c2llm.codebase.chunks import embedding_text
from c2llm.codebase.words import lexicon_row
from c2llm.index.build.cutting import CutChunk, CutFile
from c2llm.index.store.catalog.packed_cut import pack_cut, unpack_cut
from c2llm.index.store.catalog.records import Place, RepositoryState
from c2llm.index.store.imported.sqlite_recorded import SqliteRecorded
from c2llm.index.store.schema import explained
from c2llm.index.store.sqlite_chunks import SqliteChunks
from c2llm.index.store.sqlite_file import restored_path, stored_path
from c2llm.index.store.sqlite_questions import varints

if TYPE_CHECKING:
    from c2llm.index.store.catalog.records import Content

_TABLES = """
CREATE INDEX files_by_path ON files (path);
CREATE TABLE repositories (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name NOT NULL UNIQUE,
    revision TEXT NOT NULL,
    files INTEGER NOT NULL
);
CREATE TABLE contents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,
    repository NOT NULL,
    path NOT NULL,
    packed BLOB
);
CREATE INDEX contents_that_wait ON contents (id) WHERE packed IS NOT NULL;
CREATE TABLE places (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    path NOT NULL,
    content_id INTEGER NOT NULL REFERENCES contents (id),
    PRIMARY KEY (repository_id, path)
) WITHOUT ROWID;
CREATE INDEX places_of_content ON places (content_id, repository_id)
"""
_ROWS_OF_A_QUERY = 500
_AMONG = "IN (SELECT value FROM json_each(?))"
_UNHAD = "id NOT IN (SELECT content_id FROM places)"


class SqliteCatalog(SqliteChunks, SqliteRecorded):
    """One open store of a catalog. Not for use by two threads at once."""

    further_tables = _TABLES

    # -- what there is ---------------------------------------------------------------------------

    def repositories(self) -> dict[str, RepositoryState]:
        """The repositories by name."""
        rows = self._all("SELECT name, revision, files FROM repositories ORDER BY name")
        states = (RepositoryState(restored_path(row[0]), row[1], row[2]) for row in rows)
        return {state.name: state for state in states}

    def tree(self, repository: str) -> dict[str, bytes]:
        """Path and key of the content of each file of a repository."""
        rows = self._all(
            "SELECT p.path, c.key FROM places p JOIN contents c ON c.id = p.content_id"
            " WHERE p.repository_id = (SELECT id FROM repositories WHERE name = ?)",
            (stored_path(repository),),
        )
        return {restored_path(path): key for path, key in rows}

    def known(self, keys: Iterable[bytes]) -> set[bytes]:
        """Those of the keys whose contents are there."""
        asked = list(keys)
        found: set[bytes] = set()
        for start in range(0, len(asked), _ROWS_OF_A_QUERY):
            part = asked[start : start + _ROWS_OF_A_QUERY]
            marks = ",".join("?" * len(part))
            rows = self._all(f"SELECT key FROM contents WHERE key IN ({marks})", part)
            found.update(row[0] for row in rows)
        return found

    def places(
        self, file_ids: Iterable[int], repositories: Collection[str] | None = None
    ) -> dict[int, list[Place]]:
        """For each file its places, sorted, in these repositories."""
        within, values = "", [json.dumps(list(file_ids))]
        if repositories is not None:
            within = f"AND p.repository_id {_AMONG}"
            values.append(json.dumps(self._numbers(repositories)))
        found: dict[int, list[Place]] = {}
        for file_id, name, path in self._all(
            "SELECT p.content_id, r.name, p.path FROM places p"
            f" JOIN repositories r ON r.id = p.repository_id WHERE p.content_id {_AMONG} {within}",
            values,
        ):
            place = Place(restored_path(name), restored_path(path))
            found.setdefault(file_id, []).append(place)
        for places in found.values():
            places.sort()
        return found

    def chunks_in(self, repositories: Collection[str]) -> set[int]:
        """Ids of the chunks that have a place in one of these repositories."""
        rows = self._all(
            "SELECT id FROM chunks WHERE file_id IN"
            f" (SELECT content_id FROM places WHERE repository_id {_AMONG})",
            (json.dumps(self._numbers(repositories)),),
        )
        return {row[0] for row in rows}

    def files_in(self, repositories: Collection[str] | None) -> list[tuple[int, Place, str]]:
        """Id, place and language of each file, one for each place; None for all repositories."""
        within, values = "", []
        if repositories is not None:
            within = f"WHERE p.repository_id {_AMONG}"
            values.append(json.dumps(self._numbers(repositories)))
        rows = self._all(
            "SELECT p.content_id, r.name, p.path, f.language FROM places p"
            " JOIN repositories r ON r.id = p.repository_id JOIN files f ON f.id = p.content_id"
            f" {within} ORDER BY r.name, p.path",
            values,
        )
        return [
            (file_id, Place(restored_path(name), restored_path(path)), language)
            for file_id, name, path, language in rows
        ]

    def document_frequencies_among(
        self, terms: Iterable[str], among: Collection[int]
    ) -> dict[str, int]:
        """How many of these chunks have a term, for those terms that some have."""
        counts: dict[str, int] = {}
        for term, chunk_id in self._all(
            f"SELECT DISTINCT term, doc FROM lexicon_places WHERE term {_AMONG}",
            (json.dumps(list(terms)),),
        ):
            if chunk_id in among:
                counts[term] = counts.get(term, 0) + 1
        return counts

    def tokens_of(self, among: Collection[int]) -> int:
        """How many tokens these chunks have together."""
        sizes = self._all(
            f"SELECT sz FROM lexicon_docsize WHERE id {_AMONG}", (json.dumps(list(among)),)
        )
        return sum(sum(varints(size)) for (size,) in sizes)

    def _numbers(self, repositories: Collection[str]) -> list[int]:
        """The numbers of those of the repositories that are there."""
        wanted = set(repositories)
        rows = self._all("SELECT id, name FROM repositories")
        return [number for number, name in rows if restored_path(name) in wanted]

    # -- what is written -------------------------------------------------------------------------

    def put_contents(self, contents: Sequence[Content]) -> None:
        """Add contents; one that is there already is left as it is."""
        known = self.known([content.key for content in contents])
        rows = [
            (
                content.key,
                stored_path(content.first.repository),
                stored_path(content.first.path),
                pack_cut(content.cut),
            )
            for content in contents
            if content.key not in known
        ]
        if not rows:
            return
        with self.writing():
            self._connection.executemany(
                "INSERT OR IGNORE INTO contents (key, repository, path, packed)"
                " VALUES (?, ?, ?, ?)",
                rows,
            )

    def put_vectors_of(
        self, model: str, fingerprint: str, hashes: Sequence[bytes], packed: Sequence[bytes]
    ) -> None:
        """Add packed vectors of what was embedded, by its hash."""
        with self.writing():
            self.put_vectors(self.use_model(model, fingerprint), hashes, packed)

    def unembedded_hashes(
        self, model: str, limit: int, only: Collection[int] | None = None
    ) -> list[tuple[bytes, str]]:
        """Hash and text of what has no vector of the model, some at a time."""
        known = self.model_id(model)
        number = 0 if known is None else known[0]
        within = "c.id > coalesce((SELECT covered FROM models WHERE id = ?1), 0)"
        values: list[object] = [number]
        if only is not None:
            within = "c.id IN (SELECT value FROM json_each(?2))"
            values.append(json.dumps(sorted(only)))
        rows = self._all(
            f"SELECT c.id, t.hash FROM chunks c JOIN embedded t ON t.id = c.embedded_id"
            f" WHERE {within} AND NOT EXISTS (SELECT 1 FROM embeddings e"
            f" WHERE e.id = (?1 << 40 | c.embedded_id)) ORDER BY c.id LIMIT {int(limit)}",
            values,
        )
        first = {hashed: chunk_id for chunk_id, hashed in reversed(rows)}
        chunks = {stored.id: stored for stored in self.chunks(first.values())}
        paths = self._first_paths({stored.file_id for stored in chunks.values()})
        return [
            (hashed, embedding_text(replace(stored.chunk, path=paths[stored.file_id])))
            for chunk_id, hashed in sorted((number, hashed) for hashed, number in first.items())
            if (stored := chunks.get(chunk_id)) is not None and stored.file_id in paths
        ]

    def put_repository(self, name: str, revision: str, tree: Mapping[str, bytes]) -> None:
        """Exchange the files of a repository, which is added if it is not there."""
        with self.writing():
            self._connection.execute(
                "CREATE TEMP TABLE IF NOT EXISTS listed (path NOT NULL, key BLOB NOT NULL)"
            )
            self._connection.execute("DELETE FROM listed")
            self._connection.executemany(
                "INSERT INTO listed VALUES (?, ?)",
                ((stored_path(path), key) for path, key in tree.items()),
            )
            row = self._one(
                "SELECT count(*), min(l.path) FROM listed l"
                " WHERE NOT EXISTS (SELECT 1 FROM contents c WHERE c.key = l.key)"
            )
            if row is not None and row[0]:
                raise KeyError(f"{row[0]} contents of {name} are not there, as of {row[1]!r}")
            number = self._repository(name, revision, len(tree))
            left = self._exchange(number)
            self._publish(number)
            self._withdraw(left)
            self._connection.execute("DELETE FROM listed")

    def remove_repository(self, name: str) -> None:
        """Forget a repository."""
        with self.writing():
            key = (stored_path(name),)
            row = self._one("SELECT id FROM repositories WHERE name = ?", key)
            if row is None:
                return
            rows = self._all("SELECT content_id FROM places WHERE repository_id = ?", row)
            self._connection.execute("DELETE FROM places WHERE repository_id = ?", row)
            self._connection.execute("DELETE FROM repositories WHERE id = ?", row)
            self._withdraw({content_id for (content_id,) in rows})

    def sweep(self) -> int:
        """Drop the contents that no repository has, and say how many those were."""
        with self.writing():
            cursor = self._connection.execute(
                f"DELETE FROM contents WHERE packed IS NOT NULL AND {_UNHAD}"
            )
            self.prune_vectors()
            for (model_id,) in self._all("SELECT id FROM models"):
                self.cover(model_id)
            return cursor.rowcount

    # -- a repository's files are exchanged; all inside `writing` --------------------------------

    def _repository(self, name: str, revision: str, files: int) -> int:
        """The number of a repository, which has this revision from now on."""
        row = self._one(
            "INSERT INTO repositories (name, revision, files) VALUES (?1, ?2, ?3)"
            " ON CONFLICT (name) DO UPDATE SET revision = ?2, files = ?3 RETURNING id",
            (stored_path(name), revision, files),
        )
        assert row is not None
        return int(row[0])

    def _exchange(self, number: int) -> set[int]:
        """Put what is `listed` in place of a repository's places; the contents that it lost."""
        stays = (
            "EXISTS (SELECT 1 FROM listed l JOIN contents c ON c.key = l.key"
            " WHERE l.path = p.path AND c.id = p.content_id)"
        )
        self._connection.execute("CREATE INDEX IF NOT EXISTS temp.listed_paths ON listed (path)")
        lost = self._all(
            f"SELECT path, content_id FROM places p WHERE repository_id = ? AND NOT {stays}",
            (number,),
        )
        self._connection.executemany(
            "DELETE FROM places WHERE repository_id = ? AND path = ?",
            ((number, path) for path, _ in lost),
        )
        self._connection.execute(
            "INSERT OR IGNORE INTO places SELECT ?, l.path, c.id FROM listed l"
            " JOIN contents c ON c.key = l.key",
            (number,),
        )
        return {content_id for _, content_id in lost}

    def _publish(self, number: int) -> None:
        """Have the contents of a repository in answers."""
        # The ids first: a cursor that is read while rows change may miss some.
        waiting = self._all(
            "SELECT id FROM contents WHERE packed IS NOT NULL AND id IN"
            " (SELECT content_id FROM places WHERE repository_id = ?) ORDER BY id",
            (number,),
        )
        for (content_id,) in waiting:
            row = self._one(
                "SELECT repository, path, packed FROM contents WHERE id = ?", (content_id,)
            )
            assert row is not None
            with explained(self.path):
                cut = unpack_cut(row[2])
            first = Place(restored_path(row[0]), restored_path(row[1]))
            self._connection.execute(
                "INSERT INTO files (id, path, hash, size, mtime_ns, inode, language)"
                " VALUES (?, ?, ?, 0, -1, 0, ?)",
                (content_id, stored_path(first.whole), cut.digest, cut.language),
            )
            self._put_rows(content_id, cut)
            self._connection.execute(
                "UPDATE contents SET packed = NULL WHERE id = ?", (content_id,)
            )

    def _withdraw(self, content_ids: Collection[int]) -> None:
        """Have those of the contents that no repository has any more wait again."""
        rows = self._all(
            f"SELECT id, path FROM contents WHERE id {_AMONG} AND packed IS NULL AND {_UNHAD}",
            (json.dumps(sorted(content_ids)),),
        )
        for content_id, stored in rows:
            path = restored_path(stored)
            packed = pack_cut(self._cut_again(content_id, path))
            self._remove_rows(content_id, path)
            self._connection.execute(
                "UPDATE contents SET packed = ? WHERE id = ?", (packed, content_id)
            )

    def _cut_again(self, file_id: int, path: str) -> CutFile:
        """What was written of a file, as it was before."""
        row = self._one("SELECT language, hash FROM files WHERE id = ?", (file_id,))
        assert row is not None
        hashes = dict(
            self._all(
                "SELECT c.id, t.hash FROM chunks c JOIN embedded t ON t.id = c.embedded_id"
                " WHERE c.file_id = ?",
                (file_id,),
            )
        )
        chunks = []
        for stored in self.chunks(sorted(hashes)):
            chunk = replace(stored.chunk, path=path)
            chunks.append(CutChunk(chunk, hashes[stored.id], lexicon_row(path, chunk)))
        imports = dict(self.imports([file_id])).get(file_id, [])
        return CutFile(path, row[0], row[1], tuple(chunks), imports=tuple(imports))

    def _first_paths(self, file_ids: Collection[int]) -> dict[int, str]:
        """The path inside its first repository of each of the files that is there."""
        rows = self._all(
            f"SELECT id, path FROM contents WHERE id {_AMONG}", (json.dumps(sorted(file_ids)),)
        )
        return {file_id: restored_path(path) for file_id, path in rows}
