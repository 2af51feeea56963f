"""What a search of the command line asks: one directory, several, or a catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.cli.output import note, progress_bar
from c2llm.errors import NothingToIndexError, UsageError

if TYPE_CHECKING:
    from c2llm.index.build.tree_vectors import Embed
    from c2llm.search.asked_index import AskedIndex
    from c2llm.search.catalog_opening import AskedCatalog
    from c2llm.search.code_index import CodeIndex

Lender = Callable[["Named"], AbstractContextManager[list["AskedIndex"]]]
LENDER: ContextVar[Lender | None] = ContextVar("lender", default=None)
"""Who lends the indexes of what is named instead, as in a server that has them open."""


@contextmanager
def opened(
    paths: Sequence[str],
    model: str,
    mode: str,
    *,
    quiet_afterwards: bool = False,
    max_file_bytes: int | None = None,
    wait: bool = False,
    question: str | None = None,
) -> Iterator[list[AskedIndex]]:
    """The indexes that a command names, refreshed; with several each answers under its name.

    Args:
        paths: Directories, or `@NAME` of a catalog; the working directory when empty.
        model: Name of the embedding model.
        mode: `lexical` needs no vectors.
        quiet_afterwards: Once they are open nothing may be written to the terminal.
        max_file_bytes: Larger files are left out; None for the limit that each index has.
        wait: Read all of a large tree before it is asked.
        question: What will be asked, where that is known; see `CodeIndex.open`.

    Raises:
        NothingToIndexError: they are empty; of several one that is not is enough.
    """
    named = _named(paths)
    lender = LENDER.get()
    with ExitStack() as stack:
        if lender is not None:
            yield stack.enter_context(lender(named))
            return
        opening = partial(
            _tree,
            model=model,
            embed="none" if mode == "lexical" else "candidates",
            max_file_bytes=max_file_bytes,
            wait=wait,
            question=question,
        )
        indexes: list[AskedIndex] = []
        empty: list[NothingToIndexError] = []
        quiet = False

        def told(sentence: str) -> None:
            if not quiet:
                note(sentence)

        for root, name in named.directories.items():
            try:
                index = opening(root)
            except NothingToIndexError as error:
                empty.append(error)
                continue
            index.label = name
            indexes.append(stack.enter_context(index))
        for asked, name in named.catalogs:
            from c2llm.search.catalog_opening import open_catalog

            try:
                catalog = open_catalog(
                    asked,
                    model,
                    embed="none" if mode == "lexical" else "candidates",
                    note=told,
                    question=question,
                )
            except NothingToIndexError as error:
                empty.append(error)
                continue
            catalog.label = name
            indexes.append(stack.enter_context(catalog))
        if not indexes:
            raise empty[0]
        for why in empty:
            note(str(why))
        if quiet_afterwards:
            from c2llm.search.code_index import CodeIndex

            quiet = True
            for one in indexes:
                if isinstance(one, CodeIndex):
                    one.silence()
        yield indexes


@contextmanager
def opened_trees(
    paths: Sequence[str], model: str, mode: str, *, wait: bool = False
) -> Iterator[list[CodeIndex]]:
    """The same for what reads files on the disk: of a catalog its live directories alone.

    Raises:
        UsageError: A catalog has no live directory.
    """
    from c2llm.search.code_index import CodeIndex

    named = _named(paths)
    for asked, _ in named.catalogs:
        kept = len(asked.kept)
        told = (
            f"@{asked.catalog.name} keeps {kept:,} {'repository' if kept == 1 else 'repositories'} "
            "in its own store, which this command does not look at: it reads files on the disk"
        )
        if not named.directories:
            raise UsageError(f"{told}, so name directories.")
        note(f"{told}.")
    places = [str(root) for root in named.directories]
    with opened(places, model, mode, wait=wait) as indexes:
        trees = [index for index in indexes if isinstance(index, CodeIndex)]
        for index in trees:
            index.label = named.directories.get(index.root, index.label)
        yield trees


@dataclass(frozen=True, slots=True)
class Named:
    """What a command names: directories, and catalogs that keep repositories."""

    directories: dict[Path, str]
    """What the answers of each are called by."""
    catalogs: list[tuple[AskedCatalog, str]]
    """Each with what its repositories' names begin with in answers."""


def _named(paths: Sequence[str]) -> Named:
    """What paths mean, every directory and every catalog once.

    Raises:
        UsageError: There is no such catalog.
    """
    from c2llm.index.store.location import resolved_path
    from c2llm.search.answering import labels

    if not any(path.startswith("@") for path in paths):
        roots = list(dict.fromkeys(resolved_path(path) for path in paths or ["."]))
        return Named(dict(zip(roots, labels(roots) if len(roots) > 1 else [""], strict=True)), [])
    from c2llm.search.catalog_opening import AskedCatalog, asked_catalog, is_catalog

    found: dict[str, AskedCatalog] = {}
    directories: dict[Path, str] = {}
    for path in dict.fromkeys(paths):
        if not is_catalog(path):
            directories.setdefault(resolved_path(path), "")
            continue
        asked = asked_catalog(path)
        if (known := found.get(asked.catalog.name)) is not None:  # @work:acme @work:beta
            every = not (known.globs and asked.globs)
            asked = AskedCatalog(asked.catalog, () if every else (*known.globs, *asked.globs))
        found[asked.catalog.name] = asked
    alone = len(found) == 1 and not directories
    keeping = [asked for asked in found.values() if asked.kept]
    names = {Path(entry.path): entry.name for one in found.values() for entry in one.live}
    roots = list(dict.fromkeys((*directories, *names)))
    called = labels(roots) if len(roots) > 1 or keeping else [""] * len(roots)
    if alone and keeping:
        called = [names[root] for root in roots]
    return Named(
        dict(zip(roots, called, strict=True)),
        [(asked, "" if alone else f"@{asked.catalog.name}:") for asked in keeping],
    )


def _tree(
    root: Path,
    *,
    model: str,
    embed: Embed,
    max_file_bytes: int | None,
    wait: bool,
    question: str | None,
) -> CodeIndex:
    from c2llm.index.build.indexed_tree import SEARCH_LOCK_SECONDS
    from c2llm.search.code_index import CodeIndex

    return CodeIndex.open(
        root,
        model,
        embed=embed,
        progress_bar=progress_bar,
        note=note,
        lock_seconds=SEARCH_LOCK_SECONDS,
        max_file_bytes=max_file_bytes,
        wait=wait,
        question=question,
    )
