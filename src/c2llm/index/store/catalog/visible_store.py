"""A catalog's store as it is for whoever may see some of its repositories: a `ChunkStore`.

Every question is answered as if the others were not there: their chunks are no candidates, are
counted in no statistics of words, define and spell nothing, and a content that they share has the
places alone that may be seen. So what asks (`search/`) cannot show what it was never told.

Paths are those inside a repository; `places` says in which. Of a content with several places one
stands for it: not one where copies of other people's code lie, if there is another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from c2llm.codebase.vendored import is_vendored
from c2llm.codebase.words import tokens
from c2llm.index.store.catalog.records import Place
from c2llm.index.store.records import ChunkFacts, IndexedFile, StoredChunk, WordStatistics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from c2llm.index.store.catalog.catalog_store import CatalogStore
    from c2llm.index.store.imported.condition import Condition
    from c2llm.index.store.imported.record import Column, Record

_UNTRUSTED_TIME = -1
_MOST_PLACES = 50_000
"""Files whose places are remembered; then the memory begins anew."""


class VisibleStore:
    """The files of some repositories of a catalog, each content once.

    Args:
        store: The catalog's.
        repositories: Those that may be seen; None for all that there are at any time.
    """

    def __init__(self, store: CatalogStore, repositories: Collection[str] | None = None) -> None:
        self.catalog = store
        self.wanted = None if repositories is None else frozenset(repositories)
        self._generation = -1
        self._state: object = None
        self._changes = 0
        self._names: tuple[str, ...] = ()
        self._count = 0
        self._ids: frozenset[int] | None = None
        self._tokens: int | None = None
        self._moved_paths: dict[int, tuple[str, ...]] | None = None
        self._places: dict[int, tuple[Place, ...]] = {}
        self._files: list[IndexedFile] | None = None
        self._place_rows: list[tuple[int, Place, str]] | None = None

    # -- which repositories ----------------------------------------------------------------------

    def renew(self) -> bool:
        """Look whether there is something else to be seen than before; True where there is."""
        generation = self.catalog.generation()
        if generation == self._generation:
            return False
        self._generation = generation
        known = self.catalog.repositories()
        names = [name for name in known if self.wanted is None or name in self.wanted]
        # Vectors are written with every answer; files change with a refresh alone.
        state = {name: known[name].revision for name in names}, self.catalog.files_state()[1]
        if state == self._state:
            return False
        self._state = state
        self._changes += 1
        self._names = tuple(names)
        self._count = sum(known[name].files for name in names)
        self._ids = self._tokens = self._moved_paths = self._files = self._place_rows = None
        self._places.clear()
        return True

    @property
    def names(self) -> tuple[str, ...]:
        """The repositories that may be seen, sorted."""
        self.renew()
        return self._names

    @property
    def place_count(self) -> int:
        """How many files the repositories have, each place counted."""
        self.renew()
        return self._count

    @property
    def is_whole(self) -> bool:
        """Whether everything may be seen, whatever there is."""
        return self.wanted is None

    def narrowed(self, repositories: Collection[str]) -> VisibleStore:
        """The same with those of the repositories alone that may be seen here, too."""
        wanted = frozenset(repositories)
        return VisibleStore(self.catalog, wanted if self.wanted is None else wanted & self.wanted)

    def places(self, file_ids: Iterable[int]) -> dict[int, tuple[Place, ...]]:
        """The places of each file that may be seen, the one that stands for it first."""
        self.renew()
        wanted = list(file_ids)
        missing = [file_id for file_id in wanted if file_id not in self._places]
        if missing:
            if len(self._places) + len(missing) > _MOST_PLACES:
                self._places.clear()
                missing = wanted
            found = self.catalog.places(missing, self.wanted)
            for file_id in missing:
                self._places[file_id] = tuple(sorted(found.get(file_id, ()), key=_order))
        return {file_id: places for file_id in wanted if (places := self._places[file_id])}

    def place_rows(self) -> list[tuple[int, Place, str]]:
        """File, place and language of every place that may be seen."""
        self.renew()
        if self._place_rows is None:
            self._place_rows = self.catalog.files_in(self.wanted)
        return self._place_rows

    def visible_ids(self) -> frozenset[int] | None:
        """Ids of the chunks that may be seen; None for all that there are."""
        if self.wanted is None:
            return None
        self.renew()
        if self._ids is None:
            self._ids = frozenset(self.catalog.chunks_in(self._names))
        return self._ids

    def _moved(self) -> dict[int, tuple[str, ...]]:
        """Tokens of the path of each chunk whose content was first read from another path.

        That may be one that must not be seen, and in any case is none that is there.
        """
        if self._moved_paths is None:
            of_file: dict[int, list[Place]] = {}
            for file_id, place, _ in self.place_rows():
                of_file.setdefault(file_id, []).append(place)
            paths = {file_id: {one.path for one in places} for file_id, places in of_file.items()}
            self._moved_paths = {
                chunk_id: tuple(tokens(min(of_file[file_id], key=_order).path).split())
                for chunk_id, file_id in self.catalog.moved_chunks(paths)
            }
        return self._moved_paths

    def _seen(self, ids: Iterable[int]) -> list[int]:
        visible = self.visible_ids()
        return list(ids) if visible is None else [one for one in ids if one in visible]

    # -- the index as a whole --------------------------------------------------------------------

    def generation(self) -> int:
        """As the catalog's."""
        return self.catalog.generation()

    @property
    def changes(self) -> int:
        """A number that rises when other files than before may be seen."""
        self.renew()
        return self._changes

    def chunk_count(self) -> int:
        """How many chunks may be seen."""
        visible = self.visible_ids()
        return self.catalog.chunk_count() if visible is None else len(visible)

    # -- words and names -------------------------------------------------------------------------

    def lexical_candidates(
        self,
        terms: Iterable[str],
        limit: int,
        admitted: Collection[int] | None = None,
        statistics: WordStatistics | None = None,
    ) -> list[tuple[int, float]]:
        """Ids and BM25 scores, by statistics of what may be seen."""
        visible = self.visible_ids()
        if visible is None:
            return self.catalog.lexical_candidates(terms, limit, admitted, statistics)
        if not visible:
            return []
        terms = list(terms)
        among = visible if admitted is None else visible.intersection(admitted)
        statistics = statistics or self.word_statistics(terms)
        return self.catalog.lexical_candidates_among(terms, limit, among, statistics, self._moved())

    def word_statistics(self, terms: Iterable[str]) -> WordStatistics:
        """How common words are in what may be seen."""
        visible = self.visible_ids()
        if visible is None:
            return self.catalog.word_statistics(terms)
        if self._tokens is None:
            self._tokens = self.catalog.tokens_of(visible, self._moved())
        return WordStatistics(len(visible), self._tokens, self.document_frequencies(terms))

    def document_frequencies(self, terms: Iterable[str]) -> dict[str, int]:
        """How many of the chunks that may be seen have a term."""
        visible = self.visible_ids()
        if visible is None:
            return self.catalog.document_frequencies(terms)
        return self.catalog.document_frequencies_among(terms, visible, self._moved())

    def phrase_matches(self, first: str, second: str, among: Collection[int]) -> list[int]:
        """Ids of those chunks in whose body the second term follows right upon the first."""
        return self.catalog.phrase_matches(first, second, set(self._seen(among)))

    def definitions(self, names: Iterable[str]) -> dict[str, list[int]]:
        """For each name the ids of the chunks that define it."""
        found = self.catalog.definitions(names)
        seen = {name: self._seen(ids) for name, ids in found.items()}
        return {name: ids for name, ids in seen.items() if ids}

    def files_that_spell(self, name: str, limit: int) -> list[str]:
        """Paths, sorted, of files in which a name is spelled; of each content one."""
        token = tokens(name).split(" ", 1)[0]
        if not token:
            return []
        likely = [one for one, _ in self.lexical_candidates([token], self.chunk_count())]
        spelling = [chunk_id for chunk_id, _ in self.catalog.texts([name], likely)]
        files = {row.file_id for row in self.catalog.facts(spelling)}
        paths = {places[0].path for places in self.places(sorted(files)).values()}
        return sorted(paths)[:limit]

    # -- chunks ----------------------------------------------------------------------------------

    def facts(self, ids: Iterable[int]) -> list[ChunkFacts]:
        """All but the text of the chunks that are there, with the path that stands for the file."""
        rows = self.catalog.facts(self._seen(ids))
        places = self.places({row.file_id for row in rows})
        return [
            row._replace(path=places[row.file_id][0].path) for row in rows if row.file_id in places
        ]

    def chunks(self, ids: Iterable[int]) -> list[StoredChunk]:
        """The chunks that are there, in the order of path, first line and id."""
        stored = self.catalog.chunks(self._seen(ids))
        places = self.places({one.file_id for one in stored})
        found = [
            replace(one, chunk=replace(one.chunk, path=places[one.file_id][0].path))
            for one in stored
            if one.file_id in places
        ]
        return sorted(found, key=lambda one: (one.chunk.path, one.chunk.start_line, one.id))

    def chunks_of(self, file_ids: Iterable[int]) -> dict[int, list[int]]:
        """For each file that has any the ids of its chunks."""
        found = self.catalog.chunks_of(file_ids)
        if self.wanted is None:
            return found
        seen = {file_id: self._seen(ids) for file_id, ids in found.items()}
        return {file_id: ids for file_id, ids in seen.items() if ids}

    def chunks_at(self, file_id: int, start_line: int, end_line: int) -> list[int]:
        """Ids of a file's chunks that have a line between these two."""
        return self._seen(self.catalog.chunks_at(file_id, start_line, end_line))

    def texts(
        self, having: Collection[str] = (), among: Collection[int] | None = None
    ) -> Iterator[tuple[int, str]]:
        """Id and text of the chunks in whose text all these strings are."""
        visible = self.visible_ids()
        if visible is not None:
            among = visible if among is None else visible.intersection(among)
        return self.catalog.texts(having, among)

    # -- files -----------------------------------------------------------------------------------

    def files(self) -> list[IndexedFile]:
        """Every place that may be seen; a content that has several has its id in each."""
        self.renew()
        if self._files is None:
            self._files = [
                IndexedFile(file_id, place.path, language, _UNTRUSTED_TIME)
                for file_id, place, language in self.place_rows()
            ]
        return self._files

    def files_state(self) -> tuple[int, int]:
        """How many places there are, and a number that rises when they are others."""
        return self.place_count, self.changes

    def hashes(self, paths: Sequence[str]) -> dict[str, bytes]:
        """The key of the content at those of the paths that a repository has."""
        wanted = set(paths)
        return {
            path: key
            for name in self.names
            for path, key in self.catalog.tree(name).items()
            if path in wanted
        }

    def files_named(self, name: str) -> list[tuple[int, str]]:
        """Id and path of the places whose name without folders is this, case of ASCII aside."""
        wanted = name.lower()
        return [
            (file_id, place.path)
            for file_id, place, _ in self.place_rows()
            if place.path.rpartition("/")[2].lower() == wanted
        ]

    def imports(self, file_ids: Iterable[int] | None = None) -> list[tuple[int, list[str]]]:
        """Id and imported modules of all files, or of these, that import any."""
        asked = {row[0] for row in self.place_rows()} if file_ids is None else set(file_ids)
        return self.catalog.imports(self.places(asked))

    # -- records: a catalog has none -------------------------------------------------------------

    def record_columns(self) -> Mapping[str, Column]:
        """None: records are kept beside the index of a directory."""
        return {}

    def recorded(self, condition: Condition | None) -> list[Record]:
        """None, as there are no columns."""
        return []

    # -- vectors ---------------------------------------------------------------------------------

    def model_id(self, name: str) -> tuple[int, str] | None:
        """The number and the fingerprint of a model."""
        return self.catalog.model_id(name)

    def lacks_vectors(self, model_id: int) -> bool:
        """Whether some chunk of the catalog has no vector of the model."""
        return self.catalog.lacks_vectors(model_id)

    def embedded(self, model: str) -> int:
        """How many of the chunks that may be seen have a vector of the model."""
        visible = self.visible_ids()
        if visible is None:
            return self.catalog.embedded(model)
        known = self.catalog.model_id(model)
        return 0 if known is None else len(self.catalog.vectors(known[0], visible))

    def vectors(self, model_id: int, only: Iterable[int] | None = None) -> list[tuple[int, bytes]]:
        """Id and packed vector of each chunk that may be seen, or each of these."""
        visible = self.visible_ids()
        if visible is not None:
            only = visible if only is None else self._seen(only)
        return self.catalog.vectors(model_id, only)

    def nearest(
        self, model_id: int, query: Callable[[], NDArray[np.float32]], limit: int
    ) -> list[tuple[int, float]] | None:
        """What the catalog's store finds where all may be seen; None otherwise."""
        if self.wanted is not None:
            return None
        return self.catalog.nearest(model_id, query, limit)


def _order(place: Place) -> tuple[bool, int, Place]:
    return is_vendored(place.path), place.path.count("/"), place
