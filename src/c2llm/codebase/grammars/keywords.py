"""Definitions by their keywords, where no grammar reads the language or the file.

`keywords.json` lists, language by language, the words that begin a function or a class, patterns
(each with a group that is the name) where a word alone does not tell, and what begins a comment.
A definition ends where the indentation does, or with `"ends": "next"` where the next one begins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

_MOST_DEFINITIONS = 20_000
_MOST_COMMENT_LINES = 200
_BEFORE = (
    "public private protected internal friend static shared final sealed abstract virtual"
    " override overrides overridable overloads partial readonly default export entry extern"
    " external open pub const async unsafe inline pure proto multi opaque noncomputable local"
    " global hidden fixed cached create or replace mustinherit notinheritable mustoverride"
    " shadows query total covering implicit explicit exported automatic impure actual program"
    " script ghost declare ptrsafe"
)
"""Words that may stand before the keyword."""
_AFTER = "rec nonrec type body virtual static class inline local meta"
"""Words that may stand between the keyword and the name."""
_NAME = r"[`\"'\[]?(?:self\.|this\.)?([^\W\d](?:[\w.?!'$]|-(?=\w)|::(?=\w))*)"
_LEADING = r"(?:(?:<[^<>\n]{1,80}>|@?\[[^\[\]\n]{1,80}\])[ \t]*)?"
"""An attribute on the same line."""
_QUOTES = re.compile(r"[`\"\[\]]")
_CLOSES = re.compile(rb"[})\]]|(?:end|begin|is|as|where|then|do)\b|\{", re.IGNORECASE)
_ENDS = re.compile(rb"[})\]]|end", re.IGNORECASE)
_ATTRIBUTE = (b"@", b"#[", b"[<", b"%[")
_BLOCKS = ((b"*/", b"/*"), (b"*)", b"(*"), (b"-}", b"{-"), (b"-/", b"/-"), (b"]]", b"--[["))


@dataclass(frozen=True, slots=True)
class Outlined:
    """A definition that keywords tell, in bytes and in lines from 0."""

    kind: Literal["function", "class"]
    name: str
    start: int
    end: int
    first: int
    """Line of `start`."""
    line: int
    """Line of the keyword, below its comment."""
    docs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """The keywords of one language, compiled."""

    patterns: tuple[tuple[Literal["function", "class"], re.Pattern[bytes]], ...]
    comments: tuple[bytes, ...]
    until_next: bool


@cache
def _rows() -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = json.loads(
        Path(__file__).with_name("keywords.json").read_text(encoding="utf-8")
    )
    return rows


def keyword_languages() -> frozenset[str]:
    """The languages that have a row."""
    return frozenset(_rows())


def has_keywords(language: str) -> bool:
    """Whether there is a row for a language."""
    return language in _rows()


@cache
def _row(language: str) -> _Row:
    row = _rows()[language]
    flags = re.MULTILINE | (re.IGNORECASE if row.get("caseless") else 0)
    patterns: list[tuple[Literal["function", "class"], re.Pattern[bytes]]] = []
    kinds: tuple[Literal["function", "class"], ...] = ("class", "function")
    for kind in kinds:
        if pattern := row.get("patterns", {}).get(kind):
            patterns.append((kind, re.compile(pattern.encode(), flags)))
        if words := row.get(kind):
            before, own, after = (
                "|".join(map(re.escape, text.split())) for text in (_BEFORE, words, _AFTER)
            )
            pattern = (
                rf"^[ \t]*{_LEADING}(?:(?:{before})[ \t]+)*(?:{own})[ \t]+"
                rf"(?:(?:{after})[ \t]+)*{_NAME}"
            )
            patterns.append((kind, re.compile(pattern.encode(), flags)))
    return _Row(
        tuple(patterns), tuple(row.get("comment", "").encode().split()), row.get("ends") == "next"
    )


def outline(source: bytes, language: str) -> list[Outlined]:
    """The definitions of a file by keyword, in order of their start; none without a row.

    Args:
        source: The file as UTF-8.
        language: Name as in `codebase.languages`.
    """
    if not has_keywords(language):
        return []
    row = _row(language)
    lines = source.split(b"\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    heads = sorted(_heads(source, row), key=lambda head: head[0])
    found: list[Outlined] = []
    above = 0  # lines before this one belong to what was told last
    number = -1
    for index, (position, kind, name, _) in enumerate(heads):
        number = source.count(b"\n", starts[max(number, 0)], position) + max(number, 0)
        first, docs = _leading(lines, starts, number, above, row.comments)
        last = number
        if row.until_next:
            following = heads[index + 1][0] if index + 1 < len(heads) else len(source)
            last = source.count(b"\n", starts[number], following) + number
            if index + 1 < len(heads):
                last = _leading(lines, starts, last, number + 1, row.comments)[0] - 1
        else:
            opening = source.count(b"\n", starts[number], heads[index][3]) + number
            last = _last_line(lines, number, max(opening, number))
        while last > number and not lines[last].strip():
            last -= 1
        end = min(starts[last] + len(lines[last].rstrip()), len(source))
        if found and (found[-1].kind, found[-1].name) == (kind, name) and row.until_next:
            # A clause more of the same.
            found[-1] = replace(found[-1], end=max(end, position))
        else:
            indent = starts[first] + len(lines[first]) - len(lines[first].lstrip())
            found.append(Outlined(kind, name, indent, max(end, position), first, number, docs))
        above = number + 1
    return found


def _heads(
    source: bytes, row: _Row
) -> Iterator[tuple[int, Literal["function", "class"], str, int]]:
    """(first byte after the indentation, kind, name, end of the match), each place once."""
    seen: set[int] = set()
    for kind, pattern in row.patterns:
        for match in pattern.finditer(source):
            name = next((group for group in match.groups() if group), b"")
            text = _QUOTES.sub("", name.decode(errors="replace")).strip(".:'")
            start = match.start() + len(match[0]) - len(match[0].lstrip())
            line = source.rfind(b"\n", 0, start) + 1
            if text and line not in seen and len(seen) < _MOST_DEFINITIONS:
                seen.add(line)
                yield start, kind, text, match.end()


def _leading(
    lines: Sequence[bytes],
    starts: Sequence[int],
    number: int,
    floor: int,
    comments: tuple[bytes, ...],
) -> tuple[int, tuple[tuple[int, int], ...]]:
    """The first line of the comments and attributes directly above, and where comments stand."""
    docs: list[tuple[int, int]] = []
    first = number
    while first > max(floor, number - _MOST_COMMENT_LINES):
        text = lines[first - 1].strip()
        top = first - 1
        opener = next((opens for closes, opens in _BLOCKS if text.endswith(closes)), None)
        if opener is not None:
            while top > max(floor, number - _MOST_COMMENT_LINES) and opener not in lines[top]:
                top -= 1
            if not lines[top].lstrip().startswith(opener):
                break  # a remark at the end of a line of code
        elif text.startswith(b"#!") or not (
            text.startswith(_ATTRIBUTE) or (comments and text.lower().startswith(comments))
        ):
            break
        if not text.startswith(_ATTRIBUTE):
            start = starts[top] + len(lines[top]) - len(lines[top].lstrip())
            docs.append((start, starts[first - 1] + len(lines[first - 1].rstrip())))
        first = top
    return first, tuple(docs[::-1])


def _last_line(lines: Sequence[bytes], number: int, opening: int) -> int:
    """The last line of a definition: all that is indented deeper, and what closes it."""
    indent = _indent(lines[number])
    last = opening
    for row in range(opening + 1, len(lines)):
        text = lines[row].strip()
        if not text:
            continue
        if _indent(lines[row]) > indent:
            last = row
        elif _CLOSES.match(text) and _indent(lines[row]) == indent:
            last = row
            if _ENDS.match(text):
                break
        else:
            break
    return last


def _indent(line: bytes) -> int:
    return len(line) - len(line.lstrip())
