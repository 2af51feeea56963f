"""Before and after an adaptation, on held-out code of the user and on a general set.

What is compared is what would be served: exported models, int8 where the model was. Each question
has one answer, and all documents of its set are searched.

A candidate is kept only if it is better than the model before beyond chance: its interval
(`paired_intervals.py`) on the user's code lies above zero, which it may do for one of three
candidates by luck no more often than for one. And it must forget little: its general NDCG@10 may
lie `tolerance` below that of the model before. Of several such the best on the user's code is kept.
Otherwise the model before is, and the verdict says whether the candidates are worse or whether so
few questions cannot tell.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from c2llm.encoding.protocol import TextEncoder
from c2llm.errors import DataError
from c2llm.training.adapt.paired_intervals import Interval, paired_intervals
from c2llm.training.run.validation import scores_of_answers

BEFORE = "before"
WORSE, CANNOT_TELL, FORGETS, BETTER = "worse", "cannot tell", "forgets too much", "better"
_VERDICTS = (WORSE, CANNOT_TELL, FORGETS, BETTER)
"""The nearest to being kept comes last: the verdict on all candidates is that on the best."""
_REACH = 2.4
"""Standard errors that the best of three may be off by chance (Šidák)."""
_MOST_NEEDED = 10_000
"""Questions beyond which no number is told: nobody has them, and the gain is next to nothing."""


@dataclass(frozen=True)
class Scores:
    """NDCG@10 of one candidate, question by question."""

    name: str
    own: NDArray[np.float64]
    general: NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """All candidates beside each other, and what follows."""

    kept: str
    verdict: str
    """On the best candidate: `better` and kept, `forgets too much`, `cannot tell` or `worse`."""
    words: str
    """The verdict as a sentence, with its numbers and what would help."""
    questions: int
    """Of the user's held-out code."""
    general_questions: int
    questions_needed: int | None
    """So many would about do, if the gain that cannot be told is real; None where that is no
    question."""
    tolerance: float
    candidates: dict[str, dict[str, Any]]
    """Name -> NDCG@10 of both sets, and the gain over `before` with its 95 % interval."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return asdict(self)


def ndcg_of_pairs(encoder: TextEncoder, file: Path) -> NDArray[np.float64]:
    """NDCG@10 of each query of a pair file among all its documents (0 below rank 10)."""
    with file.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    if not rows:
        return np.zeros(0)
    queries = encoder.encode_queries([row["query"] for row in rows])
    # As search embeds code: below the words of its path and its signature.
    texts = [f"{row['header']}\n{row['positive']}" for row in rows]
    similarity = torch.from_numpy(queries @ encoder.encode_documents(texts).T)
    _, gains = scores_of_answers(similarity, torch.arange(len(rows)))
    told: NDArray[np.float64] = gains.numpy()
    return told


def compare(candidates: Sequence[Scores], tolerance: float) -> Comparison:
    """Choose among candidates; the first is the model before.

    Args:
        candidates: scores on the same pairs.
        tolerance: general NDCG@10 that may be lost.

    Raises:
        DataError: if they are not scores of the same questions.
    """
    before, *others = candidates
    if not others:
        raise DataError("There is no candidate to compare: name another folder with --out.")
    for scores in others:
        if len(scores.own) != len(before.own) or len(scores.general) != len(before.general):
            raise DataError(
                f"The scores of {scores.name!r} are of other questions than those of the model "
                "before: remove the unfinished run and adapt again."
            )
    own = paired_intervals(np.array([scores.own - before.own for scores in others]))
    general = paired_intervals(np.array([scores.general - before.general for scores in others]))
    nothing = Interval(0.0, 0.0, 0.0)
    told = {BEFORE: _told(before, nothing, nothing, False)}
    verdicts: dict[str, str] = {}
    for scores, gain, change in zip(others, own, general, strict=True):
        forgets = _mean(before.general) - _mean(scores.general) > tolerance
        verdicts[scores.name] = _verdict(gain, forgets)
        told[scores.name] = _told(scores, gain, change, forgets)
        told[scores.name]["verdict"] = verdicts[scores.name]
    best = max(others, key=lambda s: (_VERDICTS.index(verdicts[s.name]), _mean(s.own)))
    verdict = verdicts[best.name]
    needed = _needed(best.own - before.own) if verdict == CANNOT_TELL else None
    return Comparison(
        kept=best.name if verdict == BETTER else BEFORE,
        verdict=verdict,
        words=_words(best, before, own[others.index(best)], verdict, tolerance, needed),
        questions=len(before.own),
        general_questions=len(before.general),
        questions_needed=needed,
        tolerance=tolerance,
        candidates=told,
    )


def _verdict(gain: Interval, forgets: bool) -> str:
    if gain.is_above:
        return FORGETS if forgets else BETTER
    return WORSE if gain.is_below else CANNOT_TELL


def _told(scores: Scores, gain: Interval, change: Interval, forgets: bool) -> dict[str, Any]:
    return {
        "own_ndcg_at_10": round(_mean(scores.own), 4),
        "general_ndcg_at_10": round(_mean(scores.general), 4),
        "own_gain": asdict(gain),
        "general_gain": asdict(change),
        "forgets_too_much": forgets,
    }


def _words(
    best: Scores,
    before: Scores,
    gain: Interval,
    verdict: str,
    tolerance: float,
    needed: int | None,
) -> str:
    """The verdict as a sentence or two."""
    measured = (
        f"{verdict}: {best.name!r} has {gain.mean:+.3f} NDCG@10 on {len(before.own)} questions of "
        f"your code (95 % interval {gain.low:+.3f} to {gain.high:+.3f})"
    )
    if verdict == BETTER:
        return f"{measured} and is kept."
    if verdict == FORGETS:
        return (
            f"{measured}, but loses {_mean(before.general) - _mean(best.general):.3f} on the "
            f"general set, where {tolerance:g} is allowed: the model before is kept. A larger "
            "--tolerance allows more."
        )
    if verdict == WORSE:
        return (
            f"{measured}: the model before is kept. More code to train on, or fewer --steps, may "
            "help."
        )
    if not len(before.own):
        measured = f"{verdict}: there is no question of your code"
    elif not np.any(best.own != before.own):
        measured = (
            f"{verdict}: all {len(before.own)} questions of your code are answered as well as "
            "before"
        )
    help_ = "More questions help: name more repositories, or document more functions."
    if needed is not None:
        help_ = f"About {needed} questions would show a gain of this size, if it is real. {help_}"
    return f"{measured}: the model before is kept. {help_}"


def _needed(differences: NDArray[np.float64]) -> int | None:
    """Questions that would about do if the mean difference were the true one, to two digits."""
    mean = _mean(differences)
    if mean <= 0:
        return None
    exact = float((differences**2).mean()) * (_REACH / mean) ** 2
    if exact > _MOST_NEEDED:
        return None
    step = int(10 ** max(0, len(str(int(exact))) - 2))
    return max(len(differences) + 1, step * math.ceil(exact / step))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0
