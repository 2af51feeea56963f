"""Which of two siblings stands for both: the newer version, and one's own code before a copy.

Elsewhere the ranker has decided, and its first stays the first.
"""

from __future__ import annotations

import re
from functools import lru_cache
from posixpath import basename

from c2llm.codebase.identifiers import split_identifier
from c2llm.codebase.vendored import is_vendored
from c2llm.search.answer import Sibling

_VERSION = re.compile(r"v(\d{1,4})(?:[._-]?(\d{1,4}))?(?:[._-]?(alpha|beta|rc)(\d{0,4}))?", re.I)
_Order = tuple[int, int, str, int]
_RELEASE = "~"
"""Sorts behind `alpha`, `beta` and `rc`."""


def stands_before(one: Sibling, other: Sibling) -> bool:
    """Whether the first of two siblings is to stand for both, whatever their scores."""
    if one.path == other.path:
        return False
    copied, other_copied = is_vendored(one.path), is_vendored(other.path)
    if copied != other_copied:
        return other_copied
    versions = _versions(one.path, other.path)
    return versions is not None and versions[0] > versions[1]


def is_other_version(one: Sibling, other: Sibling) -> bool:
    """Whether two that are called alike lie below two versions, as `v3/` and `v4/`.

    So that not every `get` is another version of every `get`, the name has two words, or the files
    have one name.
    """
    if _versions(one.path, other.path) is None:
        return False
    return len(split_identifier(one.symbol)) > 1 or basename(one.path) == basename(other.path)


@lru_cache(maxsize=4_096)
def _versions(one: str, other: str) -> tuple[_Order, _Order] | None:
    """The versions of the first directories where two paths part, if both name one."""
    for name, named in zip(one.split("/")[:-1], other.split("/")[:-1], strict=False):
        if name != named:
            left, right = _VERSION.fullmatch(name), _VERSION.fullmatch(named)
            return (_order(left), _order(right)) if left and right else None
    return None


def _order(version: re.Match[str]) -> _Order:
    major, minor, stage, number = version.groups()
    return int(major), int(minor or 0), (stage or _RELEASE).lower(), int(number or 0)
