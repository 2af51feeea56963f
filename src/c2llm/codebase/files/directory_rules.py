"""The rules for one directory: ignore files, `.gitattributes`, what was decided above it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from c2llm.codebase.files.attributes import GENERATED, VENDORED, Attributes, verdict
from c2llm.codebase.files.ignore import IgnoreRules

_MACHINE_WRITTEN = ("generated", "minified")
_WILDCARDS = frozenset("*?[\\")
_MOST_TAKEN_BACK = 1_000


@dataclass(frozen=True, slots=True)
class DirectoryRules:
    """The rules of one directory, the deepest first."""

    own: tuple[IgnoreRules, ...]
    git: tuple[IgnoreRules, ...]
    attributes: tuple[Attributes, ...] = ()
    tracked_only: bool = False
    """The directory is ignored, and some files in it are tracked by git."""
    taken_back: bool = False
    """The directory is, or one above it: what is in it decides nothing."""
    left_out: bool = False
    """The directory is; only what is taken back by its path counts."""

    def verdict(self, path: str, name: str, is_directory: bool) -> tuple[bool | None, bool | None]:
        """What the own files say, and what git's say."""
        own = None
        git: bool | None = self.tracked_only or None
        for rules in self.own:
            own = rules.verdict(path, name, is_directory)
            if own is not None:
                break
        for rules in () if git else self.git:
            git = rules.verdict(path, name, is_directory)
            if git is not None:
                break
        return own, git

    def wild_size(self) -> int:
        """Characters of all patterns with wildcards."""
        return sum(rules.wild_size for rules in (*self.own, *self.git))

    def takes_back_below(self, directory: str) -> bool:
        """Whether a `!path` may mean something below a directory, whose path ends in `/`."""
        return any(
            _may_be_below(directory[len(rules.base) :], pattern)
            for rules in self.own
            for pattern in _taken_back(rules.text)
        )

    def is_own(self, path: str, name: str) -> bool:
        """Whether `.gitattributes` says that a directory, or all in it, is not vendored."""
        if not self.attributes:
            return False
        whole = verdict(self.attributes, VENDORED, path[:-1], name, is_directory=True)
        return whole is False or verdict(self.attributes, VENDORED, f"{path}x", "x") is False

    def attributed(self, path: str, name: str, reason: str | None) -> tuple[str | None, bool]:
        """Why a file is left out by `.gitattributes` too, and whether they take it back."""
        for attribute in (GENERATED, VENDORED):
            said = verdict(self.attributes, attribute, path, name)
            if said:
                return reason or attribute, False
            if said is False and attribute == GENERATED:
                return None if reason in _MACHINE_WRITTEN else reason, True
        return reason, False


@lru_cache(maxsize=64)
def _taken_back(text: str) -> tuple[str, ...]:
    """The patterns of an ignore file that take back; of very many the first."""
    found = (line[1:].strip() for line in text.split("\n") if line.startswith("!"))
    return tuple(islice(found, _MOST_TAKEN_BACK))


def _may_be_below(directory: str, pattern: str) -> bool:
    """Whether a pattern with a `/` may match below a directory; wildcards may match anything."""
    parts = pattern.strip("/").split("/")
    above = directory.split("/")[:-1]
    for part, name in zip(parts, above, strict=False):
        if part == "**":
            return True
        if part != name and _WILDCARDS.isdisjoint(part):
            return False
    return len(parts) > len(above)
