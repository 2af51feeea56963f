"""The leaderboard's scores of MTEB(Code, v1), kept in `published.json` with their source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from c2llm.errors import UsageError

COMPARED = (
    "codefuse-ai/C2LLM-7B",
    "codefuse-ai/C2LLM-0.5B",
    "lightonai/LateOn-Code-edge",
    "sentence-transformers/all-MiniLM-L6-v2",
    "mteb/baseline-bm25s",
)
"""Stand beside ours where nothing else is asked for: two to reach, one small, two to beat."""


@dataclass(frozen=True, slots=True)
class Published:
    """Scores that others published."""

    source: str
    models: dict[str, dict[str, float]]
    """Model -> task -> NDCG@10 in percent, mean over the task's languages; some lack tasks."""

    def named(self, name: str) -> str:
        """The full name of a model, from all of it or what follows its slash, in any case.

        Raises:
            UsageError: for a model that is not in the table.
        """
        for full in self.models:
            if name.lower() in (full.lower(), full.rpartition("/")[2].lower()):
                return full
        raise UsageError(
            f"No published scores of {name!r} are kept; there are {', '.join(self.models)}."
        )


@lru_cache(maxsize=1)
def published_scores() -> Published:
    """The table in `published.json`."""
    fields = json.loads(Path(__file__).with_name("published.json").read_text(encoding="utf-8"))
    return Published(fields["source"], fields["models"])
