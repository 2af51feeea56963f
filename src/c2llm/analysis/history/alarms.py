"""How unusual is unusual: a score against the scores of earlier commits, and no assumption more.

The p-value of a commit is the share of the last `WINDOW` commits, itself among them, whose score is
as high (the conformal p-value of Vovk, Gammerman and Shafer, Algorithmic Learning in a Random
World, 2005). If commits come in no particular order of their scores, it is at most a in at most a
share of a, whatever the scores are made of; how far a real history keeps to that is measured.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

WINDOW = 1_000
"""Earlier scores that a new one is compared with: a habit may change."""


class Alarms:
    """Tells which scores are too high for the ones before.

    Args:
        rate: The most false alarms, as a share of what is judged.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._sorted: list[float] = []
        self._order: deque[float] = deque()

    @property
    def least(self) -> int:
        """Earlier scores, below which no score could raise an alarm."""
        return round(1 / self.rate + 0.499_999) - 1

    @property
    def missing(self) -> int:
        """How many more it takes until something can be told."""
        return max(0, self.least - len(self._sorted))

    def p_value(self, score: float) -> float:
        """The share of scores that are as high."""
        as_high = len(self._sorted) - bisect_left(self._sorted, score)
        return (1 + as_high) / (1 + len(self._sorted))

    def learn(self, score: float) -> None:
        """Take one more score; beyond `WINDOW` the oldest goes."""
        insort(self._sorted, score)
        self._order.append(score)
        if len(self._order) > WINDOW:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]
