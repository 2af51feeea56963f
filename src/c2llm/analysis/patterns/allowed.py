"""Comments that allow a hit: `c2llm: allow NAME - the reason`, in its lines or the line above."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COMMENT = re.compile(
    r"c2llm:\s{0,4}allow\s{1,4}([a-z0-9-]+(?:\s{0,4},\s{0,4}[a-z0-9-]+){0,20})(?:\s{1,4}(.*)|:(.*))?$"
)
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
    for line in lines[max(0, start - 2) : min(end, start + _MOST_LINES)]:
        if "c2llm:" not in line or len(line) > _LONGEST:
            continue
        found = _COMMENT.search(line.rstrip())
        if found is not None and name in [one.strip() for one in found[1].split(",")]:
            text = (found[2] or found[3] or "").strip()
            for mark in _ENDS:
                text = text.removesuffix(mark).rstrip()
            return text.lstrip("-–—:( ").rstrip(") ").strip()
    return None
