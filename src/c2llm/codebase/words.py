"""The words that text and names are compared by: stems, and the tokens of the lexical index.

Both sides, what is indexed and what is asked, come through here:

- an English word is cut to its stem, a word of another script by the language of that script;
- accents fall away, and an umlaut is one letter or two (`größe` is `grosse` and `groesse`);
- a run of a script without spaces is its pairs of neighbours (`消息队列` is `消息 息队 队列`), so
  that any part of it of two characters or more is found wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from unicodedata import combining, normalize

from c2llm.codebase.chunk import Chunk
from c2llm.codebase.identifiers import UNSPACED, names, whole_and_parts, words
from c2llm.codebase.inflection import LATIN, inflected, languages_of, script_stems

# Endings that no English word has, nor any that programmers coined.
_GERMAN_PLURALS = ("ungen", "heiten", "keiten", "schaften")
_GERMAN_VERB = re.compile(r"(\w{2,}i)er(?:t|te|ten|en|ung)")
_VOWELS = frozenset("aeiouy")
_ENDINGS = ("ements", "ement", "ably", "able", "ible", "ally", "ing", "ion", "ed", "er", "or", "ly")
# `configuration` meets `configure` and `serialization` `serialize`, but `validation` `validate`.
_ATION_AFTER = ("iz", "is", "ur", "ent", "orm", "ect")
_UNSPACED = re.compile(f"[{UNSPACED}]")
# Latin and Greek, also with two accents on a letter.
_ACCENTED = re.compile("[a-z\u00c0-\u03ff\u1e00-\u1fff]")
# Letters that two are written for, and those that are no letter with a mark on it.
_WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_PLAIN = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
    | {"ς": "σ", "ё": "е"}
)


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Cut an English ending off, so that `retries`, `retrying` and `retry` are one word.

    Crude on purpose: it compares names, not sentences, and both sides are cut alike. Of German it
    knows only endings that English does not have; the others are for `inflection`.
    """
    return _stem(word)


def _stem(word: str) -> str:
    if len(word) < 4 or "_" in word or not word.isascii():
        return word
    if word.endswith(_GERMAN_PLURALS):
        word = word[:-2]
    if "ier" in word and (german := _GERMAN_VERB.fullmatch(word)):
        return german[1]
    if word.endswith(("ies", "ied")):
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith(("ss", "us", "is", "ias", "vas")):
        word = word[:-1]
    if word.endswith("ation") and word[:-5].endswith(_ATION_AFTER):
        return word[:-5]
    for ending in _ENDINGS if word.endswith(_ENDINGS) else ():
        rest = word.removesuffix(ending)
        # `string` and `thing` are whole: a stem has a vowel and three letters.
        if rest != word and len(rest) >= 3 and not _VOWELS.isdisjoint(rest):
            if len(rest) > 3 and rest[-1] == rest[-2] and rest[-1] not in "ls":
                rest = rest[:-1]  # `formatting`, `mapped`
            word = rest
            break
    return word.removesuffix("e") if len(word) > 3 else word


@lru_cache(maxsize=65_536)
def stems_of(word: str) -> tuple[str, ...]:
    """What a word of `identifiers.words` is compared by, mostly one stem."""
    if word.isascii():
        return (stem(word),)
    if _UNSPACED.match(word):
        return tuple(map("".join, pairwise(word))) or (word,)
    return tuple(
        dict.fromkeys(
            stemmed
            for spelled in _spellings(word)
            for stemmed in ((stem(spelled),) if spelled.isascii() else script_stems(spelled))
        )
    )


def stems(text: str) -> list[str]:
    """The stems of all words of a text, identifiers split, in order."""
    return [stem for word in words(text) for stem in stems_of(word)]


def tokens(text: str) -> str:
    """The text as the lexical index stores it: whole identifiers and the stems of their parts."""
    return _joined(names(text))


