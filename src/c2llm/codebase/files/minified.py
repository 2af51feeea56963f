"""Whether a file is minified code and nothing else.

A long line alone is none: a picture in base64, a list of words or a query can be one line of a file
that is otherwise written by hand, and `chunks.cut_text` keeps the beginning of such a line.
"""

from __future__ import annotations

import re

_LANGUAGES = frozenset({"javascript", "typescript", "tsx", "css"})
_LONGEST = 5_000
"""Bytes; no line of code that a person wrote has as many."""
_LONG = 500
"""A line that may be the rest of a minified one, as of a bundle that is wrapped."""
_MOST_WRITTEN = 200
"""Bytes of code outside of long lines; more of it is code that somebody wrote."""
_MOST_SHORT = 8_000
"""Bytes of short lines, comments and all."""
_LEAST_MARKS = 0.02
_MOST_BLANKS = 0.12
_COMMENT = re.compile(rb"/\*.*?\*/|^\s*//[^\n]*", re.DOTALL | re.MULTILINE)


def is_minified(content: bytes, language: str) -> bool:
    """Whether all code of a file stands in long lines without blanks, full of `;`, `{` and `}`.

    Args:
        content: The whole file.
        language: Its language; only what is shipped to browsers is minified.
    """
    if language not in _LANGUAGES or len(content) <= _LONGEST:
        return False
    lines = content.replace(b"\r", b"\n").split(b"\n")
    if max(map(len, lines)) <= _LONGEST:
        return False
    long = b"".join(line for line in lines if len(line) > _LONG)
    marks = long.count(b";") + long.count(b"{") + long.count(b"}")
    if marks < _LEAST_MARKS * len(long) or _blanks(long) > _MOST_BLANKS * len(long):
        return False
    short = b"\n".join(line for line in lines if len(line) <= _LONG)
    if len(short) > _MOST_SHORT:
        return False
    return len(b"".join(_COMMENT.sub(b"", short).split())) <= _MOST_WRITTEN


def _blanks(text: bytes) -> int:
    return text.count(b" ") + text.count(b"\t")
