"""The repositories of a server: directories, and what catalogs keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """A repository that a catalog keeps."""

    catalog: str
    name: str


Repository = Path | Kept
"""What a server answers from: a directory, or what a catalog keeps."""


class VisibleRepositories(dict[str, Repository]):
    """The repositories that there are for who asks, by the names that he has for them."""

    everything: bool = False
    """Nothing is hidden from him, whatever is added meanwhile."""


def named_kept(kept: Collection[Kept], taken: Collection[str]) -> dict[str, Kept]:
    """A name for each repository among these alone, so that it tells nothing of others.

    Its own name; behind that of its catalog where several would have the same.

    Args:
        kept: The repositories.
        taken: Names of others.
    """
    counts = Counter([*taken, *(one.name for one in kept)])
    twice = {one.catalog for one in kept if counts[one.name] > 1}
    return {f"{prefix_of(one, twice)}{one.name}": one for one in sorted(kept)}


def prefix_of(one: Kept, twice: Collection[str]) -> str:
    """What stands before the names of a catalog's repositories."""
    return f"@{one.catalog}:" if one.catalog in twice else ""
