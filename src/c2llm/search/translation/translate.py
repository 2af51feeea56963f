"""A question in another language as one in English, word by word.

What is in English stays as it is, and a question that has no foreign word is not touched. Names of
code are never translated: `Plug.Parsers 解析请求体` keeps its `Plug.Parsers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from c2llm.codebase.identifiers import UNSPACED
from c2llm.lazy_pattern import lazy_pattern
from c2llm.search.translation.language import latin_language
from c2llm.search.translation.lexicon import Lexicon, Translations, shipped_lexicon
from c2llm.search.translation.segmentation import parts_of_compound, words_of_run
from c2llm.search.translation.word_forms import folded, keys_of, phrase_key

_TOKEN = lazy_pattern(
    rf"(?P<run>[{UNSPACED}]+)"
    r"|(?P<name>`[^`]*`|[A-Za-z_][\w]*(?:(?:::|->|[.:/#])[A-Za-z_]\w*)+|\w*[A-Za-z]\w*[_\d]\w*"
    r"|[a-z]+[A-Z]\w*|[A-Z]+[a-z]+[A-Z]\w*)"
    rf"|(?P<word>[^\W\d_{UNSPACED}]+)"
)
_CYRILLIC = lazy_pattern("[\u0400-\u04ff]")
_KANA = lazy_pattern("[\u3041-\u30ff]")
_HANGUL = lazy_pattern("[\u1100-\u11ff\uac00-\ud7ff]")
_ORPHANS = lazy_pattern(r"(?:(?<!\w)['’-]|['’-](?!\w)|\s)+")
"""Spaces, and what stood between two parts of a word before they were translated."""
_LONGEST_PHRASE = 3
_MOST_CHARACTERS = 500
"""Of a longer question only the beginning is translated."""
_SAID = 0.3
"""Weight from which an English word stands in the translated question."""
_MOST_SAID = 3


@dataclass(frozen=True, slots=True)
class Translation:
    """What a question in another language was taken for."""

    text: str
    """The question in English words, in the order of its own."""
    understood: Mapping[str, tuple[str, ...]]
    """For each foreign word the English ones that it was taken for."""
    foreign: tuple[str, ...]
    """What was translated, as it is written."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a question."""

    start: int
    end: int
    text: str
    kind: str
    """`run`, `name` or `word`."""


def translated(text: str) -> Translation | None:
    """A question in English words; None where it has no foreign word that is known."""
    lexicon = shipped_lexicon()
    return None if lexicon is None else translate(lexicon, text)


@lru_cache(maxsize=8)
def translate(lexicon: Lexicon, text: str) -> Translation | None:
    """`translated`, by this lexicon."""
    pieces = [
        _Piece(match.start(), match.end(), match[0], match.lastgroup or "")
        for match in _TOKEN.finditer(text[:_MOST_CHARACTERS])
    ]
    latin = [one.text for one in pieces if one.kind == "word" and not _CYRILLIC.match(one.text)]
    language = latin_language(lexicon, latin) if latin else None
    runs = "".join(one.text for one in pieces if one.kind == "run")
    found: list[tuple[int, int, str, Translations]] = []
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        taken = 1
        if piece.kind == "run":
            found += _of_run(lexicon, piece, runs)
        elif piece.kind == "word":
            of_word = "ru" if _CYRILLIC.match(piece.text) else language
            if of_word is not None:
                taken = _phrase(lexicon, of_word, pieces[at:], text, found)
        at += taken
    if not any(translations for *_, translations in found):
        return None
    return _translation(text, found)


def _of_run(
    lexicon: Lexicon, piece: _Piece, runs: str
) -> Iterator[tuple[int, int, str, Translations]]:
    """The words of a run of Chinese, Japanese or Korean."""
    languages: tuple[str, ...] = ("ja", "zh") if _KANA.search(runs) else ("zh", "ja")
    if _HANGUL.search(piece.text):
        languages = ("ko",)
    at = piece.start
    for word, key in words_of_run(lexicon, languages, piece.text):
        translations = lexicon.translations(key) if key is not None else None
        yield at, at + len(word), word, translations or ()
        at += len(word)


def _phrase(
    lexicon: Lexicon,
    language: str,
    pieces: Sequence[_Piece],
    text: str,
    found: list[tuple[int, int, str, Translations]],
) -> int:
    """Translate the phrase or the word that pieces begin with; how many pieces that were."""
    for length in range(min(_LONGEST_PHRASE, len(pieces)), 1, -1):
        part = pieces[:length]
        if any(one.kind != "word" for one in part):
            continue
        translations = lexicon.translations(phrase_key(language, [one.text for one in part]))
        if translations:
            start, end = part[0].start, part[-1].end
            found.append((start, end, text[start:end], translations))
            return length
    piece = pieces[0]
    translations = _of_word(lexicon, language, piece.text)
    if translations is not None:
        found.append((piece.start, piece.end, piece.text, translations))
    return 1


def _of_word(lexicon: Lexicon, language: str, word: str) -> Translations | None:
    """What a word stands for; None where it is not known, or English and not of the language."""
    plain = folded(word)
    if len(plain) < 2:
        return () if word.islower() else None
    known = lexicon.languages(plain)
    if "en" in known and language not in known:
        return None
    for key in keys_of(language, word):
        translations = lexicon.translations(key)
        if translations is not None:
            return translations
    if language != "de":
        return None
    parts = parts_of_compound(lexicon, plain)
    if parts is None:
        return None
    return tuple(pair for key in parts for pair in lexicon.translations(key) or ())


def _translation(text: str, found: Sequence[tuple[int, int, str, Translations]]) -> Translation:
    said: list[str] = []
    understood: dict[str, tuple[str, ...]] = {}
    last = 0
    for start, end, word, translations in found:
        words = [english for english, weight in translations if weight >= _SAID][:_MOST_SAID]
        words = words or [english for english, _ in translations[:1]]
        said += [text[last:start], " ", " ".join(words), " "]
        last = end
        if translations:
            understood[word] = tuple(words)
    said.append(text[last:])
    return Translation(
        _ORPHANS.sub(" ", "".join(said)).strip(),
        understood,
        tuple(dict.fromkeys(word for *_, word, _ in found)),
    )
