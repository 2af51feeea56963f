"""Where each repository is read: its git directory on this machine, and its last commit.

One that is a URL is brought into a clone of ours first; one that is a directory is read in place
and never written.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from c2llm.codebase.files.walk import MOST_FILE_BYTES
from c2llm.codebase.git import Git, is_git_directory
from c2llm.codebase.revisions.clone import Clone
from c2llm.errors import C2LLMError, DataError
from c2llm.index.catalog.catalogs import Catalog, Entry
from c2llm.index.store.private import make_folder

_AT_ONCE = 8
_MOST_PACKS = 20
"""Fetches of a clone, after which it is put together."""
_BROKEN = re.compile(
    r"\.lock'|shallow file|corrupt|bad object|bad tree|missing (blob|tree|commit)|"
    r"index-pack|unpack-objects|not a git repository: |did not send all necessary|loose object"
)
"""What git says where a clone, and not its remote, is the trouble: it is made anew then."""


@dataclass(frozen=True, slots=True)
class Tip:
    """A repository as it is now."""

    entry: Entry
    folder: str
    """Its git directory."""
    commit: str
    """The hash of its last commit, "" where it has none."""


@dataclass(frozen=True, slots=True)
class Away:
    """A repository that cannot be had now."""

    entry: Entry
    why: str
    """One sentence."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What a fetch may take."""

    seconds: float = 3_600.0
    """For one repository."""
    quiet_seconds: float = 300.0
    """Without anything being brought."""
    most_bytes: int = 8_000_000_000
    """Of one repository's last commit."""


USUAL_LIMITS = FetchLimits()


def clone_folder(catalog: Catalog, entry: Entry) -> Path:
    """Where the clone of a repository is."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", entry.name)[-40:].strip("._") or "repository"
    digest = hashlib.blake2b(entry.url.encode(), digest_size=8).hexdigest()
    return catalog.folder / "clones" / f"{readable}-{digest}.git"


def remove_clone(catalog: Catalog, entry: Entry) -> None:
    """Remove the clone of a repository, if there is one."""
    if entry.url:
        shutil.rmtree(clone_folder(catalog, entry), ignore_errors=True)


def remove_other_clones(catalog: Catalog) -> None:
    """Remove the clones of what is in a catalog no more; nobody refreshes it meanwhile."""
    ours = {clone_folder(catalog, entry).name for entry in catalog.entries if entry.url}
    clones = catalog.folder / "clones"
    if clones.is_dir():
        for path in list(clones.iterdir()):
            if path.name not in ours:
                shutil.rmtree(path, ignore_errors=True)


class Tips:
    """Finds the tips of repositories, some at once.

    Args:
        catalog: Whose they are.
        limits: What fetching one may take.
    """

    def __init__(self, catalog: Catalog, limits: FetchLimits = USUAL_LIMITS) -> None:
        self._catalog = catalog
        self._limits = limits
        self._clones: set[Clone] = set()
        self._lock = Lock()
        self._is_ended = False

    def find(
        self, entries: Iterable[Entry], stop: Callable[[], bool] = lambda: False
    ) -> Iterator[Tip | Away]:
        """The tip of each, in any order; what fails does not keep the others."""
        waiting = iter(entries)
        pending: set[Future[Tip | Away]] = set()
        threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="c2llm-fetch")
        try:
            while True:
                while len(pending) < 2 * _AT_ONCE and not stop():
                    entry = next(waiting, None)
                    if entry is None:
                        break
                    pending.add(threads.submit(self._tip, entry))
                if not pending:
                    return
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        finally:
            with self._lock:
                self._is_ended = True
                for clone in self._clones:
                    clone.end()
            threads.shutdown(cancel_futures=True)

    def _tip(self, entry: Entry) -> Tip | Away:
        try:
            return self._fetched(entry) if entry.url else _in_place(entry)
        except C2LLMError as error:
            return Away(entry, str(error))
        except OSError as error:
            return Away(entry, f"{entry.source} cannot be read ({error.strerror or error}).")

    def _fetched(self, entry: Entry) -> Tip:
        folder = clone_folder(self._catalog, entry)
        make_folder(folder.parent)
        with self._clone(folder, entry) as clone:
            commit = clone.remote_tip()
            if commit is None:
                return Tip(entry, str(folder), "")
            if clone.tip() == commit:
                return Tip(entry, str(folder), commit)
            try:
                clone.fetch(commit)
            except DataError as error:
                if not (folder.exists() and _BROKEN.search(str(error))):
                    raise
            else:
                if clone.packs() > _MOST_PACKS:
                    with suppress(DataError):
                        clone.compact()
                return Tip(entry, str(folder), commit)
        # Beside the broken one, so that its state stays if this fails too.
        fresh = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        with self._clone(fresh, entry) as clone:
            clone.fetch(commit)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
        return Tip(entry, str(folder), commit)

    def _clone(self, folder: Path, entry: Entry) -> _Noted:
        limits = self._limits
        clone = Clone(
            folder,
            entry.remote,
            seconds=limits.seconds,
            quiet_seconds=limits.quiet_seconds,
            most_bytes=limits.most_bytes,
            largest=MOST_FILE_BYTES,
        )
        return _Noted(self, clone)


class _Noted:
    """A clone that is known to `Tips` while it is used, to be ended with it."""

    def __init__(self, tips: Tips, clone: Clone) -> None:
        self._tips = tips
        self._clone = clone

    def __enter__(self) -> Clone:
        with self._tips._lock:
            self._tips._clones.add(self._clone)
            if self._tips._is_ended:
                self._clone.end()
        return self._clone

    def __exit__(self, *error: object) -> None:
        with self._tips._lock:
            self._tips._clones.discard(self._clone)


def _in_place(entry: Entry) -> Tip:
    """The tip of a directory.

    Raises:
        DataError: There is no repository.
    """
    root = Path(entry.path)
    bare = is_git_directory(root)
    if not bare and not (root / ".git").exists():
        what = "is no git repository any more" if root.is_dir() else "is not there"
        raise DataError(f"{entry.path} {what}.")
    git = Git(root, bare=bare, alone=True)
    try:
        both = git.run("rev-parse", "--absolute-git-dir", "HEAD^{commit}")
    except DataError:  # it may be one without a commit
        both = git.run("rev-parse", "--absolute-git-dir") + b"\n"
    folder, _, commit = both.removesuffix(b"\n").rpartition(b"\n")
    return Tip(entry, os.fsdecode(folder), commit.decode("ascii", "replace"))
