"""Which language in Latin letters a question is in, or that it is in English.

Chinese, Japanese, Korean and Russian show by their letters; here words are counted. A word counts
for a language where the lexicon has it in that language and neither in English nor in code.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from c2llm.search.translation.lexicon import Lexicon
from c2llm.search.translation.segmentation import parts_of_compound
from c2llm.search.translation.word_forms import folded

# Words that a question in English has, and that no other of these languages has.
_ENGLISH = frozenset(
    "about and are be been being between by does each every for from has have how is it its of that"
    " the their them then there these they this those to was were what when where whether which"
    " while who whose why will with".split()
)
_LETTERS = {
    "de": "äöüß",
    "es": "áéíñóúü",
    "fr": "àâçèéêëîïôùûœ",
    "pt": "áâãàçéêíóôõú",
    "it": "àèéìòù",
    "pl": "ąćęłńóśźż",
    "tr": "çğıöşü",
    "cs": "áčďéěíňóřšťúůýž",
}
_LOANED = frozenset("café cliché façade naïve résumé rôle".split())
"""Words that English writes with accents."""
_BY_LETTERS = 0.5
"""What a word that is not known counts by its accents."""
_AMONG_OTHERS = 0.3
"""What a word counts that English has too."""
_LEAST_COMPOUND = 9
"""Letters of a word that nobody knows and that may be German."""


def latin_language(lexicon: Lexicon, words: Sequence[str]) -> str | None:
    """The language of a question's words in Latin letters; None for English and for nothing known.

    Args:
        lexicon: Says which languages have a word.
        words: As they are written, without names of code.
    """
    lower = [word.lower() for word in words]
    english = sum(1 for word in lower if word in _ENGLISH)
    if english and all(map(str.isascii, lower)) and 2 * english >= len(lower):
        return None
    votes: Counter[str] = Counter()
    foreign = of_english = accented = 0.0
    for word in dict.fromkeys(lower):
        plain = folded(word)
        languages = lexicon.languages(plain)
        others = _fitting(word, [language for language in languages if language != "en"])
        if word in _LOANED:
            of_english += 1
        elif not languages:
            guessed = _guessed(lexicon, word, plain)
            votes.update(guessed)
            foreign += sum(guessed.values())
        elif not others:
            of_english += 1
        elif "en" not in languages:
            votes.update({language: 1.0 / len(others) for language in others})
            foreign += 1
        else:  # tells one foreign language from another, where it is one
            votes.update({language: _AMONG_OTHERS / len(others) for language in others})
            accented += 0.0 if word.isascii() else _BY_LETTERS
    if not of_english:  # code has such words without their accents, English has none
        foreign += accented
    if foreign <= english or foreign < max(_BY_LETTERS, 0.5 * of_english):
        return None
    return max(votes.items(), key=lambda vote: vote[1])[0]


def _fitting(word: str, languages: list[str]) -> list[str]:
    """Those of the languages that write a word with its accents; all where none does."""
    accents = set(re.sub("[a-z]", "", word))
    return [one for one in languages if accents <= set(_LETTERS.get(one, ""))] or languages


def _guessed(lexicon: Lexicon, word: str, plain: str) -> dict[str, float]:
    """What a word that is not known counts for."""
    if not word.isascii():
        accents = set(re.sub("[a-z]", "", word))
        fitting = [language for language, letters in _LETTERS.items() if accents <= set(letters)]
        return {language: _BY_LETTERS / len(fitting) for language in fitting} if fitting else {}
    if len(word) >= _LEAST_COMPOUND and (parts := parts_of_compound(lexicon, plain)):
        return {"de": 1.0} if all(_is_german(lexicon, key) for key in parts) else {}
    return {}


def _is_german(lexicon: Lexicon, key: str) -> bool:
    return "en" not in lexicon.languages(key.partition("·")[2])
