"""A text to the words that it is found by: the same on both sides of a search."""

from __future__ import annotations

from c2llm.codebase import words as stemmed
from c2llm.codebase.identifiers import fts_text, names, split_identifier, words
from tests.fuzzing.reading import text_of, tokens
from tests.fuzzing.target import Target


def check(data: bytes) -> None:
    """Words are lower case and hold no blank; a name on both sides has the same ones."""
    text = text_of(data)
    said = words(text)
    assert all(word and word == word.lower() and not word.isspace() for word in said)
    assert all(stemmed.stems(text))
    assert not any(" " in one for one in stemmed.stems(text))
    stored = set(stemmed.tokens(text).split(" "))
    assert set(stemmed.stems(text)) <= stored, set(stemmed.stems(text)) - stored
    for name in names(text)[:50]:
        assert set(stemmed.whole_tokens(name)) <= stored, name
        assert split_identifier(name) == words(name)
        assert stemmed.normalized(name) == stemmed.normalized(stemmed.normalized(name))
    assert stemmed.body_tokens(text).startswith(stemmed.tokens(text))
    fts_text(text)


_SEEDS = [
    *(b"HTTPServer2 snake_case parseURLs", "解析JSON文件 конфигурация Größe naïve".encode()),
    *(b"__init__ a1b2c3d4e5f60718293a4b5c6d7e8f90", "ﬁle ｆｕｌｌ İstanbul ὈΔΥΣΣΕΎΣ".encode()),
    *("設定ファイルを読む ไทย ភាសា ǅ ŉ ẞ".encode(), b"retries retrying stations formatting"),
]
_TOKENS = tokens(
    r"""
    ǅ ŉ ﷺ İ \u0345 ½ ⁵ ٣ ͺ ß ς _ __ Ab s\x20
    """
)

TARGET = Target(check, _SEEDS, _TOKENS, answers=())
