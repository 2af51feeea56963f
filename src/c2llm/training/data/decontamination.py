"""Evaluation texts, as hashes; tells whether a training text repeats one of them.

Two tests. As a whole: two texts are the same if they agree after everything but letters and digits
is removed and case is folded, so formatting does not hide a repetition. By n-grams: a text is a
near-repetition if more than half of its runs of eight words occur in evaluation texts.

The n-gram test fails on documents that share their boilerplate: 92 % of the training rows of a
text-to-SQL set fall to it, because any two queries over one schema share their joins. Such sources
are marked `templated`: their documents are compared as a whole only, their queries by both tests.
"""

from __future__ import annotations

import re

SHINGLE = 8
"""Words of one n-gram."""
OVERLAP = 0.5
"""A text with more than this share of its n-grams in evaluation texts is dropped."""

_WORD = re.compile(r"[A-Za-z]+|[0-9]+")


def normal_words(text: str) -> list[str]:
    """Runs of letters and of digits, in lower case."""
    return _WORD.findall(text.lower())


class Contamination:
    """Texts of named evaluation sets."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._texts: dict[int, int] = {}  # hash -> number of the set
        self._shingles: dict[int, int] = {}

    def add(self, query: str, document: str, evaluation_set: str = "") -> None:
        """Remember an evaluation pair; either text may be empty."""
        if not self._names or self._names[-1] != evaluation_set:
            self._names.append(evaluation_set)
        number = len(self._names) - 1
        for text in (query, document):
            words = normal_words(text)
            if words:
                self._texts.setdefault(hash(tuple(words)), number)
                for shingle in _shingles(words):
                    self._shingles.setdefault(shingle, number)

    @property
    def is_empty(self) -> bool:
        """Whether there is no text to repeat."""
        return not self._texts

    def covers(self, text: str) -> bool:
        """Whether `text` repeats a remembered text, or shares most of its n-grams with them."""
        return self.source(text) is not None

    def source(self, text: str, *, ngrams: bool = True) -> str | None:
        """The evaluation set that `text` repeats, or None.

        Args:
            text: a training text.
            ngrams: also test by n-grams, not only as a whole.
        """
        if not self._texts:
            return None
        words = normal_words(text)
        number = self._texts.get(hash(tuple(words)))
        if number is not None:
            return self._names[number]
        if not ngrams:
            return None
        shingles = _shingles(words)
        found = [self._shingles[s] for s in shingles if s in self._shingles]
        if not found or len(found) <= OVERLAP * len(shingles):
            return None
        return self._names[max(set(found), key=found.count)]


def _shingles(words: list[str]) -> list[int]:
    return [hash(tuple(words[i : i + SHINGLE])) for i in range(len(words) - SHINGLE + 1)]
