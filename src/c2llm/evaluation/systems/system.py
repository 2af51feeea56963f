"""What is compared: anything that ranks the documents of a task for each of its queries."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.protocol import Progress
from c2llm.evaluation.retrieval.retrieval_task import RetrievalTask

Ranking = NDArray[np.int64]
"""Positions of documents, best first."""


class System(Protocol):
    """Ranks documents; equal scores keep the order of the corpus."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides its rankings."""

    def rank(self, task: RetrievalTask, depth: int, progress: Progress) -> list[Ranking]:
        """For each query the best `depth` documents or fewer; `progress` counts texts."""
