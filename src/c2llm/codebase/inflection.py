"""Stems of languages other than English, by the Snowball algorithms.

A script with one dominant language says which algorithm a word takes. Latin letters do not, and
`listen`, a word of German, must not become `list` where it is English: German stems are tokens of
their own (`de·rechnung` beside `rechnungen`), written only for code whose words show the language,
and looked for only where an index has such code. An English tree is indexed and searched as if
there were none of this.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from c2llm.lazy_pattern import lazy_pattern

_SCRIPTS = (
    ("а", "ӿ", "russian"),
    ("ͱ", "Ͽ", "greek"),
    ("ا", "ۓ", "arabic"),
    ("ա", "և", "armenian"),
    ("\u0900", "\u097f", "hindi"),
    ("\u0b80", "\u0bff", "tamil"),
)
"""First and last letter, lower case, and the algorithm of the words that begin between them."""

_CYRILLIC_ENDING = lazy_pattern(
    r"(?<=..)(?:ями|ами|ого|его|ому|ему|ыми|ими|ові|еві|ою|ею|ов|ев|ей|ів|їв|ах|ях|ам|ям|ом|ем|ой"
    r"|ый|ий|ая|яя|ое|ее|ые|ие|ую|юю|[аяоеыиуюьйіїє])$"
)
"""Of the cases of a noun or an adjective, Russian, Ukrainian, Bulgarian or Serbian."""

# Words that nearly every sentence has, and that are none of English or of code.
_EVIDENCE = {
    "german": "aber alle aller auch auf aus beim diese dieser durch ein eine einen einer eines fuer"
    " für ist kann keine nach nicht nur oder sich sind ueber über und vom wenn werden wird zum zur",
    "french": "avec aux cette dans des du est être fait il la le les leur lorsque même nous par pas"
    " pour qui sont sur un une",
    "spanish": "cuando del desde el ella en es esta este las los más ningún para pero por que según"
    " si sin sobre sus una uno",
    "portuguese": "ao aos dos ela está já mais mas não nas nos ou para pela pelo quando que são sem"
    " seu sua um uma",
    "italian": "che con cui dal dalla dei della delle di è gli il la le nel nella non più quando si"
    " sono sul sulla una",
}
# Those that beside a letter of the language are evidence, but not by themselves.
_WEAK_EVIDENCE = {
    "german": "bei das dem den der des im zu",
    "french": "ces de et ne",
    "spanish": "con de la lo su un",
    "portuguese": "da de",
    "italian": "del lo nei un",
}
_FUNCTION_WORDS = {name: frozenset(words.split()) for name, words in _EVIDENCE.items()}
_WEAK = {name: frozenset(words.split()) for name, words in _WEAK_EVIDENCE.items()}
_AS_SPELLED = frozenset(
    form for known in _FUNCTION_WORDS.values() for word in known for form in (word, word.title())
)
_ENOUGH = {"german": 2}
"""Different function words that show a language; three where nothing else is said. One fewer beside
a letter that is of the language and not of English."""
_LEAST_EVIDENCE = min(_ENOUGH.values())
_LETTERS = {
    "german": lazy_pattern("[äöüß]"),
    "french": lazy_pattern("[àâçèéêëîïôûœ]"),
    "spanish": lazy_pattern("[áéíóúñ]"),
    "portuguese": lazy_pattern("[ãõáâàéêíóôúç]"),
    "italian": lazy_pattern("[àèéìòù]"),
}
_ENOUGH_UMLAUTS = 2
"""Different words with an umlaut that show German, whatever else there is."""
LATIN = {
    "german": "de·",
    "french": "fr·",
    "spanish": "es·",
    "portuguese": "pt·",
    "italian": "it·",
}
"""Languages in Latin letters, and how their tokens begin; alone, the mark of code that has any."""
_LEAST = 4
"""Letters of a word that has an ending."""


def script_stems(word: str) -> tuple[str, ...]:
    """A lower-case word without its ending, by the language of its script; as it is in others.

    A Slavic word has two stems where the algorithm, made for Russian, cuts another ending off than
    that of a noun: `подпись` and `подписи` have only the second in common.
    """
    first = word[:1]
    for start, end, language in _SCRIPTS:
        if start <= first <= end:
            stem = snowball(language, word)
            if language != "russian" or len(word) < _LEAST:
                return (stem,)
            return tuple(dict.fromkeys((stem, _CYRILLIC_ENDING.sub("", word))))
    return (word,)


def languages_of(names: Sequence[str]) -> list[str]:
    """The languages of `LATIN` that the names and words of a text show; most code shows none."""
    # Nearly all code leaves here: five hundred chunks are asked about in a millisecond.
    if len(_AS_SPELLED.intersection(names)) < _LEAST_EVIDENCE and all(map(str.isascii, names)):
        return []
    different = frozenset(names)
    accented = [name for name in different if not name.isascii()]
    words = {name.lower() for name in different}
    found: dict[str, int] = {}
    for name, known in _FUNCTION_WORDS.items():
        count = len(known & words)
        spelled = sum(1 for word in accented if _LETTERS[name].search(word.lower()))
        if spelled:
            count += len(_WEAK[name] & words)
        if count >= _ENOUGH.get(name, 3) - (1 if spelled else 0):
            found[name] = count + spelled
        elif name == "german" and spelled >= _ENOUGH_UMLAUTS:
            found[name] = spelled
    most = max(found.values(), default=0)
    return [name for name, count in found.items() if count == most]


def inflected(words: Iterable[str], languages: Iterable[str]) -> list[str]:
    """The tokens of the words' stems in these languages.

    Args:
        words: Lower case, in Latin letters; accents and umlauts as they are or written out.
        languages: Of `LATIN`.
    """
    long = [word for word in words if len(word) >= _LEAST and word.isalpha()]
    return [LATIN[name] + snowball(name, word) for name in languages for word in long]


@lru_cache(maxsize=65_536)
def snowball(language: str, word: str) -> str:
    """A lower-case word without its ending, by the algorithm of the language."""
    stem: str = _algorithm(language).stemWord(word)
    return stem


@lru_cache(maxsize=16)
def _algorithm(language: str) -> Any:
    # The module, not the package's `stemmer()`: that takes another implementation where there is
    # one, and an index must not depend on what else is installed.
    module = import_module(f"{_snowball_package()}.{language}_stemmer")
    return getattr(module, f"{language.capitalize()}Stemmer")()


@cache
def _snowball_package() -> str:
    """The name of a package that has the algorithms in it, each imported when it is asked for.

    snowballstemmer itself imports all of them at once, thirty times what a search needs.
    """
    spec = find_spec("snowballstemmer")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("snowballstemmer is not installed.", name="snowballstemmer")
    package = ModuleType(f"{__name__}.algorithms")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[package.__name__] = package
    return package.__name__
