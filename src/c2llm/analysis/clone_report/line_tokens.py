"""A line of code as tokens, in any language: good enough to show what differs, not to compile."""

from __future__ import annotations

import re
from functools import lru_cache

_TOKEN = re.compile(
    r"""\s+|[^\W\d]\w*|\d[\w.]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|[^\w\s]"""
)
KEYWORDS = frozenset(
    """abstract alias and as assert async auto await begin bool boolean break byte case catch char
    class const constexpr continue crate debugger def default defer del delete do double elif else
    elsif elseif end ensure enum except explicit export extends extern false final finally float fn
    for foreach from func function global go goto if impl implements import in include inline
    instanceof int interface internal is lambda let long loop match mod module move mut namespace
    new nil none not null object of operator or override package pass private protected pub public
    raise range readonly ref require rescue return sealed select self short signed sizeof static
    string struct super switch synchronized template then this throw throws trait true try type
    typedef typename typeof union unless unsafe unsigned until use using val var virtual void
    volatile when where while with yield""".split()
)
"""Words that are never the name of something, whatever the language."""
LONGEST_LINE = 1_000
"""Characters of a line that are looked at and shown."""
_NAME, _LITERAL = "\0name", "\0literal"


def tokens(line: str) -> list[str]:
    """The tokens of a line, the white space between them included: joined they are the line."""
    return _TOKEN.findall(line)


def is_name(token: str) -> bool:
    """Whether a token may be the name of something."""
    return (token[0].isalpha() or token[0] == "_") and token.lower() not in KEYWORDS


@lru_cache(maxsize=65_536)
def shape(line: str) -> tuple[str, ...]:
    """The tokens of a line without white space, all names alike and all literals alike."""
    cut = line[:LONGEST_LINE]
    return tuple(_shape_of(token) for token in tokens(cut) if not token.isspace())


def _shape_of(token: str) -> str:
    if is_name(token):
        return _NAME
    first = token[0]
    return _LITERAL if first.isdigit() or (first in "\"'`" and len(token) > 1) else token
