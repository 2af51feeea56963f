"""Identifiers to words: what lets `retry_after` and `RetryAfter` meet "retry after"."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import normalize

from c2llm.lazy_pattern import lazy_pattern

# `$` and `@` start names in some languages but carry no meaning.
_NAMES_ALONE = bytes(
    code if chr(code).isalnum() or code == ord("_") else ord(" ") for code in range(128)
).ljust(256)
"""What blanks out all of an ASCII text but its names and numbers, for `bytes.translate`."""
# Vowel signs and accents that stand by themselves are no letters to Python, but parts of a word:
# Latin, Hebrew, Arabic, the scripts of India but for their full stops, and all of Thai, Lao,
# Tibetan, Burmese and Khmer, whose signs lie between the letters.
_MARKS = (
    "\u0300-\u036f\u0591-\u05bd\u05bf-\u05c2\u0610-\u061a\u064b-\u065f\u0670"
    "\u0900-\u0963\u0971-\u0df3\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece"
    "\u0f18-\u0f39\u0f71-\u0f84\u102b-\u103e\u1056-\u109d\u17b4-\u17d3"
)
_WORD = lazy_pattern(rf"[^\W_][\w{_MARKS}]*|_+\w[\w{_MARKS}]*")
UNSPACED = (
    # Thai and Lao, Tibetan, Burmese, Khmer; Hangul, whose particles are written onto the word;
    # kana and ideographs.
    "\u0e01-\u0eff\u0f40-\u0fbc\u1000-\u109f\u1780-\u17d3\u1100-\u11ff\uac00-\ud7ff"
    "\u3005-\u3007\u3041-\u318f\u31a0-\u31ff\u3400-\u9fff\ua960-\ua97f\uf900-\ufaff"
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
"""Characters of scripts that put no space between words, as a class of a regular expression."""
_UNSPACED = lazy_pattern(f"[{UNSPACED}]")
# Acronym before a capitalised word (HTTP|Server), a capitalised or lower word, capitals, digits.
_ASCII_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+", re.ASCII)
# The same of the kinds of characters (`_kind`), then letters without case, a script without spaces.
_PART = lazy_pattern(r"A+(?=Aa)|A?a+|A+|0+|[xa]+|c+")
_SHORT = 64
"""Longer runs are hashes and encoded data unless they fall into words."""
_LONGEST = 512
_LETTERS_OF_PART = 2.5
"""A long name has parts of more letters on average; random letters change their case sooner."""


def split_identifier(name: str) -> list[str]:
    """Split a name at case changes, underscores, digits and changes to a script without spaces.

    The parts are lower case: `HTTPServer2` gives `http server 2`, `snake_case` `snake case`,
    `parseURLs` `parse urls`, `解析JSON文件` `解析 json 文件`.
    """
    return list(_parts(_composed(name)))


def names(text: str) -> list[str]:
    """All names and numbers of a text, in order, composed as in Unicode's NFKC.

    So full-width letters, half-width kana, ligatures and accents that were typed apart are the
    letters that they mean.
    """
    if text.isascii():
        # Three times as fast as a regular expression, and all text that is indexed comes here.
        found = text.encode().translate(_NAMES_ALONE).decode().split()
        return [name for name in found if name != "_"] if "_" in found else found
    return _WORD.findall(_composed(text))


def words(text: str) -> list[str]:
    """All words of a text in order, every identifier split, lower case."""
    return [part for name in names(text) for part in _parts(name)]


def fts_text(text: str) -> str:
    """The text as words are counted: each identifier whole, then its parts, lower case.

    A name of one part appears once; a longer one adds its parts, so that both `retryAfter` and
    "after a retry" find it.
    """
    return " ".join(filter(None, map(_fts_forms, names(text))))


@lru_cache(maxsize=65_536)
def _fts_forms(name: str) -> str:
    return " ".join(whole_and_parts(name))


def whole_and_parts(name: str) -> tuple[str, ...]:
    """A name of `names`, lower case, and its parts; the name alone where it has only one.

    Nothing of a hash or of encoded data. Not remembered, unlike what calls it.
    """
    parts = _split(name)
    if len(parts) < 2:
        return parts
    return (name.strip("_").lower(), *parts)


def _composed(text: str) -> str:
    return text if text.isascii() else normalize("NFKC", text)


@lru_cache(maxsize=65_536)
def _parts(name: str) -> tuple[str, ...]:
    return _split(name)


def _split(name: str) -> tuple[str, ...]:
    if name.isascii():
        if len(name) <= _SHORT and name.islower():
            return (name,) if name.isalpha() else tuple(_ASCII_PART.findall(name))
        parts = _ASCII_PART.findall(name)
        if len(name) <= _SHORT:
            return tuple([part.lower() for part in _plural_acronym(parts)])
    else:
        kinds = "".join(map(_kind, name))
        parts = [name[match.start() : match.end()] for match in _PART.finditer(kinds)]
    if len(name) > _SHORT and not _UNSPACED.search(name) and not _is_name(name, parts):
        return ()
    return tuple(lower for part in _plural_acronym(parts) for lower in part.lower().split())


def _kind(char: str) -> str:
    """One letter for what a character is to the parts of a name."""
    if "0" <= char <= "9" or char.isdecimal():
        return "0"
    if char == "_":
        return "_"
    if _UNSPACED.match(char):
        return "c"
    if char.isupper() or char.istitle():
        return "A"
    return "a" if char.islower() else "x"


def _is_name(name: str, parts: list[str]) -> bool:
    """Whether so long a run of letters and digits is a name that somebody wrote."""
    if len(name) > _LONGEST or max(map(len, parts), default=_LONGEST) > _SHORT:
        return False
    letters = sum(len(part) for part in parts if not part[0].isdecimal())
    return letters >= _LETTERS_OF_PART * len(parts) or 2 * name.count("_") >= len(parts)


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
