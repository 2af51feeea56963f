"""A library held against its own examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from c2llm.analysis.patterns.find import Finder
from c2llm.analysis.patterns.pattern import Pattern
from c2llm.analysis.patterns.searched_text import Text


class Failure(NamedTuple):
    """An example that its pattern judges wrongly."""

    pattern: str
    example: str
    """`positive` or `negative`."""
    number: int
    """From 0, as the list has it."""
    why: str


def failures(patterns: Sequence[Pattern]) -> list[Failure]:
    """The positive examples that are not found, and the negative ones that are.

    Raises:
        DataError: A filter cannot be compiled.
    """
    texts: list[Text] = []
    wanted: list[tuple[int, str, int]] = []
    for at, pattern in enumerate(patterns):
        for example in ("positive", "negative"):
            for number, snippet in enumerate(getattr(pattern, example)):
                texts.append(Text(f"{at} {example} {number}", snippet.code, snippet.language))
                wanted.append((at, example, number))
    found = Finder(patterns).found(texts, len(texts))
    failed: list[Failure] = []
    for (at, example, number), (text, result) in zip(wanted, found, strict=True):
        pattern = patterns[at]
        is_found = at in result
        if is_found == (example == "positive"):
            continue
        why = "is found"
        if not is_found:
            why = "is not found"
            if not pattern.speaks_of(text.language):
                why += f": the pattern does not look into {text.language}"
        failed.append(Failure(pattern.name, example, number, why))
    return failed
