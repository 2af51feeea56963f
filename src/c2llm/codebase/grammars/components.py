"""Files that hold several languages: which lines are the code of which.

Vue, Svelte, Astro and HTML have scripts, Razor has blocks of C#, JSP declarations of Java. The
code of each language is given as the whole file with everything else made blank, so that places
in it are places in the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_MOST_PARTS = 200
_LONGEST_TAG = 2_000
_SCRIPT = re.compile(rb"<script\b", re.IGNORECASE)
_SCRIPT_END = re.compile(rb"</script\s*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"""\b(lang|type)\s*=\s*["']?([\w/+.-]+)""", re.IGNORECASE)
_SCRIPT_LANGUAGES = {
    b"ts": "typescript",
    b"typescript": "typescript",
    b"text/typescript": "typescript",
    b"application/typescript": "typescript",
    b"tsx": "tsx",
    b"js": "javascript",
    b"jsx": "javascript",
    b"javascript": "javascript",
    b"module": "javascript",
    b"text/javascript": "javascript",
    b"application/javascript": "javascript",
    b"text/babel": "javascript",
    b"text/ecmascript": "javascript",
}
_FRONT = re.compile(rb"\A\s*---[ \t]*\r?\n")
_FRONT_END = re.compile(rb"^---[ \t]*\r?$", re.MULTILINE)
_RAZOR = re.compile(rb"^[ \t]*@(?:functions|code)\s*\{", re.MULTILINE)
_JSP = re.compile(rb"<%!")
_BRACES = re.compile(rb"""[{}]|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|//[^\n]*""")
_BLANK = bytes(byte if byte in b"\r\n" else 32 for byte in range(256))


@dataclass(frozen=True, slots=True)
class Part:
    """The code of one language in a file of several."""

    language: str
    source: bytes
    """As long as the file, blank where it is not this language."""
    lines: tuple[tuple[int, int], ...]
    """Half-open ranges of the lines from 0 that hold it, its tags counted in."""


_Found = tuple[str, int, int]
"""A language, and the bytes that are in it."""


def is_mixed(language: str) -> bool:
    """Whether files of a language hold code of others."""
    return language in MIXED


def parts(source: bytes, language: str) -> list[Part]:
    """The code in a file of several languages, one part a language."""
    found: dict[str, list[tuple[int, int]]] = {}
    for count, (inner, start, end) in enumerate(_READERS[language](source)):
        if count == _MOST_PARTS:
            break
        if source[start:end].strip():
            found.setdefault(inner, []).append((start, end))
    return [_part(source, inner, spans) for inner, spans in found.items()]


def _part(source: bytes, language: str, spans: list[tuple[int, int]]) -> Part:
    pieces: list[bytes] = []
    lines: list[tuple[int, int]] = []
    position = number = 0
    for start, end in spans:
        pieces += [source[position:start].translate(_BLANK), source[start:end]]
        first = number + source.count(b"\n", position, start)
        number = first + source.count(b"\n", start, end)
        lines.append((first, number + 1))
        position = end
    pieces.append(source[position:].translate(_BLANK))
    return Part(language, b"".join(pieces), tuple(lines))


def _scripts(source: bytes, default: str = "javascript") -> Iterator[_Found]:
    position = 0
    while opening := _SCRIPT.search(source, position):
        tag_end = source.find(b">", opening.end(), opening.end() + _LONGEST_TAG)
        closing = _SCRIPT_END.search(source, tag_end) if tag_end >= 0 else None
        if closing is None:
            return
        said = _ATTRIBUTE.findall(source, opening.end(), tag_end)
        kinds = {name.lower(): value.lower() for name, value in said}
        kind = kinds.get(b"lang") or kinds.get(b"type")
        inner = default if kind is None else _SCRIPT_LANGUAGES.get(kind)
        if inner is not None:
            yield inner, tag_end + 1, closing.start()
        position = closing.end()


def _astro(source: bytes) -> Iterator[_Found]:
    position = 0
    if front := _FRONT.match(source):
        closing = _FRONT_END.search(source, front.end())
        if closing is not None:
            yield "typescript", front.end(), closing.start()
            position = closing.end()
    for inner, start, end in _scripts(source, "typescript"):
        if start >= position:
            yield inner, start, end


def _razor(source: bytes) -> Iterator[_Found]:
    position = 0
    while opening := _RAZOR.search(source, position):
        depth, end = 1, len(source)
        for sign in _BRACES.finditer(source, opening.end()):
            depth += {b"{": 1, b"}": -1}.get(sign[0], 0)
            if depth == 0:
                end = sign.start()
                break
        yield "csharp", opening.end(), end
        position = end


def _jsp(source: bytes) -> Iterator[_Found]:
    position = 0
    while opening := _JSP.search(source, position):
        end = source.find(b"%>", opening.end())
        if end < 0:
            return
        yield "java", opening.end(), end
        position = end


_READERS: dict[str, Callable[[bytes], Iterator[_Found]]] = {
    "vue": _scripts,
    "svelte": _scripts,
    "html": _scripts,
    "astro": _astro,
    "razor": _razor,
    "jsp": _jsp,
}

MIXED = frozenset(_READERS)
"""The languages whose files hold code of others."""
