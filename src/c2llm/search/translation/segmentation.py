"""Words where none are marked off: scripts without spaces, and German compounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from c2llm.search.translation.lexicon import Lexicon
from c2llm.search.translation.word_forms import LONGEST_RUN, keys_of

_UNKNOWN = 3.0
"""What a character of no word costs, where a word costs about 1."""
_LONG = 0.01
"""What the square of a word's length takes off its cost: of two ways to cut, the one with the
longer word."""
_LEAST_PART = 3
_LEAST_COMPOUND = 7
_LONGEST_COMPOUND = 32
_JOINTS = ("", "s", "es", "n", "en", "er", "e")
"""What German puts between two nouns."""


def words_of_run(
    lexicon: Lexicon, languages: Sequence[str], run: str
) -> list[tuple[str, str | None]]:
    """A run of a script without spaces in words, each with its key, None for what is not known.

    Args:
        lexicon: Where words are looked up.
        languages: Which it may be of; where several have a word, the first.
        run: Lower case.
    """

    def key_of(piece: str) -> str | None:
        keys = (key for language in languages for key in keys_of(language, piece))
        return next((key for key in keys if lexicon.translations(key) is not None), None)

    return _cheapest(run, key_of)


def _cheapest(run: str, key_of: Callable[[str], str | None]) -> list[tuple[str, str | None]]:
    """The way to cut that leaves the fewest characters over, and then has the fewest words."""
    best: list[tuple[float, int, str | None]] = [(0.0, 0, None)]
    for end in range(1, len(run) + 1):
        ways: list[tuple[float, int, str | None]] = [(best[end - 1][0] + _UNKNOWN, end - 1, None)]
        for start in range(max(0, end - LONGEST_RUN), end):
            key = key_of(run[start:end])
            if key is not None:
                cost = best[start][0] + 1.0 - _LONG * (end - start) ** 2
                ways.append((cost, start, key))
        best.append(min(ways, key=lambda way: (way[0], way[1])))
    words: list[tuple[str, str | None]] = []
    end = len(run)
    while end:
        _, start, key = best[end]
        words.append((run[start:end], key))
        end = start
    return words[::-1]


@lru_cache(maxsize=4096)
def parts_of_compound(lexicon: Lexicon, word: str) -> tuple[str, ...] | None:
    """Keys of the nouns that a German word is made of, None where it is not made of known ones."""
    if not _LEAST_COMPOUND <= len(word) <= _LONGEST_COMPOUND:
        return None
    for end in range(len(word) - _LEAST_PART, _LEAST_PART - 1, -1):
        key = _noun(lexicon, word[:end])
        if key is None:
            continue
        rest = word[end:]
        last = _noun(lexicon, rest, joints=("",))
        if last is not None:
            return key, last
        others = parts_of_compound(lexicon, rest)
        if others is not None:
            return key, *others
    return None


@lru_cache(maxsize=4096)
def _noun(lexicon: Lexicon, part: str, joints: Sequence[str] = _JOINTS) -> str | None:
    """The key of a part that has a meaning of its own."""
    for joint in joints:
        stem = part.removesuffix(joint) if joint else part
        if len(stem) < _LEAST_PART or (joint and stem == part):
            continue
        for key in keys_of("de", stem):
            if lexicon.translations(key) and len(key) > _LEAST_PART + len("de"):
                return key
    return None
