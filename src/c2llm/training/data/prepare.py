"""The pairs of a run: read once, set apart for validation, and found again by a resumed run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from c2llm.cores import core_count
from c2llm.errors import UsageError
from c2llm.home import home_folder
from c2llm.training.data.judging import Judged
from c2llm.training.data.pair_loading import (
    DataReport,
    count_pairs,
    evaluation_texts,
    load_pairs,
    split_validation,
    validation_pairs,
)
from c2llm.training.data.pair_sources import files_of
from c2llm.training.data.pair_store import ArrowPairs, Subset
from c2llm.training.data.shards import OnStart, judged_in_parallel
from c2llm.training.data.stored_texts import SUFFIX
from c2llm.training.data.training_pair import Pair
from c2llm.training.run.checkpoint import write_json
from c2llm.training.run.distributed import World
from c2llm.training.run.recipe import HUB, DataConfig


@dataclass(frozen=True)
class RunData:
    """What a run trains on and checks itself with."""

    training: Sequence[Pair]
    validation: list[Pair]
    report: DataReport
    weights: dict[str, float]
    """Dataset -> weight of its source."""
    loss_weights: dict[str, float]


def prepare(
    config: DataConfig,
    seed: int,
    folder: Path | None,
    world: World,
    *,
    on_start: OnStart = lambda what, total: lambda done: None,
) -> RunData:
    """Read the data of a recipe.

    Args:
        config: what to read.
        seed: draws capped rows and validation pairs.
        folder: the run's data folder; None keeps everything in memory and writes nothing.
        world: with `config.stream`, rank 0 reads and the others open what it wrote.
        on_start: as `judged_in_parallel`.

    Raises:
        DataError: as `load_pairs`.
    """
    pairs: Sequence[Pair]
    if config.stream and folder is not None:
        pairs, report = _streamed(config, seed, folder, world, on_start)
    else:
        pairs, report = load_pairs(config, seed, folder=folder if world.leads else None)
    if config.validation:
        training, validation = pairs, validation_pairs(config)
    else:
        training, validation = split_validation(pairs, config.validation_pairs, seed)
    sources = {source.dataset: source for source in reversed(config.sources)}
    return RunData(
        training,
        validation,
        report,
        {dataset: sources[name].weight for dataset, name in report.datasets.items()},
        {dataset: sources[name].loss_weight for dataset, name in report.datasets.items()},
    )


def prepare_ahead(config: DataConfig, seed: int, on_start: OnStart) -> DataReport:
    """Judge all rows of a recipe, for any run to find, and tell what will be kept and dropped.

    Raises:
        DataError: as `load_pairs`.
        UsageError: if the recipe keeps its pairs in memory, where nothing can be shared.
    """
    if not config.stream:
        raise UsageError(
            "--prepare keeps rows for runs that read them from disk: set data.stream=true."
        )
    return count_pairs(config, seed, _judged(config, on_start))


def _judged(config: DataConfig, on_start: OnStart) -> Callable[[int], Iterable[Judged]]:
    evaluation = evaluation_texts(config, Path(config.root))
    cache = home_folder() / "training-data"
    return judged_in_parallel(config, evaluation, cache, core_count(), on_start=on_start)


def _streamed(
    config: DataConfig, seed: int, folder: Path, world: World, on_start: OnStart
) -> tuple[Sequence[Pair], DataReport]:
    path, order_path, report_path = (
        folder / name for name in ("pairs.arrow", "order.npy", "report.json")
    )
    fingerprint = _fingerprint(config, seed)
    if world.leads and not _is_current(report_path, fingerprint):
        judged = _judged(config, on_start)
        pairs, report = load_pairs(config, seed, folder=folder, judged=judged)
        assert isinstance(pairs, Subset)
        np.save(order_path, pairs.positions)
        write_json(report_path, {"fingerprint": fingerprint, **report.to_dict()})
    world.barrier()
    kept = json.loads(report_path.read_text(encoding="utf-8"))
    return Subset(ArrowPairs(path), np.load(order_path)), DataReport.from_dict(kept)


def _is_current(report_path: Path, fingerprint: str) -> bool:
    try:
        kept = json.loads(report_path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(kept, dict) and bool(kept.get("fingerprint") == fingerprint)


def _fingerprint(config: DataConfig, seed: int) -> str:
    """Changes with the settings and with any file that is read."""
    facts: list[object] = [asdict(config), seed]
    named = [s.file for s in config.sources]
    for name in [*named, *config.decontaminate, *config.validation]:
        if not name.startswith(HUB):
            paths = files_of(name, Path(config.root))
            texts = [path.with_name(path.name + SUFFIX) for path in paths]
            for path in [*paths, *(path for path in texts if path.exists())]:
                status = path.stat()
                facts.append([str(path), status.st_size, status.st_mtime_ns])
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
