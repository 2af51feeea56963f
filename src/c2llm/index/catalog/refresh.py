"""Bring the store of a catalog up to the last commits of its repositories.

    tips (clones fetched) -> lists of files -> tasks of unknown contents -> Runner -> store

Repositories whose last commit is known are done when that is seen. Of the others a content is read
once, whichever of them have it, and a repository is exchanged as soon as all its contents are
there. Everything is written as it comes: what ends a refresh, a kill or a full disk, ends it
between two writes, and the next one finds what was done.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from c2llm.errors import C2LLMError, DataError, UsageError
from c2llm.index.catalog.catalogs import Catalog, catalog_named, catalogs_stamp
from c2llm.index.catalog.planning import Listing, list_repository, rules, tasks_of
from c2llm.index.catalog.tips import USUAL_LIMITS, Away, FetchLimits, Tip, Tips, remove_other_clones
from c2llm.index.store.catalog.refresh_log import RefreshLog
from c2llm.index.store.lock import holding
from c2llm.index.store.private import check_folder, make_folder
from c2llm.progress import ProgressBar, no_progress

if TYPE_CHECKING:
    from c2llm.encoding.encoder_handle import EncoderHandle
    from c2llm.index.catalog.stages import DoneTask, ReadTask, Runner
    from c2llm.index.store.catalog.catalog_store import CatalogStore


@dataclass(slots=True)
class CatalogReport:
    """What a refresh did."""

    unchanged: list[str] = field(default_factory=list)
    """Repositories whose last commit was known."""
    refreshed: list[str] = field(default_factory=list)
    """Repositories that were exchanged."""
    removed: list[str] = field(default_factory=list)
    """Repositories that are in the catalog no more."""
    away: dict[str, str] = field(default_factory=dict)
    """Repositories that could not be had, and why; their last state stays."""
    files_failed: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of repositories that were exchanged the files that could not be read or cut."""
    contents: int = 0
    """That were read and cut."""
    swept: int = 0
    """Contents that no repository had any more."""
    embedded: int = 0
    """Texts that got a vector of the table model afterwards, as when it has changed."""
    seconds: float = 0.0


def refresh_catalog(
    catalog: Catalog,
    store: CatalogStore,
    runner: Runner,
    table: EncoderHandle | None = None,
    *,
    limits: FetchLimits = USUAL_LIMITS,
    progress_bar: ProgressBar = no_progress,
    stop: Callable[[], bool] = lambda: False,
    force: bool = False,
) -> CatalogReport:
    """Refresh what a catalog's store keeps.

    Args:
        catalog: Its list is read again now and then, since it may change meanwhile.
        store: Of it.
        runner: Does the tasks.
        table: The model whose vectors everything gets, None for none.
        limits: What fetching one repository may take.
        progress_bar: Shows the repositories that are done.
        stop: Asked between steps; True leaves the rest for another time.
        force: List every repository again, as if its commit were not known.

    Raises:
        C2LLMError: Another process refreshes it, or the store cannot be written.
    """
    make_folder(catalog.folder)
    check_folder(catalog.folder)
    with holding(catalog.folder / "catalog", "refreshing", 0.0) as held:
        if not held:
            raise C2LLMError(
                f"Another process is refreshing @{catalog.name}; try again when it has ended."
            )
        with RefreshLog(catalog.folder) as log:
            return _Refresh(catalog, store, runner, table, log, limits, stop, force).run(
                progress_bar
            )


