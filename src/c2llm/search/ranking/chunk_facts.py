"""What the ranker knows of a chunk without its text; read once per process.

Ids are never used twice and a chunk never changes (a file that changes gets new chunks), so what
was read of an id stays true for as long as it can be found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from posixpath import basename, dirname

from c2llm.codebase.chunk import NOTEBOOK, cell_of
from c2llm.codebase.words import normalized, stems
from c2llm.index.store.chunk_store import ChunkStore
from c2llm.index.store.records import ChunkFacts
from c2llm.search.query.roles import Role, roles_of

MOST_FACTS = 200_000
"""Chunks remembered, some 200 MB at most; then the memory begins anew."""


_INLINE_TESTS = frozenset({"rust"})
"""Languages whose files end in a module of their tests."""


@dataclass(frozen=True, slots=True)
class PathFacts:
    """What a path says."""

    stem_key: str
    """The file's name without extension, normalized."""
    file_words: frozenset[str]
    """Stems of the words of the file's name, without extensions."""
    directory_words: frozenset[str]
    """Stems of the words above it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A chunk without its text."""

    id: int
    file_id: int
    path: str
    start_line: int
    end_line: int
    language: str
    kind: str
    symbol: str
    symbol_key: str
    defines: Mapping[str, str]
    """For each name that is defined here, normalized, its spelling."""
    name_words: frozenset[str]
    """Stems of the words of those names and of the symbol."""
    of_path: PathFacts
    roles: frozenset[Role]
    cell: int = 0
    """Of a notebook, from 1."""
    repository: str = ""
    """Which one of a catalog the path is in; "" in the index of one directory."""

    @property
    def file(self) -> tuple[str, str]:
        """Repository and path."""
        return self.repository, self.path


class FactsCache:
    """The facts of the chunks of one index, read when they are first asked for."""

    def __init__(self, store: ChunkStore, most: int = MOST_FACTS) -> None:
        self._store = store
        self._most = most
        self._known: dict[int, Facts] = {}

    def of(self, ids: Iterable[int]) -> list[Facts]:
        """The facts of those chunks that are there, in the order of the ids."""
        wanted = list(ids)
        missing = [chunk_id for chunk_id in wanted if chunk_id not in self._known]
        if missing:
            if len(self._known) + len(missing) > self._most:
                self._known.clear()
                missing = wanted
            for row in self._store.facts(missing):
                self._known[row.id] = self.told(row)
        return [self._known[chunk_id] for chunk_id in wanted if chunk_id in self._known]

    def forget(self) -> None:
        """Begin anew: chunks that are there are somewhere else now."""
        self._known.clear()

    def told(self, row: ChunkFacts) -> Facts:
        """What a row of the store says."""
        chunk_id, file_id, path, start, end, language, kind, symbol, scope, names = row
        return Facts(
            id=chunk_id,
            file_id=file_id,
            path=path,
            start_line=start,
            end_line=end,
            language=language,
            kind=kind,
            symbol=symbol,
            symbol_key=normalized(symbol),
            defines={normalized(name): name for name in reversed(names)},
            name_words=frozenset(stems(" ".join((symbol, *names)))),
            of_path=path_facts(path),
            roles=roles_of_chunk(path, language, kind, symbol, scope),
            cell=cell_of(scope) if path.endswith(NOTEBOOK) else 0,
        )


def roles_of_chunk(path: str, language: str, kind: str, symbol: str, scope: str) -> frozenset[Role]:
    """The roles of the file, and of the chunk where it is not what the file is.

    Tests may stand beside the code that they test, and what defines something passes on no name.
    """
    roles = roles_of(path, language)
    if kind in ("function", "class"):
        roles -= {Role.REEXPORT}
    if language in _INLINE_TESTS and "tests" in (symbol, scope.partition(".")[0]):
        return roles | {Role.TEST}
    return roles


@lru_cache(maxsize=65_536)
def path_facts(path: str) -> PathFacts:
    """The words of a path."""
    name = basename(path)
    return PathFacts(
        stem_key=normalized(name.rpartition(".")[0]),
        file_words=frozenset(stems(name.partition(".")[0] or name)),
        directory_words=frozenset(stems(dirname(path))),
    )
