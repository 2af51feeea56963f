"""Scores that a run of mteb left behind, for a model's card."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from c2llm.errors import DataError
from c2llm.modeling.model_card import TaskScore
from c2llm.modeling.model_json import read_json

_LARGEST = 64 << 20
"""Bytes of a task's results."""


def kept_scores(folder: Path) -> tuple[TaskScore, ...]:
    """NDCG@10 of each task whose results lie anywhere below a folder.

    Args:
        folder: what `c2llm eval mteb --output` was given, or a folder in it: one model's, in one
            revision, under one set of settings.

    Raises:
        DataError: there are none, two of one task, or one that is not in mteb's layout.
    """
    scores: dict[str, TaskScore] = {}
    for path in sorted(folder.rglob("*.json")):
        if path.name == "model_meta.json" or path.name.startswith("."):
            continue
        score = _read(path)
        if score.task in scores:
            raise DataError(
                f"{folder} has results of {score.task} twice; name the folder of one model and one "
                "revision (results/OWNER__NAME/REVISION)."
            )
        scores[score.task] = score
    if not scores:
        raise DataError(f"{folder} has no results of mteb; name what --output was given.")
    return tuple(scores.values())


def _read(path: Path) -> TaskScore:
    try:
        fields = read_json(path, _LARGEST)
        ((split, languages),) = fields["scores"].items()
        return TaskScore(
            task=str(fields["task_name"]),
            dataset=_dataset(str(fields["task_name"])),
            revision=str(fields["dataset_revision"]),
            split=str(split),
            value=fmean(float(language["ndcg_at_10"]) for language in languages),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path} is no result of mteb with one split and NDCG@10.") from error


def _dataset(task: str) -> str:
    """The hub's name of a task's data."""
    from c2llm.evaluation.mteb.mteb_tasks import HUB_IDS

    return HUB_IDS.get(task, f"mteb/{task}")
