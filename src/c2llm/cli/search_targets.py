"""What a search of the command line asks: one directory, several, or a workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.cli.output import note, progress_bar
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.search.answers.callers import Callers
    from c2llm.search.code_index import CodeIndex
    from c2llm.search.pipeline import Granularity, Hit, Mode
    from c2llm.search.query.filters import Restrictions


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
    from c2llm.index.store.workspaces import SIGN, expand
    from c2llm.search.code_index import SEARCH_LOCK_SECONDS, CodeIndex

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
            for path in dict.fromkeys(paths or ["."])
        ]
        if len(indexes) > 1:
            for index, label in zip(indexes, labels([one.root for one in indexes]), strict=True):
                index.label = label
        if quiet_afterwards:
            for index in indexes:
                index.silence()
        yield indexes


def labels(roots: Sequence[Path]) -> list[str]:
    """A short name for each directory: its own, or with those above it where that is not enough."""
    depth = [1] * len(roots)
    while True:
        names = ["/".join(root.parts[-length:]) for root, length in zip(roots, depth, strict=True)]
        twice = {name for name, count in Counter(names).items() if count > 1}
        grown = [
            min(length + (name in twice), len(root.parts))
            for root, name, length in zip(roots, names, depth, strict=True)
        ]
        if grown == depth:
            return names
        depth = grown


def answers(
    indexes: Sequence[CodeIndex],
    query: str,
    k: int,
    mode: Mode,
    granularity: Granularity,
    restrictions: Restrictions,
) -> list[Hit]:
    """The answers of all the indexes in one list.

    A language that only some of them have leaves the others out.

    Raises:
        UsageError: where it would leave out all.
    """
    from c2llm.search.pipeline import ask

    asked = []
    refused: UsageError | None = None
    for index in indexes:
        try:
            asked.append(index.asked(query, mode, **restrictions))
        except UsageError as error:
            refused = error
    if refused is not None and (not asked or not restrictions.get("language")):
        raise refused
    return ask(asked, query, k=k, mode=mode, granularity=granularity)


def callers_of_hits(indexes: Sequence[CodeIndex], hits: Sequence[Hit]) -> list[Callers | None]:
    """Of each answer who calls it, what its file imports and what imports that."""
    of_label = {index.label: index for index in indexes}
    around = {label: of_label[label].caller_finder() for label in {hit.repository for hit in hits}}
    return [
        around[hit.repository].of(hit.path, hit.symbol, hit.start_line, hit.end_line)
        for hit in hits
    ]
