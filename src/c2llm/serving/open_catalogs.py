"""The catalogs that a server answers from: what they keep, lent to some requests at once.

Each request has an index of its own, with a connection of its own to the store; the vectors are in
memory once for all (`search/retrieval/shared_vectors.py`). Which repositories it may see is said
with each loan, and nothing of others is in what it answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING, Any

from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.errors import C2LLMError, NothingToIndexError, UsageError
from c2llm.serving.file_lines import MOST_LINES, Lines
from c2llm.serving.kept import Kept
from c2llm.serving.open_indexes import BusyError

if TYPE_CHECKING:
    from c2llm.search.answers.similar_code import Specimen
    from c2llm.search.catalog_index import CatalogIndex
    from c2llm.search.catalog_opening import AskedCatalog

_MOST_OPEN = 4
"""Indexes of one catalog: as many requests are answered at once."""


@dataclass(slots=True)
class _Pool:
    """The open indexes of one catalog."""

    free: list[CatalogIndex] = field(default_factory=list)
    lent: int = 0
    counted: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was counted of each repository, at its commit."""


class OpenCatalogs:
    """Opens, lends and closes the indexes of catalogs.

    Args:
        asked: The catalogs, and which of their repositories are served.
        model: Name or folder of the embedding model.
    """

    def __init__(self, asked: Sequence[AskedCatalog] = (), model: str = DEFAULT_MODEL) -> None:
        self._asked = {one.catalog.name: one for one in asked}
        self._model = model
        self._pools = {name: _Pool() for name in self._asked}
        self._changed = Condition()
        self._stamp: object = None

    def all(self) -> list[Kept]:
        """Every repository that is kept and served now."""
        if not self._asked:
            return []
        self._renew()
        return [
            Kept(name, entry.name) for name, asked in self._asked.items() for entry in asked.kept
        ]

    def _renew(self) -> None:
        """Look whether repositories were added to a catalog or taken out of it."""
        from c2llm.index.catalog.catalogs import catalogs_stamp, load_catalogs
        from c2llm.search.catalog_opening import AskedCatalog

        stamp = catalogs_stamp()
        with self._changed:
            if stamp == self._stamp:
                return
            known = load_catalogs()
            for name, asked in self._asked.items():
                catalog = known.get(name) or type(asked.catalog)(name)
                self._asked[name] = AskedCatalog(catalog, asked.globs)
            self._stamp = stamp

    @contextmanager
    def lent(
        self, repositories: Mapping[str, Kept], *, everything: bool, seconds: float
    ) -> Iterator[list[CatalogIndex]]:
        """An index for each catalog that has some of the repositories, which sees these alone.

        Args:
            repositories: By the names that answers are to have for them.
            everything: They are all that there are, and whoever asks may see whatever is added.
            seconds: How long to wait for other requests.

        Raises:
            BusyError: That took longer.
            NothingToIndexError: Nothing of them has been read yet.
        """
        deadline = time.monotonic() + seconds
        of_catalog: dict[str, dict[str, str]] = {}
        for called, kept in repositories.items():
            of_catalog.setdefault(kept.catalog, {})[kept.name] = called
        with ExitStack() as stack:
            indexes: list[CatalogIndex] = []
            empty: list[NothingToIndexError] = []
            for catalog in sorted(of_catalog):
                names = of_catalog[catalog]
                try:
                    index = stack.enter_context(self._one(catalog, deadline))
                except NothingToIndexError as error:
                    empty.append(error)
                    continue
                whole = everything and len(names) == len(self._asked[catalog].kept)
                whole = whole and not self._asked[catalog].globs
                index.see(None if whole else names)
                name, called = next(iter(names.items()))
                index.label = called.removesuffix(name)
                indexes.append(index)
            if empty and not indexes:
                raise empty[0]
            yield indexes

    @contextmanager
    def asked(self, asked: AskedCatalog, label: str, *, seconds: float) -> Iterator[CatalogIndex]:
        """The index of what the server's own user asks of a catalog, whichever that is.

        Args:
            asked: The catalog, and which of its repositories.
            label: What stands before their names in answers.
            seconds: How long to wait for other requests.

        Raises:
            BusyError: That took longer.
            NothingToIndexError: Nothing of it has been read yet.
        """
        with self._one(asked.catalog.name, time.monotonic() + seconds) as index:
            index.see(asked.seen)
            index.label = label
            yield index

    @contextmanager
    def _one(self, catalog: str, deadline: float) -> Iterator[CatalogIndex]:
        """An index of a catalog for this thread alone."""
        with self._changed:
            pool = self._known(catalog)
            while pool.lent >= _MOST_OPEN:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise BusyError("The catalog is at work for others; ask again in a moment.")
            pool.lent += 1
            index = pool.free.pop() if pool.free else None
        try:
            if index is not None and index.was_replaced():
                index.close()
                index = None
            if index is None:
                index = self._opened(catalog)
            try:
                yield index
            except C2LLMError:  # what was asked, or the disk; the index is as good as before
                self._give_back(pool, index)
                raise
            except BaseException:
                with suppress(Exception):
                    index.close()
                raise
            self._give_back(pool, index)
        finally:
            with self._changed:
                pool.lent -= 1
                self._changed.notify()

    def _known(self, catalog: str) -> _Pool:
        """The pool of a catalog; of one that is not served from the start a new one."""
        from c2llm.index.catalog.catalogs import catalog_named
        from c2llm.search.catalog_opening import AskedCatalog

        if catalog not in self._pools:
            self._asked[catalog] = AskedCatalog(catalog_named(catalog))
            self._pools[catalog] = _Pool()
        return self._pools[catalog]

    def _give_back(self, pool: _Pool, index: CatalogIndex) -> None:
        with self._changed:
            pool.free.append(index)

    def _opened(self, catalog: str) -> CatalogIndex:
        from c2llm.search.catalog_opening import open_catalog

        return open_catalog(self._asked[catalog], self._model)

    def close_idle(self) -> None:
        """Close what is lent to nobody."""
        with self._changed:
            free = [index for pool in self._pools.values() for index in pool.free]
            for pool in self._pools.values():
                pool.free.clear()
        for index in free:
            with suppress(Exception):
                index.close()

    # -- what there is of one repository ---------------------------------------------------------

    def described(self, kept: Kept) -> dict[str, Any]:
        """Files, chunks and languages of a repository, and the commit that they are of."""
        nothing = {"files": 0, "chunks": 0, "languages": {}, "commit": ""}
        with suppress(NothingToIndexError), self._one(kept.catalog, time.monotonic() + 8) as index:
            pool = self._pools[kept.catalog]
            told = _counted(index, kept.name, pool)
            return {**nothing, **told, "catalog": kept.catalog}
        return {**nothing, "catalog": kept.catalog}

    def lines(self, kept: Kept, path: str, start: int = 1, end: int | None = None) -> Lines:
        """Lines of a file as the catalog keeps it.

        Raises:
            UsageError: There is no such file, or it has not so many lines.
        """
        if start < 1 or (end is not None and end < start):
            raise UsageError("Give the smaller number of a line first, from 1.")
        lines = self._file(kept, path)
        if start > max(1, len(lines)):
            raise UsageError(f"{path!r} has {len(lines)} lines, not {start}.")
        last = min(len(lines), start + MOST_LINES - 1, len(lines) if end is None else end)
        return Lines(start, tuple(lines[start - 1 : last]), len(lines))

    def specimen(self, kept: Kept, path: str, line: int) -> Specimen:
        """The code around a line of a file as the catalog keeps it.

        Raises:
            UsageError: There is no such file, or it has not so many lines.
        """
        from c2llm.search.answers.similar_code import specimen_in
        from c2llm.search.target import KeptFile

        file = KeptFile(kept.catalog, kept.name, path)
        return specimen_in(path, self._file(kept, path), line, file)

    def _file(self, kept: Kept, path: str) -> list[str]:
        with self._one(kept.catalog, time.monotonic() + 8) as index:
            index.see([kept.name])
            lines = index.file_lines(path)
        if lines is None:
            raise UsageError(
                f"There is no file {path!r} in {kept.name}; paths are as `search` shows them."
            )
        return lines


def _counted(index: CatalogIndex, name: str, pool: _Pool) -> dict[str, Any]:
    """What is counted of a repository, once for each state of it."""
    state = index.state_of(name)
    if state is None:
        return {}
    told = pool.counted.get(name)
    if told is None or told["commit"] != state.revision:
        index.see([name])
        told = {
            "files": state.files,
            "commit": state.revision,
            "chunks": index.described("lexical").chunks,
            "languages": index.languages(),
        }
        pool.counted[name] = told
    return told
