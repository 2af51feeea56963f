"""What of two trees is compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from c2llm.codebase.languages import detect_language
from c2llm.errors import UsageError
from c2llm.search.query.globs import matching
from c2llm.search.query.language_filter import languages_called


@dataclass(frozen=True, slots=True)
class DriftRequest:
    """Which files are compared; all of them where nothing is said."""

    include: tuple[str, ...] = ()
    """Globs: only paths like these."""
    exclude: tuple[str, ...] = ()
    """Globs: no paths like these."""
    languages: tuple[str, ...] = ()
    """Names, as people call them."""

    def chosen(self, before: Iterable[str], after: Iterable[str]) -> tuple[set[str], set[str]]:
        """The paths of both trees that are compared.

        Raises:
            UsageError: None is.
        """
        left, right = set(before), set(after)
        paths = left | right
        chosen = self.among(paths)
        if paths and not chosen:
            raise UsageError(
                f"None of the {len(paths):,} files is meant by --include, --exclude and --lang."
            )
        return left & chosen, right & chosen

    def among(self, found: Iterable[str]) -> set[str]:
        """Those of some paths that are meant."""
        paths = sorted(found)
        chosen = set(paths)
        if self.include:
            chosen = {path for glob in self.include for path in matching(paths, glob)}
        for glob in self.exclude:
            chosen -= matching(paths, glob)
        if self.languages:
            spoken = {path: detect_language(path.rpartition("/")[2]) or "text" for path in chosen}
            known = set(spoken.values())
            wanted = {one for name in self.languages for one in languages_called(name, known)}
            chosen = {path for path in chosen if spoken[path] in wanted}
        return chosen
