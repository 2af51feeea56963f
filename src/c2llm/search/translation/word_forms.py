"""What a foreign word is looked up by: its language and its stem, without accents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import normalize

from c2llm.codebase.identifiers import UNSPACED
from c2llm.codebase.inflection import snowball
from c2llm.codebase.words import without_accents

ALGORITHMS = {
    "de": "german",
    "es": "spanish",
    "fr": "french",
    "pt": "portuguese",
    "it": "italian",
    "pl": "polish",
    "tr": "turkish",
    "cs": "czech",
    "ru": "russian",
}
"""Languages that are written with spaces, and the stemmer of each."""
LATIN = tuple(language for language in ALGORITHMS if language != "ru")
"""Those in Latin letters: the letters do not say which."""
LONGEST_RUN = 10
"""Characters of the longest word of a script without spaces."""
_PARTICIPLE = re.compile(
    "(?P<before>|ab|an|auf|aus|bei|durch|ein|fest|frei|her|hin|los|mit|nach|um|unter|vor|weg|weiter"
    "|wieder|zu|zuruck|zusammen|uber)(?:ge|zu)(?P<stem>[a-z]{3,}?)(?:en|e?t)(?:e[mnrs]?)?"
)
_UNSPACED = re.compile(f"[{UNSPACED}]+")


def folded(word: str) -> str:
    """A word in lower case, its accents fallen away."""
    return without_accents(normalize("NFKC", word).lower())


def keys_of(language: str, word: str) -> tuple[str, ...]:
    """What a word of a language is looked up by, the surest first: as it is, and by its stem."""
    if language not in ALGORITHMS:
        return stem_keys(language, word)
    return (word_key(language, word), *stem_keys(language, word))


def word_key(language: str, word: str) -> str:
    """What a word is looked up by whose meaning is not that of the others of its stem."""
    return f"{language}={folded(word)}"


def stem_keys(language: str, word: str) -> tuple[str, ...]:
    """What a word is looked up by with all that have its stem, the likelier first.

    Endings are cut off with the accents they are written with and without, since not everybody has
    the keyboard.
    """
    lower = normalize("NFKC", word).lower()
    if language not in ALGORITHMS or _UNSPACED.match(lower):
        return (f"{language}·{lower}",)
    algorithm = ALGORITHMS[language]
    stems = [
        without_accents(snowball(algorithm, lower)),
        snowball(algorithm, without_accents(lower)),
    ]
    if language == "de":  # umlauts that were written as two letters
        stems += [re.sub("(?<=[aou])e", "", stem) for stem in stems[:1]]
        stems += [snowball(algorithm, form) for form in _infinitives(without_accents(lower))]
    if language == "fr" and lower.endswith("ent"):  # of a verb in the plural
        stems.append(snowball(algorithm, without_accents(lower)[:-3] + "er"))
    return tuple(f"{language}·{stem}" for stem in dict.fromkeys(stems))


def _infinitives(word: str) -> list[str]:
    """What a German participle, or an infinitive with `zu` inside, is a form of.

    `ausgelesen` is one of `auslesen`, `geladen` of `laden`, `einzulesen` of `einlesen`.
    """
    match = _PARTICIPLE.fullmatch(word)
    return [match["before"] + match["stem"] + "en"] if match else []


def phrase_key(language: str, words: Sequence[str]) -> str:
    """What several words together are looked up by."""
    return f"{language}·" + " ".join(
        stem_keys(language, word)[0][len(language) + 1 :] for word in words
    )
