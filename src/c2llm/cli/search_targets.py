"""What a search of the command line asks: one directory, several, or a workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.cli.output import note, progress_bar
from c2llm.errors import NothingToIndexError

if TYPE_CHECKING:
    from c2llm.search.code_index import CodeIndex

Lender = Callable[[Sequence[Path], Sequence[str]], AbstractContextManager[list["CodeIndex"]]]
LENDER: ContextVar[Lender | None] = ContextVar("lender", default=None)
"""Who lends the indexes of directories under these names instead, as in a server that has them."""


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
) -> Iterator[list[CodeIndex]]:
    """The indexes of these directories, refreshed; with several each answers under its name.

    Args:
        paths: Directories, or `@NAME` of a workspace; the working directory when empty.
        model: Name of the embedding model.
        mode: `lexical` needs no vectors.
        quiet_afterwards: Once they are open nothing may be written to the terminal.
        max_file_bytes: Larger files are left out; None for the limit that each index has.
        wait: Read all of a large tree before it is asked.
        question: What will be asked, where that is known; see `CodeIndex.open`.

    Raises:
        NothingToIndexError: they are empty; of several one that is not is enough.
    """
    from c2llm.index.build.indexed_tree import SEARCH_LOCK_SECONDS
    from c2llm.index.catalog.catalogs import SIGN, expand
    from c2llm.index.store.location import resolved_path
    from c2llm.search.answering import labels
    from c2llm.search.code_index import CodeIndex

    if any(path.startswith(SIGN) for path in paths):
        paths = expand(paths)
    with ExitStack() as stack:
        roots = list(dict.fromkeys(resolved_path(path) for path in paths or ["."]))
        names = labels(roots) if len(roots) > 1 else [""]
        if (lender := LENDER.get()) is not None:
            yield stack.enter_context(lender(roots, names))
            return
        indexes: list[CodeIndex] = []
        empty: list[NothingToIndexError] = []
        for root, name in zip(roots, names, strict=True):
            try:
                index = CodeIndex.open(
                    root,
                    model,
                    embed="none" if mode == "lexical" else "candidates",
                    progress_bar=progress_bar,
                    note=note,
                    lock_seconds=SEARCH_LOCK_SECONDS,
                    max_file_bytes=max_file_bytes,
                    wait=wait,
                    question=question,
                )
            except NothingToIndexError as error:
                empty.append(error)
                continue
            index.label = name
            indexes.append(stack.enter_context(index))
        if not indexes:
            raise empty[0]
        for why in empty:
            note(str(why))
        if quiet_afterwards:
            for index in indexes:
                index.silence()
        yield indexes
