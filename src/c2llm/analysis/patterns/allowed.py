"""Comments that allow a hit: `c2llm: allow NAME - the reason`, in its lines or alone above."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COMMENT = re.compile(
    r"c2llm:\s{0,4}allow\s{1,4}([a-z0-9-]+(?:\s{0,4},\s{0,4}[a-z0-9-]+){0,20})(?:\s{1,4}(.*)|:(.*))?$"
)
_ANY = re.compile(r"c2llm:\s{0,4}allow\b[^\n]*")
_CODE = re.compile(r"\w")
_LONGEST = 2_000
_ENDS = ("*/", "-->", "#}", "*)", "--]]", "]]")
_MOST_LINES = 400


def reason(lines: Sequence[str], start: int, end: int, name: str) -> str | None:
    """The reason that a comment gives for a hit, "" where it gives none, None without a comment.

    Args:
        lines: Of the file.
        start: First line of the hit, from 1.
        end: Its last line.
        name: Of the pattern.
    """
    first = max(1, start - 1)
    for number, line in enumerate(lines[first - 1 : min(end, start + _MOST_LINES)], first):
        if "c2llm:" not in line or len(line) > _LONGEST:
            continue
        if number < start and _CODE.search(line.partition("c2llm:")[0]):
            continue  # it speaks of what stands in its own line
        found = _COMMENT.search(line.rstrip())
        if found is not None and name in [one.strip() for one in found[1].split(",")]:
            text = (found[2] or found[3] or "").strip()
            for mark in _ENDS:
                text = text.removesuffix(mark).rstrip()
            return text.lstrip("-–—:( ").rstrip(") ").strip()
    return None


def unspoken(text: str) -> str:
    """Code without what such comments say: the name of a pattern in one is no `timeout` there."""
    return _ANY.sub("", text) if "c2llm:" in text else text
