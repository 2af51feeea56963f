"""How near code is in meaning to the examples of a pattern, by the table model.

A hit is nearer to a positive example than to any negative one by a margin. How large it has to be
the examples themselves say: each is held against the others as if it were a hit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.patterns.allowed import unspoken
from c2llm.analysis.patterns.pattern import Pattern

if TYPE_CHECKING:
    from c2llm.encoding.protocol import TextEncoder

_SLACK = 0.05
"""What a hit of a filter may be nearer to a negative example than the worst of the positive ones:
the filter has said yes already."""
_LEAST_MARGIN = 0.03
"""Of a hit that meaning alone has found."""
_ONE_EXAMPLE = 0.65
"""The similarity that meaning alone asks for where one example cannot be held against others."""
_LOOSENED = 0.95
"""Of the similarity of examples to each other, what is asked of a hit."""


class Judgement(NamedTuple):
    """What meaning says of a piece of code."""

    score: float
    """Cosine with the nearest positive example."""
    margin: float
    """How much more than with the nearest negative one; the score where there is none."""
    passes: bool


@dataclass(frozen=True, slots=True)
class Threshold:
    """From where a piece of code is a hit."""

    margin: float
    score: float


class Examples:
    """The examples of a pattern as vectors."""

    def __init__(self, pattern: Pattern, encoder: TextEncoder) -> None:
        snippets = [*pattern.positive, *pattern.negative]
        vectors = encoder.encode_documents([one.code for one in snippets])
        self._positive: NDArray[np.float32] = vectors[: len(pattern.positive)]
        self._negative: NDArray[np.float32] = vectors[len(pattern.positive) :]
        self.threshold = self._calibrated(pattern)

    def judge(self, vectors: NDArray[np.float32]) -> list[Judgement]:
        """What is said of pieces of code, (n, dim) of unit length."""
        score, margin = _against(vectors @ self._positive.T, vectors @ self._negative.T)
        passes = (margin >= self.threshold.margin) & (score >= self.threshold.score)
        return [
            Judgement(float(a), float(b), bool(c))
            for a, b, c in zip(score, margin, passes, strict=True)
        ]

    def _calibrated(self, pattern: Pattern) -> Threshold:
        among = self._positive @ self._positive.T
        across = self._positive @ self._negative.T
        scores, margins = _against(_apart(among), across)
        alone = len(pattern.positive) < 2
        if pattern.find is not None:
            worst = 0.0 if alone else min(0.0, float(margins.min()))
            margin = worst - _SLACK if len(self._negative) else -1.0
            return Threshold(margin if pattern.threshold is None else pattern.threshold, -1.0)
        if pattern.threshold is not None and not len(self._negative):
            return Threshold(pattern.threshold, pattern.threshold)
        score = _ONE_EXAMPLE if alone else _LOOSENED * float(np.median(scores))
        margin = _LEAST_MARGIN
        if len(self._negative) and not alone:
            _, theirs = _against(across.T, _apart(self._negative @ self._negative.T))
            between = (float(margins.min()) + float(theirs.max())) / 2
            margin = max(_LEAST_MARGIN, between)
        return Threshold(margin if pattern.threshold is None else pattern.threshold, score)


def _against(
    positive: NDArray[np.float32], negative: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Score and margin of each row of similarities."""
    score = positive.max(axis=1, initial=-1.0)
    if not negative.shape[1]:
        return score, score
    return score, score - negative.max(axis=1, initial=-1.0)


def _apart(similarities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Similarities among some examples without those of each to itself."""
    others = similarities.copy()
    np.fill_diagonal(others, -1.0)
    return others


def unit_text(lines: Sequence[str], start: int, end: int) -> str:
    """The code whose meaning is read, without what indents it all or allows a hit."""
    from textwrap import dedent

    return dedent(unspoken("\n".join(lines[start - 1 : end])))
