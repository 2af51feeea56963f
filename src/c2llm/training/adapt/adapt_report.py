"""What an adaptation did: `adapt.json` for programs, `adapt.md` for people, beside the model."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from c2llm.training.adapt.adapt_comparison import BEFORE, FORGETS
from c2llm.training.run.checkpoint import write_json

JSON, MARKDOWN = "adapt.json", "adapt.md"


@dataclass(frozen=True)
class AdaptReport:
    """What an adaptation did."""

    out: str
    start: str
    roots: list[str]
    tune: str
    steps: int
    seconds: float
    """Of this command; an interrupted one's before are not counted."""
    kept: str
    """Name of the candidate that is kept, `before` for the model as it was."""
    verdict: str
    """`better`, `forgets too much`, `cannot tell` or `worse`."""
    words: str
    """The verdict as a sentence."""
    written: bool
    """False where nothing is kept and `out` holds a model adapted before, which stays there."""
    data: dict[str, Any]
    comparison: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return asdict(self)

    def write(self, folder: Path) -> None:
        """Write both files."""
        write_json(folder / JSON, self.to_dict())
        (folder / MARKDOWN).write_text(self._page(), encoding="utf-8")

    def _page(self) -> str:
        rows = "\n".join(
            f"| {name} | {scores['own_ndcg_at_10']:.3f} | {_signed(scores['own_gain'])} "
            f"| {scores['general_ndcg_at_10']:.3f} | {_signed(scores['general_gain'])} "
            f"| {_said(name, scores)} |"
            for name, scores in self.comparison["candidates"].items()
        )
        what = "as it was" if self.kept == BEFORE else f"adapted to your code ({self.kept})"
        return f"""# {self.start}, {what}

{self.words}

NDCG@10 on {self.comparison["questions"]} questions of held-out files of your code and on \
{self.comparison["general_questions"]} general ones; differences with their 95 % interval, which \
holds for all candidates together.

| | your code | difference | general | difference | |
|---|---:|---|---:|---|---|
{rows}

Trained on {self.data["training"]} pairs of your code and {self.data["replay"]} general ones, \
{self.steps} steps, tune {self.tune}. All numbers: `{JSON}`.
"""


def holds_adapted_model(folder: Path) -> bool:
    """Whether a folder holds what an adaptation has made better."""
    try:
        said = json.loads((folder / JSON).read_text(encoding="utf-8"))
        return bool(said["comparison"]["kept"] != BEFORE)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _said(name: str, scores: dict[str, Any]) -> str:
    if name == BEFORE:
        return ""
    said = {scores["verdict"]: None}
    if scores["forgets_too_much"]:
        said[FORGETS] = None
    return ", ".join(said)


def _signed(gain: dict[str, float]) -> str:
    if not any(gain.values()):
        return "0"
    return f"{gain['mean']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]"
