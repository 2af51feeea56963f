"""Which files and chunks may answer: languages, globs, a pattern in the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from c2llm.codebase.languages import language_named
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.index.store.chunk_store import ChunkStore
    from c2llm.search.query.pattern import PatternSearch
    from c2llm.search.request import SearchRequest


@dataclass(frozen=True, slots=True)
class Filters:
    """Which chunks may answer; everything when empty."""

    languages: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    """Globs over paths, of which one must match; a plain directory name stands for all below it."""
    exclude: tuple[str, ...] = ()
    """Globs over paths, of which none may match."""
    pattern: str | None = None
    """Only chunks in whose text this regular expression finds something."""
    recent: bool = False
    """What was changed recently comes first; this leaves nothing out."""

    def __bool__(self) -> bool:
        return bool(self.languages or self.include or self.exclude or self.pattern is not None)

    def admits(self, path: str, language: str) -> bool:
        """Whether chunks of a file may answer."""
        if self.languages and language not in self.languages:
            return False
        if self.include and not any(_glob(path, pattern) for pattern in self.include):
            return False
        return not any(_glob(path, pattern) for pattern in self.exclude)

    def admitted(self, store: ChunkStore, search: PatternSearch | None) -> set[int] | None:
        """Ids of the chunks that may answer, None for all.

        Args:
            store: The index.
            search: What looks for `pattern`, if there is one; several indexes share it.
        """
        if not self:
            return None
        found: set[int] | None = None
        if self.languages or self.include or self.exclude:
            files = [file.id for file in store.files() if self.admits(file.path, file.language)]
            found = {chunk_id for ids in store.chunks_of(files).values() for chunk_id in ids}
        if search is not None and found != set():
            texts = store.texts()
            return search.matching(
                texts if found is None else ((i, text) for i, text in texts if i in found)
            )
        return found


NO_FILTERS = Filters()


def filters_of(store: ChunkStore, request: SearchRequest) -> Filters:
    """The filters that a request means in one index.

    Raises:
        UsageError: for an unknown language, or one that no indexed file has.
    """
    return Filters(
        _languages(store, request.languages),
        tuple(request.include),
        tuple(request.exclude),
        request.pattern,
        request.recent,
    )


def _languages(store: ChunkStore, names: Sequence[str]) -> tuple[str, ...]:
    """The languages that these names mean, each of which some indexed file has."""
    if not names:
        return ()
    indexed = {file.language for file in store.files()}
    wanted = tuple(language_named(name) for name in names)
    for name, language in zip(names, wanted, strict=True):
        if language not in indexed:
            raise UsageError(
                f"No indexed file is written in {name}; there are: {', '.join(sorted(indexed))}."
            )
    return wanted


def _glob(path: str, pattern: str) -> bool:
    """Match a path: `*.py` anywhere, `src/**/x.py`, `src/net` and `src/net/` with all below."""
    pattern = pattern.removeprefix("./").rstrip("/")
    if "/" not in pattern and fnmatchcase(path.rpartition("/")[2], pattern):
        return True
    return (
        fnmatchcase(path, pattern)
        or fnmatchcase(path, pattern + "/*")
        or fnmatchcase(path, pattern.replace("**/", ""))
        or ("/" not in pattern and fnmatchcase(path, "*/" + pattern + "/*"))
    )
