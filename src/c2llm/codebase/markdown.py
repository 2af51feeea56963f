"""Headings and fenced code of a Markdown file, by line."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-{3,})\s*$")
_FENCE = re.compile(r"^\s{0,8}(`{3,}|~{3,})\s*\{?\.?([\w+#-]*)")
_INLINE = re.compile(
    r"!?\[([^\]\[]*)\]\((?:[^()\s]|\([^()\s]*\))*\)|<[^<>]{1,200}>|[`*]+"
    r"|(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)"
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `line` counts from 0."""

    line: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced block; lines count from 0, `start` is its opening fence, `end` past its closing."""

    start: int
    end: int
    info: str
    closed: bool = True
    """Its last line is a fence; else the file ended before one."""

    @property
    def inside(self) -> slice:
        """The lines between its fences."""
        return slice(self.start + 1, self.end - 1 if self.closed else self.end)


def outline(lines: list[str]) -> tuple[list[Heading], list[CodeBlock]]:
    """Headings and fenced blocks in order; a `#` inside a block is no heading.

    A block that is never closed ends with the file, as the CommonMark specification says.
    """
    headings: list[Heading] = []
    blocks: list[CodeBlock] = []
    fence, info, opened = "", "", 0
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if fence:
            if match and match[1].startswith(fence) and not match[2]:
                blocks.append(CodeBlock(opened, number + 1, info))
                fence = ""
        elif match:
            fence, info, opened = match[1], match[2].lower(), number
        elif heading := _HEADING.match(line):
            headings.append(Heading(number, len(heading[1]), plain(heading[2])))
        elif (
            number
            and (underline := _UNDERLINE.match(line))
            and lines[number - 1].strip()
            and not lines[number - 1].lstrip().startswith((">", "-", "*", "|", "#"))
            and (number == 1 or not lines[number - 2].strip())
        ):
            level = 1 if underline[1][0] == "=" else 2
            headings.append(Heading(number - 1, level, plain(lines[number - 1].strip())))
    if fence:
        blocks.append(CodeBlock(opened, len(lines), info, closed=False))
    return headings, blocks


def plain(text: str) -> str:
    """A line of Markdown without links, emphasis and tags."""
    return " ".join(_INLINE.sub(lambda match: match[1] or "", text).split())
