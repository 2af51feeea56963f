"""What the features are worth: one weighted sum for each way in which a commit can be odd.

`weights.json` is written by `benchmarks/unusual_commits.py`, which chose the numbers on the
histories of sixteen repositories and measured them on sixteen others. They order commits; how many
alarms there are is bounded elsewhere (`alarms.py`), whatever they are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.history.past import FEATURES


@dataclass(frozen=True, slots=True)
class Weights:
    """Sums of weighted features, of which the largest counts."""

    matrix: NDArray[np.float64]
    """A row for each sum, of one weight for each of `FEATURES`."""
    biases: NDArray[np.float64]

    def score(self, values: NDArray[np.float64]) -> float:
        """How unusual an edit is: the logarithm of the odds of any of the ways."""
        return float(np.logaddexp.reduce(self.matrix @ values + self.biases))

    def shares(self, values: NDArray[np.float64]) -> dict[str, float]:
        """What each feature brought to the sum that is the largest."""
        row = self.matrix[int(np.argmax(self.matrix @ values + self.biases))]
        return dict(zip(FEATURES, (row * values).tolist(), strict=True))


@cache
def default_weights() -> Weights:
    """Those that are shipped."""
    path = Path(__file__).with_name("weights.json")
    told = json.loads(path.read_text(encoding="utf-8"))
    rows = [[row["weights"].get(name, 0.0) for name in FEATURES] for row in told.values()]
    return Weights(np.array(rows), np.array([row["bias"] for row in told.values()]))