def body_tokens(text: str) -> str:
    """`tokens` of code, and behind them those of its languages other than English."""
    found = names(text)
    english = _joined(found)
    languages = languages_of(found)
    if not languages:
        return english
    marks = [LATIN[language] for language in languages]
    return " ".join([english, *marks, *inflected(_written_out(words(text)), languages)])


def inflected_tokens(word: str, marks: Iterable[str]) -> list[str]:
    """What a word is in code of the languages that have these marks (`LATIN`)."""
    present = frozenset(marks)
    languages = [language for language, mark in LATIN.items() if mark in present]
    return inflected(_written_out([word]), languages)


def whole_tokens(name: str) -> tuple[str, ...]:
    """What the lexical index keeps for a name of several parts as a whole; nothing for a word."""
    forms = whole_and_parts(name)
    if len(forms) < 2:
        return ()
    return (forms[0],) if _UNSPACED.search(forms[0]) else stems_of(forms[0])


class _Tokens(dict[str, str]):
    """A name to its tokens, made at the first look: a repository says the same names over and over.

    A plain dict and not `lru_cache`, whose list of what was used last costs as much as the look.
    """

    def __missing__(self, name: str) -> str:
        if len(self) >= _MOST_NAMES:
            self.clear()
        tokens = self[name] = _tokens_of(name)
        return tokens


_MOST_NAMES = 1 << 18
"""Of a tree of some ten thousand files: 40 MB with their tokens."""
_TOKENS = _Tokens()


def _joined(found: Iterable[str]) -> str:
    return " ".join(filter(None, map(_TOKENS.__getitem__, found)))


def _tokens_of(name: str) -> str:
    if name.isascii():
        forms = whole_and_parts(name)
        if len(forms) < 2:
            return "".join(map(stem, forms))
        whole, *parts = forms  # there are too many wholes to remember the stem of each
        return " ".join([_stem(whole), *map(stem, parts)])
    found: list[str] = []
    for form in whole_and_parts(name):
        found += stems_of(form) if form.isascii() or not _UNSPACED.search(form) else _grams(form)
    return " ".join(found)


def _grams(form: str) -> tuple[str, ...]:
    """Tokens of a run without spaces, or of a whole name that has such runs.

    Behind its pairs each character alone, for whoever asks for one.
    """
    if not _is_run(form):
        return (form,)
    return (*stems_of(form), *form) if len(form) > 1 else (form,)


def _is_run(form: str) -> bool:
    return all(map(_UNSPACED.match, form))


def _spellings(word: str) -> tuple[str, ...]:
    """A lower-case word without accents, and with its umlauts written out."""
    return without_accents(word), without_accents(word.translate(_WRITTEN_OUT))


def _written_out(found: Iterable[str]) -> list[str]:
    return [
        word if word.isascii() else without_accents(word.translate(_WRITTEN_OUT)) for word in found
    ]


def without_accents(word: str) -> str:
    """Latin and Greek letters without what stands on them; those of other scripts need theirs."""
    if not _ACCENTED.match(word):
        return word.translate(_PLAIN)
    apart = normalize("NFD", word)
    plain = "".join(char for char in apart if not combining(char)).translate(_PLAIN)
    return plain or word  # an accent that stands on nothing


def normalized(name: str) -> str:
    """A name without case and underscores, so that `retry_after` and `RetryAfter` are equal."""
    plain = name.replace("_", "").replace("-", "").lower()
    if plain.isascii():
        return plain
    return _spellings(normalize("NFKC", plain).lower())[1]


def lexicon_row(path: str, chunk: Chunk) -> tuple[str, str, str]:
    """The three columns of the lexical index for a chunk: path, symbols, body."""
    symbols = " ".join((chunk.symbol, chunk.scope, *chunk.definitions))
    return _path_tokens(path), tokens(symbols), body_tokens(chunk.text)


@lru_cache(maxsize=1)
def _path_tokens(path: str) -> str:
    """`tokens` of the path that all chunks of a file have."""
    return tokens(path)
