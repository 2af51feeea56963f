"""Identifiers to words: what lets `retry_after` and `RetryAfter` meet "retry after"."""

from __future__ import annotations

import re
from functools import lru_cache

# An identifier, or a number; `$` and `@` start names in some languages but carry no meaning.
_WORD = re.compile(r"[^\W_][\w]*|_+\w+")
_UPPER, _LOWER = "A-ZÀ-ÖØ-Þ", "a-zß-öø-ÿ"
# Acronym before a capitalised word (HTTP|Server), a capitalised or lower word, capitals, digits,
# and whatever has no case (CJK).
_PART = re.compile(
    rf"[{_UPPER}]+(?=[{_UPPER}][{_LOWER}])|[{_UPPER}]?[{_LOWER}]+|[{_UPPER}]+|\d+"
    rf"|[^\W\d_{_UPPER}{_LOWER}]+"
)
_LONGEST = 64
"""Longer runs are hashes and encoded data, not names."""


def split_identifier(name: str) -> list[str]:
    """Split a name at case changes, underscores and digits; the parts are lower case.

    `HTTPServer2` gives `http server 2`, `snake_case` gives `snake case`, `parseURLs` `parse urls`.
    """
    return list(_parts(name))


def names(text: str) -> list[str]:
    """All names and numbers of a text as they are written, in order."""
    return _WORD.findall(text)


def words(text: str) -> list[str]:
    """All words of a text in order, every identifier split, lower case."""
    return [part for name in _WORD.findall(text) for part in _parts(name)]


def fts_text(text: str) -> str:
    """The text as the lexical index reads it: each identifier whole, then its parts, lower case.

    A name of one part appears once; a longer one adds its parts, so that both `retryAfter` and
    "after a retry" find it.
    """
    return " ".join([_expanded(name) for name in _WORD.findall(text)])


@lru_cache(maxsize=65_536)
def _parts(name: str) -> tuple[str, ...]:
    if len(name) > _LONGEST:
        return ()
    if name.islower() and name.isascii() and name.isalpha():
        return (name,)
    return tuple(part.lower() for part in _plural_acronym(_PART.findall(name)))


def _plural_acronym(parts: list[str]) -> list[str]:
    """`URLs` splits as `UR` `Ls`: put the plural of an acronym together again."""
    whole: list[str] = []
    for part in parts:
        if (
            len(part) == 2
            and part[1] == "s"
            and part[0].isupper()
            and whole
            and whole[-1].isupper()
        ):
            whole[-1] += part
        else:
            whole.append(part)
    return whole


@lru_cache(maxsize=65_536)
def _expanded(name: str) -> str:
    parts = _parts(name)
    whole = name.strip("_").lower()
    if len(parts) < 2:
        return parts[0] if parts else ""
    return " ".join((whole, *parts))
