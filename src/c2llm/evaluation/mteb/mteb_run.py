"""Tasks through one model, with results in mteb's own layout, so that a run goes on.

    OUTPUT/results/OWNER__NAME/REVISION/TASK.json          one file a task, language by language
    OUTPUT/results/OWNER__NAME/REVISION/model_meta.json
    OUTPUT/results/OWNER__NAME/REVISION/experiments/...    runs under other settings
    OUTPUT/vectors/TASK/...                                documents of a task that is not done

mteb writes a task's file after each language. A second run takes over what is there and does what
is missing. Results that cannot be what they are taken for are refused, not overwritten.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c2llm.errors import DataError
from c2llm.evaluation.mteb.mteb_tasks import (
    import_mteb,
    load_data,
    separate_cache,
    use_local_copy,
)

# Rows of a batch that mteb hands over; what is encoded at once is counted in tokens, not in these.
_ROWS = 512


@dataclass(frozen=True, slots=True)
class MtebScore:
    """One task of one model."""

    task: str
    score: float
    """Main score (NDCG@10 for the twelve), mean over the task's subsets, from 0 to 1."""
    subsets: dict[str, float]
    """Main score of each language, or of `default`."""
    data_revision: str
    published_revision: str
    """The commit of the data set that mteb names."""
    seconds: float
    kept: bool
    """Whether the result was there already."""

    @property
    def comparable(self) -> bool:
        """Whether it was made from the data that published scores are made from."""
        return self.data_revision == self.published_revision


def run_mteb(
    model: Any,
    tasks: Sequence[Any],
    output: Path,
    *,
    data: Path | None = None,
) -> Iterator[MtebScore]:
    """Every task, one after the other; each score comes as soon as it is there.

    Args:
        model: an `MtebEncoder`, or any model that mteb takes and that has a `mteb_model_meta` with
            a name and a revision. Where it has a `finish`, that is called with the name of each
            task that it has run.
        tasks: mteb's task objects; none may have been loaded.
        output: results go below it.
        data: where local copies of the data sets are; None for the hub.

    Raises:
        DataError: for data that cannot be had or make no task, or a result in `output` that belongs
            to another model or other data.
    """
    mteb = import_mteb()
    cache = mteb.ResultCache(output)
    published = [str(task.metadata.dataset["revision"]) for task in tasks]
    if data is not None:
        for task in tasks:  # before anything is encoded: a copy may be missing
            use_local_copy(task, data)
    for task, revision in zip(tasks, published, strict=True):
        kept = _kept_result(cache, model.mteb_model_meta, task)
        result = kept
        if result is None:
            with separate_cache() if data is not None else nullcontext():
                load_data(task, local=data is not None)
                try:
                    result = _evaluated(mteb, model, task, cache)
                finally:
                    task.unload_data()
            if hasattr(model, "finish"):
                model.finish(task.metadata.name)
        yield _score(task, result, revision, kept=kept is not None)


def _evaluated(mteb: Any, model: Any, task: Any, cache: Any) -> Any:
    (result,) = mteb.evaluate(
        model,
        task,
        cache=cache,
        co2_tracker=False,
        encode_kwargs={"batch_size": _ROWS, "show_progress_bar": False},
        overwrite_strategy="only-missing",
        show_progress_bar=False,
    ).task_results
    return result


def _kept_result(cache: Any, meta: Any, task: Any) -> Any:
    """The complete result of a task, None where it is missing or lacks languages.

    Raises:
        DataError: for one of another model or other data.
    """
    path = Path(cache.get_task_result_path(task.metadata.name, meta))
    _check_meta(path.parent / "model_meta.json", meta)
    if not path.is_file():
        return None
    try:
        result = cache.load_task_result(task.metadata.name, meta)
        incomplete = bool(result.get_missing_evaluations(task))
    except Exception as error:  # pydantic, json and mteb each raise their own
        raise DataError(f"{path} is not a result of mteb ({error!r:.150}); remove it.") from error
    if result.task_name != task.metadata.name:
        raise DataError(f"{path} holds a result of {result.task_name}; remove it.")
    revision = task.metadata.dataset["revision"]
    if result.dataset_revision != revision:
        raise DataError(
            f"{path} was made from other data (revision {result.dataset_revision}, not "
            f"{revision}); give another --output, or remove it."
        )
    return None if incomplete else result


def _check_meta(path: Path, meta: Any) -> None:
    if not path.is_file():
        return
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        there = (fields["name"], fields["revision"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path} is not mteb's description of a model; remove it.") from error
    if there != (meta.name, meta.revision):
        raise DataError(
            f"{path.parent} holds results of {there[0]} ({there[1]}), not of {meta.name} "
            f"({meta.revision}); give another --output."
        )


def _score(task: Any, result: Any, published: str, *, kept: bool) -> MtebScore:
    subsets = {
        entry["hf_subset"]: float(entry["main_score"])
        for split in task.eval_splits
        for entry in result.scores[split]
        if entry["hf_subset"] in task.hf_subsets
    }
    return MtebScore(
        task=task.metadata.name,
        score=sum(subsets.values()) / len(subsets),
        subsets=subsets,
        data_revision=str(result.dataset_revision),
        published_revision=published,
        seconds=float(result.evaluation_time or 0.0),
        kept=kept,
    )
