"""The words that text and names are compared by: stems, and the tokens of the lexical index."""

from __future__ import annotations

from functools import lru_cache

from c2llm.codebase.chunk import Chunk
from c2llm.codebase.identifiers import fts_text, names, words

_VOWELS = frozenset("aeiouy")
_ENDINGS = ("ements", "ement", "ably", "able", "ible", "ally", "ing", "ion", "ed", "er", "or", "ly")
# `configuration` meets `configure` and `serialization` `serialize`, but `validation` `validate`.
_ATION_AFTER = ("iz", "is", "ur", "ent", "orm", "ect")


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Cut an English ending off, so that `retries`, `retrying` and `retry` are one word.

    Crude on purpose: it compares names, not sentences, and both sides are cut alike.
    """
    if len(word) < 4 or not word.isascii() or "_" in word:
        return word
    if word.endswith(("ies", "ied")):
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith(("ss", "us", "is", "ias", "vas")):
        word = word[:-1]
    if word.endswith("ation") and word[:-5].endswith(_ATION_AFTER):
        return word[:-5]
    for ending in _ENDINGS:
        rest = word.removesuffix(ending)
        # `string` and `thing` are whole: a stem has a vowel and three letters.
        if rest != word and len(rest) >= 3 and not _VOWELS.isdisjoint(rest):
            if len(rest) > 3 and rest[-1] == rest[-2] and rest[-1] not in "ls":
                rest = rest[:-1]  # `formatting`, `mapped`
            word = rest
            break
    return word.removesuffix("e") if len(word) > 3 else word


def stems(text: str) -> list[str]:
    """The stems of all words of a text, identifiers split, in order."""
    return [stem(word) for word in words(text)]


def tokens(text: str) -> str:
    """The text as the lexical index stores it: whole identifiers and the stems of their parts."""
    return " ".join(filter(None, map(_tokens_of, names(text))))


@lru_cache(maxsize=65_536)
def _tokens_of(name: str) -> str:
    return " ".join([stem(word) for word in fts_text(name).split()])


def normalized(name: str) -> str:
    """A name without case and underscores, so that `retry_after` and `RetryAfter` are equal."""
    return name.replace("_", "").replace("-", "").lower()


def lexicon_row(path: str, chunk: Chunk) -> tuple[str, str, str]:
    """The three columns of the lexical index for a chunk: path, symbols, body."""
    symbols = " ".join((chunk.symbol, chunk.scope, *chunk.definitions))
    return tokens(path), tokens(symbols), tokens(chunk.text)
