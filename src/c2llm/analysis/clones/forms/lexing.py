"""Source to tokens without a grammar: what is compared when code is compared with code.

One regular expression a family of languages reads names, numbers, strings and signs, and steps over
comments and layout. A parser would know more and cost ten times as much, and of a damaged file it
would know nothing; here every language and every state of a file is read alike. No expression
backtracks over more than one token, so that hostile input is read in the time of honest input.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.forms.keywords import KEYWORDS

NAME, NUMBER, STRING = 1, 2, 3
"""`Tokens.forms` of what type 2 may change."""
_SIGNS = 4
_MOST_NEWLINES = 0x7FFF
_MOST_KNOWN = 200_000
_LONGEST_KNOWN = 60
"""Tokens up to this length are looked up when they come again."""

# What a family of languages writes comments with; `Z` is the end of a file that closes none.
_COMMENTS = {
    "slash": r"//[^\n]*+|/\*[^*]*+(?:\*++(?!/)[^*]*+)*+(?:\*/|\Z)",
    "hash": r"\#[^\n]*",
    "python": r"""(?:\A|\n)[ \t]*[rRbBuU]{0,2}"""
    r"""(?:\"{3}[\s\S]*?(?:\"{3}|\Z)|'{3}[\s\S]*?(?:'{3}|\Z))"""
    r"(?=[ \t\r]*(?:\n|\Z))|\#[^\n]*",
    "both": r"//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)|\#(?!\[)[^\n]*",
    "dash": r"\{-[\s\S]*?(?:-\}|\Z)|--\[\[[\s\S]*?(?:\]\]|\Z)|--[^\n]*|/\*[\s\S]*?(?:\*/|\Z)",
    "semicolon": r";[^\n]*|\#\|[\s\S]*?(?:\|\#|\Z)",
    "percent": r"%[^\n]*|/\*[\s\S]*?(?:\*/|\Z)",
    "quote": r"(?:\A|\n)[ \t]*\"[^\n]*",
    "apostrophe": r"'[^\n]*",
    "round": r"\(\*[\s\S]*?(?:\*\)|\Z)|\{\*[\s\S]*?(?:\*\}|\Z)|//[^\n]*",
    "angle": r"<!--[\s\S]*?(?:-->|\Z)|//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)",
}
_FAMILY = {
    language: family
    for family, languages in {
        "python": "python cython starlark mojo vyper xonsh gdscript",
        "hash": "bash fish make cmake dockerfile ruby perl raku r julia elixir nim crystal yaml"
        " toml coffeescript tcl awk powershell nushell just gherkin kconfig nix elvish hcl graphql"
        " puppet ninja gn qmake stylus slim haml sas stata rego jsonnet",
        "both": "php hack",
        "dash": "haskell lua luau teal sql plsql ada vhdl elm purescript agda idris lean"
        " applescript moonscript cue dhall kusto koka eiffel",
        "semicolon": "lisp elisp scheme racket clojure asm ini llvm fennel hy janet lfe autohotkey"
        " autoit nsis rebol wat clarity",
        "percent": "erlang matlab prolog tex logtalk",
        "quote": "vim",
        "apostrophe": "vb",
        "round": "ocaml pascal fsharp sml coq isabelle reason mathematica",
        "angle": "html xml vue svelte astro razor jsp aspx xaml markdown velocity liquid",
    }.items()
    for language in languages.split()
}
_CHARACTERS = frozenset(
    "rust c cpp objc cuda metal java csharp go kotlin scala haskell ocaml fsharp d zig hlsl glsl"
    " vala ispc sml reason elm purescript verilog".split()
)
"""Languages in which `'` holds one character, or begins a lifetime or a name."""
_NO_APOSTROPHE = frozenset({"semicolon", "apostrophe"})
_AFTER_NEWLINES = frozenset({"python", "quote"})
"""Families with a comment that begins with the newline before it."""
_AFTER_BRACKETS = frozenset({"dash", "round"})
"""Families with a comment that begins with a bracket."""
_DOUBLE = r'"[^"\\\n]*+(?:\\[\s\S][^"\\\n]*+)*+(?:"|(?=\n)|\Z)'
_SINGLE = r"'[^'\\\n]*+(?:\\[\s\S][^'\\\n]*+)*+(?:'|(?=\n)|\Z)"
_CHARACTER = r"'(?:[^'\\\n]|\\[^\n']{1,9}|\\')'"
_BACKTICK = r"`[^`\\]*+(?:\\[\s\S][^`\\]*+)*+(?:`|\Z)"
_BACKTICKS = frozenset("javascript typescript tsx go vue svelte astro".split())
_TRIPLE = r"(?:\"{3}[\s\S]*?(?:\"{3}|\Z)|'{3}[\s\S]*?(?:'{3}|\Z))"
_TRIPLES = frozenset(
    "python cython starlark mojo kotlin scala swift java groovy julia elixir dart csharp nim toml"
    " gdscript".split()
)
# What is commonest comes first, and blanks are part of no alternative: this is the hot path.
_COMMON = r"[a-zA-Z_\x80-\U0010ffff][\w$]*+"
_LAYOUT = r"\n\s*+"
_BRACKETS = r"[(){}\[\],]"
_OTHER_WORDS = r"[@$]++[a-zA-Z_\x80-\U0010ffff][\w$]*+|\.?[0-9][\w.]*+"
_OPERATORS = r"[=!]==?|<=>|\*\*=?|\.\.\.?|[<>+*/%&|^:-]=|&&|\|\||[-=]>|::|\+\+|--|\?[?.]|<-"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a piece of code, one entry each in all arrays."""

    spellings: NDArray[np.uint32]
    """Hash of the token as it is written."""
    forms: NDArray[np.uint16]
    """`NAME`, `NUMBER`, `STRING`, or a hash of the keyword or sign."""
    lines: NDArray[np.uint32]
    """The line that it ends on, from 0."""

    def __len__(self) -> int:
        return len(self.forms)

    def part(self, start: int, end: int) -> Tokens:
        """Some that follow upon each other."""
        where = slice(start, end)
        return Tokens(self.spellings[where], self.forms[where], self.lines[where])


def tokens_of(text: str, language: str) -> Tokens:
    """The tokens of code in a language; one that is not known is read like C."""
    reader = _reader(language)
    found = reader.pattern.findall(text)
    # 32 bits of spelling, 16 of form, 15 of newlines within; a form of 0 is no token.
    packed = np.fromiter(map(reader.codes.__getitem__, found), np.int64, len(found))
    reader.codes.forget()
    forms = ((packed >> 15) & 0xFFFF).astype(np.uint16)
    kept = forms > 0
    lines = np.cumsum(packed & _MOST_NEWLINES)[kept].astype(np.uint32)
    return Tokens((packed[kept] >> 31).astype(np.uint32), forms[kept], lines)


def words_of(text: str, language: str) -> list[str]:
    """The tokens of code as they are written, without comments and layout."""
    reader = _reader(language)
    found = reader.pattern.findall(text)
    words = [word for word in found if (reader.codes[word] >> 15) & 0xFFFF]
    reader.codes.forget()
    return words


def spelled_tokens(text: str, language: str) -> Iterator[tuple[str, bool]]:
    """The tokens of code as they are written, and whether each is a comment.

    The layout before a token is a part of it, so that all of them joined are the text.
    """
    reader = _reader(language)
    at = 0
    for match in reader.pattern.finditer(text):
        yield text[at : match.end()], reader.codes.is_comment(match[1])
        at = match.end()
    if at < len(text):
        yield text[at:], False


class _Codes(dict[str, int]):
    """The packed code of each token that was met before, in one family of languages."""

    def __init__(self, comment: str) -> None:
        super().__init__()
        self._comment = re.compile(comment)

    def __missing__(self, token: str) -> int:
        code = min(token.count("\n"), _MOST_NEWLINES)
        form = self._form(token)
        if form:
            code |= (hash_of_spelling(token) << 31) | (form << 15)
        if len(token) <= _LONGEST_KNOWN:
            self[token] = code
        return code

    def is_comment(self, token: str) -> bool:
        """Whether a token is one that says nothing to a machine."""
        return self._comment.fullmatch(token) is not None

    def forget(self) -> None:
        """Begin anew where a tree has more words than are worth their memory."""
        if len(self) > _MOST_KNOWN:
            self.clear()

    def _form(self, token: str) -> int:
        first = token[0]
        if first.isspace() or self._comment.fullmatch(token):
            return 0
        if first in "\"'`":
            return STRING if len(token) > 1 else hash_of_sign(token)
        if first.isdigit() or (first == "." and token[1:2].isdigit()):
            return NUMBER
        if (first.isalpha() or first in "_@$") and token.lower() not in KEYWORDS:
            return NAME
        return hash_of_sign(token)


def hash_of_spelling(token: str) -> int:
    """What `Tokens.spellings` has for a token."""
    return zlib.crc32(token.encode(errors="replace"))


def hash_of_sign(token: str) -> int:
    """The form of a keyword or a sign."""
    return _SIGNS + zlib.crc32(token.encode(errors="replace")) % (0x10000 - _SIGNS)


@dataclass(frozen=True, slots=True)
class _Reader:
    pattern: re.Pattern[str]
    codes: _Codes


@cache
def _reader(language: str) -> _Reader:
    family = _FAMILY.get(language, "slash")
    strings = [_TRIPLE] if language in _TRIPLES else []
    strings.append(_DOUBLE)
    if language in _CHARACTERS:
        strings.append(_CHARACTER)
    elif family not in _NO_APOSTROPHE:
        strings.append(_SINGLE)
    if language in _BACKTICKS:
        strings.append(_BACKTICK)
    comment = _COMMENTS[family]
    layout = r"\n" if family in _AFTER_NEWLINES else _LAYOUT
    signs = [comment, _BRACKETS] if family in _AFTER_BRACKETS else [_BRACKETS, comment]
    parts = [_COMMON, *signs, layout, *strings, _OTHER_WORDS, _OPERATORS, r"\S"]
    return _Reader(re.compile(rf"[ \t\r\f]*+({'|'.join(parts)})"), _codes(comment))


@cache
def _codes(comment: str) -> _Codes:
    return _Codes(comment)
