"""What a search of the command line asks: one directory, several, or a workspace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from c2llm.cli.output import note, progress_bar

if TYPE_CHECKING:
    from c2llm.search.code_index import CodeIndex


@contextmanager
def opened(
    paths: Sequence[str], model: str, mode: str, *, quiet_afterwards: bool = False
) -> Iterator[list[CodeIndex]]:
    """The indexes of these directories, refreshed; with several each answers under its name.

    Args:
        paths: Directories, or `@NAME` of a workspace; the working directory when empty.
        model: Name of the embedding model.
        mode: `lexical` needs no vectors.
        quiet_afterwards: Once they are open nothing may be written to the terminal.
    """
    from c2llm.index.build.indexed_tree import SEARCH_LOCK_SECONDS
    from c2llm.index.store.location import resolved_path
    from c2llm.index.store.workspaces import SIGN, expand
    from c2llm.search.answering import labels
    from c2llm.search.code_index import CodeIndex

    if any(path.startswith(SIGN) for path in paths):
        paths = expand(paths)
    with ExitStack() as stack:
        indexes = [
            stack.enter_context(
                CodeIndex.open(
                    path,
                    model,
                    embed="none" if mode == "lexical" else "candidates",
                    progress_bar=progress_bar,
                    note=note,
                    lock_seconds=SEARCH_LOCK_SECONDS,
                )
            )
            for path in dict.fromkeys(resolved_path(path) for path in paths or ["."])
        ]
        if len(indexes) > 1:
            for index, label in zip(indexes, labels([one.root for one in indexes]), strict=True):
                index.label = label
        if quiet_afterwards:
            for index in indexes:
                index.silence()
        yield indexes