class _Refresh:
    """One refresh, whose lock is held."""

    def __init__(
        self,
        catalog: Catalog,
        store: CatalogStore,
        runner: Runner,
        table: EncoderHandle | None,
        log: RefreshLog,
        limits: FetchLimits,
        stop: Callable[[], bool],
        force: bool,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._runner = runner
        self._table = table
        self._log = log
        self._limits = limits
        self._stop = stop
        self._force = force
        self._rules = rules()
        self._stamp: object = None
        self._now = catalog
        self._names: set[str] = set()
        self._begun = time.time()
        self._report = CatalogReport()
        self._open: dict[str, Listing] = {}
        """Repositories that wait for contents."""
        self._lacking: dict[str, set[bytes]] = {}
        """What each of them waits for."""
        self._waiting: defaultdict[bytes, list[str]] = defaultdict(list)
        """Who waits for a content."""
        self._left_out: set[bytes] = set()
        """Contents that are no source, and those that failed: none is in a repository's list."""
        self._failed: dict[bytes, str] = {}
        self._advance: Callable[[int], None] = lambda done: None

    def run(self, progress_bar: ProgressBar) -> CatalogReport:
        begun = time.monotonic()
        kept = self._catalog.kept
        self._drop_removed()
        fingerprint = None if self._table is None else self._table.fingerprint
        with (
            progress_bar("Refreshing", len(kept)) as self._advance,
            closing(self._tasks()) as tasks,
            closing(self._runner.run(tasks, self._stop)) as all_done,
        ):
            for done in all_done:
                self._take(done, fingerprint)
        if not self._stop():
            self._embed_rest()
            self._drop_removed()
            self._report.swept = self._store.sweep()
        self._report.seconds = time.monotonic() - begun
        return self._report

    # -- what is to be done ----------------------------------------------------------------------

    def _tasks(self) -> Generator[ReadTask, None, None]:
        """The tasks of all repositories, each listed when its turn comes."""
        stored = self._store.repositories()
        known = self._log.repositories()
        for found in Tips(self._catalog, self._limits).find(self._catalog.kept, self._stop):
            name = found.entry.name
            if isinstance(found, Away):
                self._quarantine(name, found.why)
                continue
            before, state = known.get(name), stored.get(name)
            if (
                not self._force
                and state is not None
                and before is not None
                and state.revision == found.commit
                and (before.revision, before.rules) == (found.commit, self._rules)
            ):
                self._log.succeeded(name, found.commit, self._rules, self._begun)
                self._report.unchanged.append(name)
                self._advance(1)
                continue
            yield from self._tasks_of(found)

    def _tasks_of(self, tip: Tip) -> Iterator[ReadTask]:
        try:
            listing = list_repository(tip)
        except DataError as error:
            self._quarantine(tip.entry.name, str(error))
            return
        keys = listing.wanted.keys()
        self._left_out |= self._log.left_out(keys, self._rules)
        unknown = keys - self._left_out - self._failed.keys()
        unknown -= self._store.known(unknown)
        self._open[listing.name] = listing
        self._lacking[listing.name] = set(unknown)
        new = [key for key in listing.wanted if key in unknown and not self._waiting.get(key)]
        for key in unknown:
            self._waiting[key].append(listing.name)
        if not unknown:
            self._finish(listing.name)
        yield from tasks_of(listing, new)

    # -- what was done ---------------------------------------------------------------------------

    def _take(self, done: DoneTask, fingerprint: str | None) -> None:
        """Write what came of a task, and exchange the repositories that wait for nothing more."""
        self._store.put_contents(done.contents)
        if fingerprint is not None:
            for model, rows in done.vectors.items():
                if rows:
                    self._store.put_vectors_of(model, fingerprint, list(rows), list(rows.values()))
        self._report.contents += len(done.contents)
        self._log.leave_out(done.left_out, self._rules)
        self._left_out |= done.left_out.keys()
        settled = {content.key for content in done.contents} | done.left_out.keys()
        for wanted in done.task.wanted:
            if wanted.key not in settled:
                self._failed[wanted.key] = done.failed.get(wanted.path, "was not read")
        for wanted in done.task.wanted:
            for name in self._waiting.pop(wanted.key, ()):
                lacking = self._lacking.get(name)
                if lacking is not None:
                    lacking.discard(wanted.key)
                    if not lacking:
                        self._finish(name)

    def _finish(self, name: str) -> None:
        """Exchange a repository whose contents are all there."""
        listing = self._open.pop(name)
        del self._lacking[name]
        if name not in self._listed():  # it was removed meanwhile
            return
        failed = {
            path: self._failed[key] for path, key in listing.tree.items() if key in self._failed
        }
        tree = {
            path: key
            for path, key in listing.tree.items()
            if key not in self._left_out and key not in self._failed
        }
        try:
            self._store.put_repository(name, listing.commit, tree)
        except KeyError:  # somebody has swept what was there
            self._quarantine(name, "Its contents were removed meanwhile; refresh again.")
            return
        self._log.set_files_failed(name, failed)
        self._log.succeeded(name, listing.commit, self._rules, self._begun)
        self._report.refreshed.append(name)
        if failed:
            self._report.files_failed[name] = failed
        self._advance(1)

    def _quarantine(self, name: str, why: str) -> None:
        self._log.failed(name, why, self._begun)
        self._report.away[name] = why
        self._advance(1)

    def _listed(self) -> set[str]:
        """The repositories that the catalog has now; it may have changed since we began."""
        stamp = catalogs_stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._now = catalog_named(self._catalog.name)
            except UsageError:  # the whole catalog is gone
                self._now = Catalog(self._catalog.name)
            self._names = {entry.name for entry in self._now.kept}
        return self._names

    def _drop_removed(self) -> None:
        """Forget the repositories that are in the catalog no more."""
        listed = self._listed()
        remove_other_clones(self._now)
        for name in self._store.repositories():
            if name not in listed:
                self._store.remove_repository(name)
                self._report.removed.append(name)
        self._log.forget(name for name in self._log.repositories() if name not in listed)

    # -- vectors ---------------------------------------------------------------------------------

    def _embed_rest(self) -> None:
        """Give what has no vector of the table model one, as when the model has changed."""
        if self._table is None:
            return
        from c2llm.index.catalog.embedding import embed_catalog

        self._report.embedded = embed_catalog(self._store, self._table, stop=self._stop)
