"""Code with syntax colours, as pieces of text that each have a class.

The syntax tree gives the colours, whatever the language: what is no named node and a word is a
keyword, what is called a comment or a string is one. The pieces are text, never markup, so that
nothing in a file can become part of the page; and what would steer or hide text is written out, in
a piece of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING

from c2llm.codebase.syntax_tree import parse
from c2llm.printable import UNSEEN, printable

if TYPE_CHECKING:
    from tree_sitter import Node

Piece = tuple[str, str]
"""A class (`k` keyword, `s` string, `c` comment, `n` number or constant, `f` name of a function,
`t` type or key, `u` what is not seen, written out, `m` what is said about the line; "" for none)
and a text."""

_MOST_OF_LINE = 1_000
"""Characters; of a longer line so many are shown and the others counted."""
_MOST_COLOURED = 400_000
"""Characters; more is shown without colours."""
_MOST_OF_COLOURED_LINE = 300
"""Characters of a line in a language without a grammar."""

_MOST_KEPT = 8_000
"""Characters of a text whose pieces are kept."""

_CLASSES = ["", "k", "s", "c", "n", "f", "t"]
_KEYWORD, _STRING, _COMMENT, _NUMBER, _FUNCTION, _TYPE = range(1, 7)
_KINDS = (
    (_COMMENT, re.compile(r"comment|^html_block$")),
    (0, re.compile(r"interpolation|substitution|template_expression")),
    (
        _STRING,
        re.compile(r"string|char(acter)?(_literal)?$|heredoc_body|regex|quoted_|^rune|scalar$"),
    ),
    (
        _NUMBER,
        re.compile(
            r"integer|float|number|^int_literal|^(true|false|none|null|nil|undefined|decimal)\b|^boolean(_literal)?$"
        ),
    ),
    (
        _KEYWORD,
        re.compile(
            r"^(this|self|super|primitive_type|predefined_type|void_type)$|^keyword_(?!arg|param|sep|pat|elem)"
        ),
    ),
    (_TYPE, re.compile(r"type_identifier|builtin_type")),
    (_FUNCTION, re.compile(r"^decorator$|attribute_item|^(marker_)?annotation$")),
)
_WORD = re.compile(r"[A-Za-z][A-Za-z_]*")
_DEFINES = re.compile(
    r"^(?!.*(parameter|variable|field_decl|const_|var_|property|import))"
    r".*(definition|declaration|function|method|class|item|signature)"
)
_CALLS = re.compile(r"(?<!fn)call(?!able)|invocation|macro_invocation|^command$")
_CALLEES = ("function", "method", "name", "macro")
_WITH_PREFIX = {"php": b"<?php "}
"""What a part of a file lacks before it, without which it is no code."""
_BY_LINES = re.compile(
    r"""(?P<c> (?:(?<=\s)|^) (?:\#(?=[\s!]|$) | //(?=\s) | --\s ).*
        | <!--.*?(?:-->|$) | /\*.*?(?:\*/|$) )
    | (?P<s> "(?:[^"\\]|\\.)*" (?!\s*:(?:\s|$)) | '(?:[^'\\]|\\.)*' (?!\s*:(?:\s|$)) )
    | (?P<t> ^[\s-]* [\w."'$@-]+ (?=\s*(?:[:=](?:\s|$)|\]$)) | "(?:[^"\\]|\\.)*" (?=\s*:) )
    | (?P<k> </?[\w:-]+ | /?> (?=\s*<|$) | (?:^\s*)@[\w-]+ )
    | (?P<n> \b(?:true|false|null|yes|no|\d[\w.%]*)\b | \#[0-9a-fA-F]{3,8}\b )""",
    re.VERBOSE,
)
"""Languages without a grammar: settings, markup, and whatever else has comments and strings."""
_PROSE = frozenset(("markdown", "text", "rst", "asciidoc", "tex", "org"))
_OF_PROSE = re.compile(r"(?P<f>^\#{1,6}\s.*|^={1,6}\s.*)|(?P<s>`[^`]+`)|(?P<c>^<!--.*)")


def coloured_text(text: str, language: str) -> list[list[Piece]]:
    """The pieces of each line of a text, kept: who types sees the same results again and again."""
    short = len(text) <= _MOST_KEPT
    return _kept(text, language) if short else coloured(text.split("\n"), language)


@lru_cache(maxsize=1_000)
def _kept(text: str, language: str) -> list[list[Piece]]:
    return coloured(text.split("\n"), language)


def dedented(lines: Sequence[list[Piece]]) -> list[list[Piece]]:
    """Lines without the space that all of them begin with, but for blank ones."""
    texts = ["".join(text for _, text in line) for line in lines]
    spaces = [text[: len(text) - len(text.lstrip(" \t"))] for text in texts if text.strip()]
    # Of texts in order, what the first and the last begin with in common all do.
    pairs = zip(min(spaces, default=""), max(spaces, default=""), strict=False)
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return [_without(line, common) for line in lines]


def _without(line: Sequence[Piece], most: int) -> list[Piece]:
    left: list[Piece] = []
    for kind, text in line:
        cut = min(most, len(text) - len(text.lstrip(" \t"))) if not left else 0
        most -= cut
        if text[cut:]:
            left.append((kind, text[cut:]))
    return left


def coloured(lines: Sequence[str], language: str) -> list[list[Piece]]:
    """The pieces of each line.

    Args:
        lines: Neighbouring lines of a file, without their ends.
        language: As the index calls it; one without a grammar has no colours.
    """
    lines = [line.rstrip("\r") for line in lines]
    shown = [line[:_MOST_OF_LINE] for line in lines]
    pieces = list(_of_tree(shown, language))
    for line, of_line in zip(lines, pieces, strict=True):
        if len(line) > _MOST_OF_LINE:
            of_line.append(("m", f" … {len(line) - _MOST_OF_LINE:,} more characters"))
    return pieces


def _of_tree(lines: Sequence[str], language: str) -> Iterator[list[Piece]]:
    encoded = [line.encode(errors="surrogateescape") for line in map(_encodable, lines)]
    before = _WITH_PREFIX.get(language, b"")
    source = before + b"\n".join(encoded)
    tree = parse(source, language) if len(source) <= _MOST_COLOURED else None
    if tree is None:
        yield from (_by_expression(line, language) for line in lines)
        return
    paint = bytearray(len(source))
    _paint(tree.root_node, source, paint)
    start = len(before)
    for line in encoded:
        end = start + len(line)
        yield list(_runs(line, paint[start:end]))
        start = end + 1


def _by_expression(line: str, language: str) -> list[Piece]:
    """The pieces of a line in a language without a grammar."""
    pieces: list[Piece] = []
    done = 0
    expression = _OF_PROSE if language in _PROSE else _BY_LINES
    for match in expression.finditer(line) if len(line) <= _MOST_OF_COLOURED_LINE else ():
        pieces += visible(line[done : match.start()])
        pieces += visible(match[0], match.lastgroup or "")
        done = match.end()
    return [*pieces, *visible(line[done:])]


def _encodable(line: str) -> str:
    """A line without halves of characters that stand for nothing."""
    return re.sub(r"[\ud800-\udc7f\udd00-\udfff]", "\ufffd", line)


def _runs(line: bytes, paint: bytearray) -> Iterator[Piece]:
    start = 0
    for end in range(1, len(line) + 1):
        if end == len(line) or paint[end] != paint[start]:
            text = line[start:end].decode(errors="surrogateescape")
            yield from visible(text, _CLASSES[paint[start]])
            start = end


def visible(text: str, kind: str = "") -> Iterator[Piece]:
    """The pieces of a text: what is not seen of it is written out, each in a piece of class `u`."""
    done = 0
    for match in UNSEEN.finditer(text):
        if match.start() > done:
            yield kind, text[done : match.start()]
        yield "u", printable(match[0])
        done = match.end()
    if done < len(text):
        yield kind, text[done:]


def _paint(root: Node, source: bytes, paint: bytearray) -> None:
    """Give each byte the class of the innermost node around it that has one."""
    forced: dict[int, int] = {}
    nodes = [root]
    while nodes:
        node = nodes.pop()
        start, end = node.start_byte, node.end_byte
        kind = forced.get(node.id) or _kind_of(node, source)
        if kind is not None:
            paint[start:end] = bytes([kind]) * (end - start)
        if kind == _COMMENT or node.id in forced:
            continue
        if node.is_named:
            fields: tuple[str, ...] = ()
            if _CALLS.search(node.type):
                fields = _CALLEES
            elif node.type == "function_declarator":
                fields = ("declarator",)
            elif _DEFINES.search(node.type):
                fields = ("name",)
            _force_name(next(filter(None, map(node.child_by_field_name, fields)), None), forced)
        nodes += reversed(node.children)


def _force_name(node: Node | None, forced: dict[int, int]) -> None:
    """Have the last name of a callee or a definition painted as that of a function."""
    while node is not None and node.child_count:
        node = node.named_children[-1] if node.named_children else None
    if node is not None and re.search(r"identifier|name|word|constant", node.type):
        forced[node.id] = _FUNCTION


def _kind_of(node: Node, source: bytes) -> int | None:
    """The class of a node; None for that of what is around it."""
    if not node.is_named:
        word = source[node.start_byte : node.end_byte].decode(errors="replace")
        return (
            _KEYWORD if _WORD.fullmatch(word) and word.casefold() == node.type.casefold() else None
        )
    if node.type.endswith(("_statement", "_definition", "_declaration", "_expression", "_list")):
        return None
    return _kind_called(node.type)


@cache
def _kind_called(name: str) -> int | None:
    return next((kind for kind, names in _KINDS if names.search(name)), None)
