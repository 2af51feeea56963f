"""The rule files that speak of one directory's entries, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass

from c2llm.codebase.files.attributes import GENERATED, VENDORED, Attributes, verdict
from c2llm.codebase.files.ignore import IgnoreRules

MACHINE_WRITTEN = ("generated", "minified")
"""Reasons that `-linguist-generated` takes back."""


@dataclass(frozen=True, slots=True)
class DirectoryRules:
    """The ignore files that speak of one directory's entries, the deepest first."""

    own: tuple[IgnoreRules, ...]
    git: tuple[IgnoreRules, ...]
    attributes: tuple[Attributes, ...] = ()
    tracked_only: bool = False
    """The directory is ignored, and some files in it are tracked by git."""

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

    def attributed(self, path: str, name: str, reason: str | None) -> tuple[str | None, bool]:
        """Why a file is left out by `.gitattributes` too, and whether they take it back.

        Args:
            path: Path of the file below the walk's root.
            name: Its last component.
            reason: Why it is left out by its name, if it is.
        """
        for attribute in (GENERATED, VENDORED):
            said = verdict(self.attributes, attribute, path, name)
            if said:
                return reason or attribute, False
            if said is False and attribute == GENERATED:
                return None if reason in MACHINE_WRITTEN else reason, True
        return reason, False

    def is_own(self, path: str, name: str) -> bool:
        """Whether `.gitattributes` says of a directory, or of all in it, that it is not vendored.

        Args:
            path: Path of the directory, ending in `/`.
            name: Its last component.
        """
        if not self.attributes:
            return False
        whole = verdict(self.attributes, VENDORED, path[:-1], name, is_directory=True)
        return whole is False or verdict(self.attributes, VENDORED, f"{path}x", "x") is False
