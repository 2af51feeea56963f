"""A regular expression of `--regex`, and the literal parts that its matches are told to have."""

from __future__ import annotations

import re
import warnings

from c2llm.search.query.pattern import Pattern
from tests.fuzzing.reading import text_of, tokens
from tests.fuzzing.target import Target

_SAFE = re.compile(r"[^*+{}]*")
"""Without a repetition nothing takes long, so that what it matches may be asked here."""


def check(data: bytes) -> None:
    """The first line is the expression, the rest a text that it may match."""
    expression, _, text = text_of(data).partition("\n")
    pattern = Pattern.parse(expression)
    assert all(pattern.required) or pattern.literal
    text = text[:2_000]
    if _SAFE.fullmatch(expression) and len(expression) < 60:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = re.search(expression, text, re.MULTILINE)
            except re.error:
                return
        assert found is None or pattern.may_match(text), "a match without its literal part"
        assert not pattern.literal or bool(found) == pattern.may_match(text)


_SEEDS = [
    *(b"def \\w+\\(self\ndef f(self, x)", b"^a(b|c)d$\nabd", b"(?i)Abc\nxABCx", b"(?<=a)b\nab"),
    *(
        b"[a-z]x?y\nqy",
        b"(?P<n>a)(?P=n)\naa",
        b"a|b\nb",
        b"(?>ab)c\nabc",
        b"foo\nafoob",
        b"(?:ab)?c\nc",
    ),
]
_TOKENS = tokens(
    r"""
    (?i) (?x) (?s) (?: (?= (?! (?<! (?> \\b \\Z | ? [^a] \\1 (?(1)a|b) (?-i: (?i:
    \\N{DIGIT\x20ONE} \\u0041 $ ^ .
    """
)

TARGET = Target(check, _SEEDS, _TOKENS)
