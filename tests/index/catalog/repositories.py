"""Repositories made for a test, and what a refresh of them needs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path

from c2llm.encoding.encoder_handle import EncoderHandle
from c2llm.index.catalog.catalogs import Catalog, add_to_catalog
from c2llm.index.catalog.reading import embed, read_task
from c2llm.index.catalog.refresh import CatalogReport, refresh_catalog
from c2llm.index.catalog.sources import named_sources
from c2llm.index.catalog.stages import DoneTask, ReadTask
from c2llm.index.store.catalog.opening import STORE_FILE
from c2llm.index.store.catalog.sqlite_catalog import SqliteCatalog
from tests.trees import WordEncoder


def git(root: Path, *arguments: str, given: bytes = b"") -> str:
    """Git as anybody calls it, without the settings of this user."""
    named = ["-c", "user.name=Ada", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(root), *named, *arguments],
        capture_output=True,
        check=True,
        input=given,
        env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"},
    )
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def repository(
    root: Path, files: Mapping[str, str | bytes], *, object_format: str = "sha1"
) -> Path:
    """A work tree with these files in its one commit."""
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "-q", "-b", "main", f"--object-format={object_format}")
    commit(root, files)
    return root


def commit(root: Path, files: Mapping[str, str | bytes | None]) -> str:
    """Another commit; what is None is removed. Gives its hash."""
    for name, content in files.items():
        if content is None:
            (root / name).unlink()
        else:  # with the time of now, or git would not see that it has changed
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "change", "--allow-empty")
    return git(root, "rev-parse", "HEAD")


def bare(root: Path, source: Path) -> Path:
    """A bare clone."""
    git(source, "clone", "-q", "--bare", str(source), str(root))
    return root


class InlineRunner:
    """Does tasks right here, and remembers what it was asked for."""

    def __init__(self, encoder: WordEncoder | None = None) -> None:
        self.encoder = encoder
        self.tasks: list[ReadTask] = []

    @property
    def read(self) -> list[str]:
        """The paths that were read."""
        return [wanted.path for task in self.tasks for wanted in task.wanted]

    def run(
        self, tasks: Iterable[ReadTask], stop: Callable[[], bool] = lambda: False
    ) -> Generator[DoneTask, None, None]:
        for task in tasks:
            self.tasks.append(task)
            done = read_task(task)
            if self.encoder is not None:
                embed(done, self.encoder)
            yield done


def add(name: str, *sources: Path | str, kept: bool = True) -> Catalog:
    found = named_sources(list(map(str, sources)), kept=kept)
    return add_to_catalog(name, found.candidates).catalog


def store_of(catalog: Catalog) -> SqliteCatalog:
    return SqliteCatalog(catalog.folder / STORE_FILE)


def refresh(
    catalog: Catalog,
    runner: InlineRunner | None = None,
    encoder: WordEncoder | None = None,
    **options: object,
) -> CatalogReport:
    """A refresh in this process."""
    runner = runner or InlineRunner(encoder)
    table = None if encoder is None else EncoderHandle("", encoder)
    store = store_of(catalog)
    try:
        return refresh_catalog(catalog, store, runner, table, **options)  # type: ignore[arg-type]
    finally:
        store.close()


def texts(catalog: Catalog) -> set[str]:
    """The first line of every chunk that an answer may have."""
    store = store_of(catalog)
    try:
        return {text.splitlines()[0] for _, text in store.texts()}
    finally:
        store.close()


def trees(catalog: Catalog) -> dict[str, set[str]]:
    """The paths of each repository."""
    store = store_of(catalog)
    try:
        return {name: set(store.tree(name)) for name in store.repositories()}
    finally:
        store.close()
