"""A catalog as searches read it: one index over many repositories.

What belongs to a place in one tree is told for each repository apart: who imports whom, and which
files are of an older version. What a repository is called tells its files from those of others, so
its words count as those of a folder do; where only one is asked they tell nothing apart.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from c2llm.search.ranking.chunk_facts import (
    Facts,
    FactsCache,
    PathFacts,
    path_facts,
    roles_of_chunk,
)
from c2llm.search.ranking.import_graph import ImportGraph, Modules
from c2llm.search.retrieval.index_reader import IndexReader, project_words

if TYPE_CHECKING:
    from c2llm.index.store.catalog.records import Place
    from c2llm.index.store.catalog.visible_store import VisibleStore
    from c2llm.index.store.records import ChunkFacts

_MOST_FACTS = 20_000
"""Chunks remembered, some 20 MB: each thread of a server has a reader of its own."""
_MOST_GRAPHS = 16
"""Repositories whose files are remembered as modules."""
_KNOWN_WHOLE = 5_000
"""Files up to which all those of a repository are known before an import is told."""


class CatalogFacts(FactsCache):
    """The facts of the chunks of a catalog, with the repository of each."""

    def __init__(self, store: VisibleStore) -> None:
        super().__init__(store, _MOST_FACTS)
        self._visible = store
        self._paths: frozenset[str] | None = None

    def limit(self, paths: frozenset[str] | None) -> None:
        """Have files stand in one of these paths for the question that follows; None for any."""
        self._paths = paths

    def of(self, ids: Iterable[int]) -> list[Facts]:
        """The facts of those chunks that are there, in the order of the ids."""
        wanted = list(ids)
        found = super().of(wanted)
        paths = self._paths
        if paths is None:
            return found
        return [facts if facts.path in paths else self._moved(facts, paths) for facts in found]

    def told(self, row: ChunkFacts) -> Facts:
        """What a row of the store says, and in which repository."""
        place = self._visible.places([row.file_id])[row.file_id][0]
        facts = super().told(row)
        return replace(facts, repository=place.repository, of_path=_words(place))

    def _moved(self, facts: Facts, paths: frozenset[str]) -> Facts:
        """The same chunk at another place of its file, one that a filter leaves."""
        places = self._visible.places([facts.file_id]).get(facts.file_id, ())
        for place in places:
            if place.path in paths:
                kind, symbol = facts.kind, facts.symbol
                roles = roles_of_chunk(place.path, facts.language, kind, symbol, "")
                return replace(
                    facts,
                    path=place.path,
                    repository=place.repository,
                    roles=roles,
                    of_path=_words(place),
                )
        return facts


def _words(place: Place) -> PathFacts:
    """The words of a path; those of its repository are as those of a folder."""
    of_path = path_facts(place.path)
    of_repository = project_words(place.repository)
    return replace(of_path, directory_words=of_path.directory_words | of_repository)


class CatalogGraph:
    """The imports of each repository of a catalog, as files; as `ImportGraph` for one tree."""

    def __init__(self, store: VisibleStore) -> None:
        self._store = store
        self._graphs: OrderedDict[str, ImportGraph] = OrderedDict()

    def forget(self) -> None:
        """Begin anew."""
        self._graphs.clear()

    def among(self, found: Sequence[Facts]) -> dict[int, dict[int, bool]]:
        """For a file those of the same chunks' files that it imports (True) or that import it."""
        of_repository: dict[str, list[Facts]] = defaultdict(list)
        for facts in found:
            of_repository[facts.repository].append(facts)
        few = len(self._store.names) <= _MOST_GRAPHS and self._store.place_count <= _KNOWN_WHOLE
        links: dict[int, dict[int, bool]] = {}
        for name, those in of_repository.items():
            links |= self._graph(name).among(those) if few else self._at_hand(those)
        return links

    def _graph(self, name: str) -> ImportGraph:
        graph = self._graphs.get(name)
        if graph is None:
            graph = self._graphs[name] = ImportGraph(self._store.narrowed([name]))
        return graph

    def _at_hand(self, found: Sequence[Facts]) -> dict[int, dict[int, bool]]:
        """The same from the files of these chunks alone, as in a very large tree."""
        files = {facts.path: facts for facts in found}
        if len(files) < 2:
            return {}
        path_of = {facts.file_id: path for path, facts in files.items()}
        modules = Modules({path: facts.language for path, facts in files.items()})
        links: dict[int, dict[int, bool]] = {}
        for file_id, names in self._store.imports(path_of):
            for path in modules.files(path_of[file_id], names):
                other = files[path].file_id
                links.setdefault(file_id, {})[other] = True
                links.setdefault(other, {}).setdefault(file_id, False)
        return links


class CatalogReader(IndexReader):
    """One catalog to be searched, with what is remembered of it between queries.

    Args:
        store: What may be seen of it.
        label: What stands before the names of its repositories, "" where nothing is to.
    """

    def __init__(self, store: VisibleStore, label: str = "") -> None:
        super().__init__(store, None, label)
        self.visible = store
        self._changes = -1
        self.facts: CatalogFacts = CatalogFacts(store)
        self._graph = self.graph = CatalogGraph(store)

    def begin_question(self, paths: frozenset[str] | None = None) -> None:
        """Forget what depends on the question before, and what is not to be seen any more.

        Args:
            paths: Those in which answers are to stand; None for all.
        """
        super().begin_question()
        if self.visible.changes != self._changes:
            self._changes = self.visible.changes
            self.facts.forget()
            self._graph.forget()
            names = self.visible.names
            self.project = project_words(names[0]) if len(names) == 1 else frozenset()
        self.facts.limit(paths)

    def called(self, facts: Facts) -> str:
        """Which repository answers say that a chunk is in."""
        return self.label + facts.repository

    def own_name(self, called: str) -> str | None:
        """The repository of this catalog that answers call so; None where there is none."""
        name = called.removeprefix(self.label)
        return name if called.startswith(self.label) and name in self.visible.names else None

    def elsewhere(self, facts: Facts) -> tuple[Place, ...]:
        """The other places that have the file of a chunk, byte by byte."""
        places = self.visible.places([facts.file_id]).get(facts.file_id, ())
        others = [place for place in places if tuple(place) != facts.file]
        return tuple(place._replace(repository=self.label + place.repository) for place in others)
