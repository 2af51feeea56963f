"""The comments of a file: where they stand, which language they are in, and put into another one.

Documentation strings count as comments. Another language is put in word for word by the lexicon
that searches use, so what such an edit costs is the least that it would cost with a translator who
chooses words that no search knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from c2llm.codebase.syntax_tree import parse
from c2llm.codebase.words import stems
from c2llm.search.translation.language import latin_language
from c2llm.search.translation.lexicon import shipped_lexicon

if TYPE_CHECKING:
    from tree_sitter import Node

ENGLISH, OTHER, FEW = "English", "another", "none"
_STATEMENTS = ("module", "block", "expression_statement")
"""Nodes in which a string stands for itself."""
_LEAST_WORDS = 5
"""Fewer words say no language."""
_MOST_WORDS = 2000
_WORD = re.compile(r"[^\W\d_]{2,}")
_FOREIGN_LETTER = re.compile(r"[\u0370-\u1fff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_FOREIGN_SHARE = 0.2
"""Of the letters of comments."""


def comment_spans(source: bytes, language: str) -> list[tuple[int, int]]:
    """First byte and the one after the last of each comment, in order; none without a grammar."""
    tree = parse(source, language)
    return [] if tree is None else sorted(_spans(tree.root_node))


def _spans(root: Node) -> Iterator[tuple[int, int]]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if "comment" in node.type or _is_docstring(node):
            yield node.start_byte, node.end_byte
        else:
            waiting.extend(node.children)


def _is_docstring(node: Node) -> bool:
    """A string that is a statement, as in Python."""
    parent = node.parent
    return node.type == "string" and parent is not None and parent.type in _STATEMENTS


def comment_language(source: bytes, language: str) -> str:
    """`ENGLISH`, `OTHER`, or `FEW` where less than five words are commented."""
    text = b"\n".join(source[start:end] for start, end in comment_spans(source, language))
    return language_of(text.decode("utf-8", "replace"))


def language_of(text: str) -> str:
    """The same of a text, such as a question."""
    words = _WORD.findall(text)[:_MOST_WORDS]
    letters = "".join(words)
    if letters and len(_FOREIGN_LETTER.findall(letters)) >= _FOREIGN_SHARE * len(letters):
        return OTHER
    if len(words) < _LEAST_WORDS:
        return FEW
    lexicon = shipped_lexicon()
    latin = latin_language(lexicon, words) if lexicon is not None else None
    return OTHER if latin else ENGLISH


def without_comments(source: bytes, language: str) -> bytes:
    """The file with blanks for comments; lines keep their numbers.

    A documentation string becomes an empty one, since a body may consist of it alone.
    """
    return _replaced(source, language, _blank)


def translated_comments(source: bytes, language: str, into: str) -> bytes:
    """The file with the words of its comments in another language, as far as they are known.

    Args:
        source: the file.
        language: its language.
        into: a language of the lexicon, such as `zh` or `de`.
    """
    return _replaced(source, language, lambda text: _WORD.sub(lambda m: _into(into, m[0]), text))


def _replaced(source: bytes, language: str, change: Callable[[str], str]) -> bytes:
    parts: list[bytes] = []
    at = 0
    for start, end in comment_spans(source, language):
        text = source[start:end].decode("utf-8", "replace")
        parts += [source[at:start], change(text).encode()]
        at = end
    return b"".join([*parts, source[at:]])


_QUOTES = re.compile(r"""^([rRbBuU]{0,2})("{3}|'{3}|"|')""")


def _blank(text: str) -> str:
    quotes = _QUOTES.match(text)
    if quotes is None:
        return re.sub(r"[^\n]", " ", text)
    return quotes[0] + "\n" * text.count("\n") + quotes[2]


@cache
def _into(language: str, word: str) -> str:
    lexicon = shipped_lexicon()
    stem = next(iter(stems(word)), None)
    if lexicon is None or stem is None:
        return word
    known = lexicon.translations(f"{language}<{stem}")
    return known[0][0] if known else word
